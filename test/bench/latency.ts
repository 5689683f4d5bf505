import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "nats";
import type { Benchmark, BenchReport } from "./benchmark.ts";
import { buildProgram } from "./build-program.ts";
import { RestClient } from "./rest-lifecycles.ts";
import { ServerStores } from "./server-stores.ts";
import { quantileOf, spreadOf, spreadText } from "./statistics.ts";

/** POSTs begin so many times a second, whatever has been answered. */
const PER_SECOND = 100;
const CONNECTIONS = 128;

export const latencyBenchmark: Benchmark = {
  name: "latency",
  title: "How long an answer takes on NATS and etcd",
  async run({ quick, say }): Promise<BenchReport> {
    const { rounds, posts, gets, warmUp } = quick
      ? { rounds: 1, posts: 30, gets: 50, warmUp: 5 }
      : { rounds: 5, posts: 500, gets: 1000, warmUp: 300 };
    if (!quick) await buildProgram(say);
    const stores = await ServerStores.open({ built: !quick });
    try {
      const { url } = await stores.start();
      const rest = new RestClient(url, CONNECTIONS);
      const nats = await connect({ servers: stores.nats.address });
      try {
        const { times: first, ids } = await openLoop(rest, warmUp);
        say(`${first.length} POSTs to warm up`);
        const id = ids[0] ?? "";
        const getOver = async (count: number) => {
          const times: number[] = [];
          for (let at = 0; at < count; at += 1) {
            const start = performance.now();
            const answer = await nats.request("signalbox.v2.networks.get", JSON.stringify({ id }), { timeout: 10_000 });
            times.push(performance.now() - start);
            if (!answer.string().includes(id)) throw new Error(`not the network asked for: ${answer.string()}`);
          }
          return times;
        };
        await getOver(warmUp);
        const posted: number[][] = [];
        const gotten: number[][] = [];
        const gottenBeside: number[][] = [];
        for (let round = 0; round < rounds; round += 1) {
          gotten.push(await getOver(gets));
          const posting = openLoop(rest, posts);
          gottenBeside.push(await getOver(Math.round(gets / 10)));
          posted.push((await posting).times);
        }
        return {
          tables: [
            {
              caption: `Milliseconds, median (least to greatest) of ${rounds} rounds`,
              headings: ["what", "median", "95 %", "99 %"],
              rows: [
                row(`POST over REST, ${PER_SECOND} a second (${posts} a round)`, posted),
                row(`get over NATS, one after the other (${gets} a round)`, gotten),
                row("get over NATS beside the POSTs", gottenBeside),
              ],
            },
          ],
          notes: [
            "A POST is a network with two jobs, whose controller is instant; it is answered when its records are in the log. Times are from when the " +
              "request was due, so a server that falls behind cannot hide it. The jobs of the networks made run beside. One process with all roles, " +
              "nats-server and etcd each in its own.",
          ],
        };
      } finally {
        await nats.close();
        rest.close();
      }
    } finally {
      await stores.close();
    }
  },
};

/** Sends each request when it is due. */
async function openLoop(rest: RestClient, count: number): Promise<{ times: number[]; ids: string[] }> {
  const times: number[] = [];
  const ids: string[] = [];
  const pending: Promise<void>[] = [];
  const start = performance.now();
  for (let at = 0; at < count; at += 1) {
    const due = start + (at * 1000) / PER_SECOND;
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    const network = { name: `latency-${at}`, tenant_id: "0123456789abcdef0123456789abcdef" };
    pending.push(
      rest.send("POST", "/v2.0/networks", { network }).then((text) => {
        times.push(performance.now() - due);
        const id = /"id":"([0-9a-f-]{36})"/.exec(text)?.[1];
        if (id !== undefined) ids.push(id);
      }),
    );
  }
  await Promise.all(pending);
  return { times, ids };
}

function row(name: string, rounds: ReadonlyArray<readonly number[]>): string[] {
  const text = (part: number) => spreadText(spreadOf(rounds.map((times) => quantileOf(times, part))), 2);
  return [name, text(0.5), text(0.95), text(0.99)];
}
