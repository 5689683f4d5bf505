import type { RouterAddress, RouterSession } from "../../src/actors/ports.ts";
import { NetconfConnector } from "../../src/adapters/netconf/connector.ts";
import { element, type XmlElement } from "../../src/xml/element.ts";
import { silentLogger } from "../servers/silent-logger.ts";
import type { Benchmark, BenchReport } from "./benchmark.ts";
import { labPage, startLabProcess } from "./child-system.ts";
import { type Spread, spreadOf } from "./statistics.ts";

type Driver = "ssh2" | "node-netconf";

const LOGIN = { username: "signalbox", password: "demo-router" };

interface Question {
  readonly name: string;
  ask(session: RouterSession): Promise<unknown>;
}

const small: XmlElement = element("get-system-information");
const questions: readonly Question[] = [
  { name: "small reply (get-system-information)", ask: (session) => session.rpc(small) },
  { name: "whole configuration (get-config)", ask: (session) => session.getConfig("running") },
];

export const netconfBenchmark: Benchmark = {
  name: "netconf",
  title: "NETCONF round trips: the own driver and node-netconf",
  async run({ quick }): Promise<BenchReport> {
    const lab = await startLabProcess({ built: false });
    try {
      const router = (await labPage(lab)).routers[0];
      if (router === undefined) throw new Error("the lab has no router");
      const address: RouterAddress = { host: router.address, port: 830, ...LOGIN };
      const connect = (driver: Driver) =>
        new NetconfConnector({
          addressBook: () => router.listens,
          hostKeys: { mode: "insecure" },
          driver,
          logger: silentLogger,
        }).connect(address);
      const plan = quick ? { rounds: 3, trips: 5, connects: 1 } : { rounds: 20, trips: 200, connects: 10 };
      const rows: string[][] = [];
      const own = await connect("ssh2");
      const other = await connect("node-netconf");
      try {
        for (const question of questions) rows.push(await compare(question, own, other, plan));
      } finally {
        await own.close();
        await other.close();
      }
      rows.push(await compareConnects(connect, plan.connects));
      return {
        tables: [
          {
            caption: `Milliseconds, median of ${plan.rounds} rounds of ${plan.trips} round trips one after the other (connecting: ${plan.connects} rounds of 1)`,
            headings: ["operation", "own driver (ssh2)", "node-netconf", "ratio"],
            rows,
          },
        ],
        notes: [
          "The rounds of the two drivers take turns within one run, against the same router of a lab in another process. " +
            "Both have the same session above them, which parses replies and maps errors.",
        ],
      };
    } finally {
      await lab.stop();
    }
  },
};

async function compare(
  question: Question,
  own: RouterSession,
  other: RouterSession,
  plan: { rounds: number; trips: number },
): Promise<string[]> {
  const round = async (session: RouterSession): Promise<number> => {
    const start = performance.now();
    for (let at = 0; at < plan.trips; at += 1) await question.ask(session);
    return (performance.now() - start) / plan.trips;
  };
  return row(question.name, ...(await takeTurns(plan.rounds, [() => round(own), () => round(other)])));
}

async function compareConnects(connect: (driver: Driver) => Promise<RouterSession>, rounds: number): Promise<string[]> {
  const round = async (driver: Driver): Promise<number> => {
    const start = performance.now();
    const session = await connect(driver);
    const elapsed = performance.now() - start;
    await session.close();
    return elapsed;
  };
  const measured = await takeTurns(rounds, [() => round("ssh2"), () => round("node-netconf")]);
  return row("connecting (SSH, login, hello)", ...measured);
}

/** One round of each to warm up, then `rounds` of each in turns. */
async function takeTurns(
  rounds: number,
  [first, second]: readonly [() => Promise<number>, () => Promise<number>],
): Promise<[Spread, Spread]> {
  const one: number[] = [];
  const two: number[] = [];
  for (let at = 0; at <= rounds; at += 1) {
    const pair = [await first(), await second()] as const;
    if (at === 0) continue;
    one.push(pair[0]);
    two.push(pair[1]);
  }
  return [spreadOf(one), spreadOf(two)];
}

function row(name: string, own: Spread, other: Spread): string[] {
  return [name, own.median.toFixed(2), other.median.toFixed(2), (other.median / own.median).toFixed(2)];
}
