import { BareLoop, type LifecycleCost } from "./bare-loop.ts";
import type { Benchmark, BenchReport } from "./benchmark.ts";
import { buildProgram } from "./build-program.ts";
import { RestLifecycles, secondsOf } from "./rest-lifecycles.ts";
import { costOf, ServerStores } from "./server-stores.ts";
import { grouped, spreadOf, spreadText } from "./statistics.ts";

interface Sizes {
  readonly rounds: number;
  /** Lifecycles of a round. */
  readonly count: number;
  /** Under way at once. */
  readonly atOnce: number;
  readonly warmUp: number;
}

/** What one round found, per second. */
interface Round {
  readonly bare: number;
  readonly created: number;
  /** POST until ACTIVE and DELETE until gone. */
  readonly whole: number;
}

/** Milliseconds of processor time for each lifecycle, by who used them. */
type Processor = ReadonlyMap<string, number>;

export const throughputBenchmark: Benchmark = {
  name: "throughput",
  title: "Lifecycles on NATS and etcd, beside a bare loop",
  async run({ quick, say }): Promise<BenchReport> {
    const sizes: Sizes = quick
      ? { rounds: 1, count: 20, atOnce: 8, warmUp: 8 }
      : { rounds: 5, count: 500, atOnce: 128, warmUp: 500 };
    if (!quick) await buildProgram(say);
    const stores = await ServerStores.open({ built: !quick });
    try {
      await stores.start();
      const cost = await warmUp(stores, sizes);
      say(`${cost.records} records and ${cost.jobs} jobs per lifecycle`);
      const one = await measure(stores, sizes, cost);
      const tables = [ratesOf("One process with all roles", one.rounds, sizes), processorOf(one)];
      if (!quick) {
        await stores.start();
        await warmUp(stores, sizes);
        const two = await measure(stores, sizes, cost);
        tables.push(ratesOf("Two processes with all roles", two.rounds, sizes));
        await stores.stopAll();
        await stores.start({ smallHeap: false });
        await warmUp(stores, sizes);
        const large = await measure(stores, sizes, cost);
        tables.push(ratesOf("One process whose heap may grow as V8 likes", large.rounds, sizes));
      }
      return {
        tables,
        notes: [
          `A lifecycle is that of a network: POST until it is ACTIVE, with two jobs, ${cost.records} records of the log of ` +
            `${grouped(cost.recordBytes)} bytes on average and ${cost.jobs} messages of the queues, as counted in NATS. ` +
            `${sizes.atOnce} are under way at once. The controller is in the memory of the process and answers at once.`,
          "The bare loop makes the same appends, one after the other for each lifecycle, with expected last subject sequence and message id, and " +
            "puts as many messages into one work-queue stream, takes and acks them; nothing else, on the same nats-server, over one connection. " +
            "The client of the system and the bare loop are the process of the benchmark. Rounds of both take turns.",
        ],
      };
    } finally {
      await stores.close();
    }
  },
};

/** Answers what a lifecycle takes. */
async function warmUp(stores: ServerStores, { warmUp: count, atOnce }: Sizes): Promise<LifecycleCost> {
  const rest = await RestLifecycles.open(urlsOf(stores), atOnce);
  try {
    const before = await stores.stored();
    const ids: string[] = [];
    await secondsOf(count, atOnce, async () => ids.push(await rest.create()));
    const cost = costOf(before, await stores.stored(), count);
    await secondsOf(count, atOnce, (at) => rest.remove(ids[at] ?? ""));
    return cost;
  } finally {
    rest.close();
  }
}

async function measure(
  stores: ServerStores,
  { rounds: count, count: lifecycles, atOnce }: Sizes,
  cost: LifecycleCost,
): Promise<{ rounds: Round[]; processor: { system: Processor; bare: Processor } }> {
  const rest = await RestLifecycles.open(urlsOf(stores), atOnce);
  const bare = await BareLoop.open(stores.nats.address, cost);
  const rounds: Round[] = [];
  const used = { system: new Map<string, number>(), bare: new Map<string, number>() };
  const timed = async (who: "system" | "bare", work: () => Promise<number>): Promise<number> => {
    const before = stores.processorTimes();
    const seconds = await work();
    for (const [name, time] of stores.processorTimes()) {
      const each = ((time - (before.get(name) ?? 0)) * 1000) / (lifecycles * count);
      used[who].set(name, (used[who].get(name) ?? 0) + each);
    }
    return seconds;
  };
  try {
    for (let round = 0; round < count; round += 1) {
      const bareSeconds = await timed("bare", () => secondsOf(lifecycles, atOnce, () => bare.lifecycle()));
      const ids: string[] = [];
      const created = await timed("system", () =>
        secondsOf(lifecycles, atOnce, async () => ids.push(await rest.create())),
      );
      const removed = await secondsOf(lifecycles, atOnce, (at) => rest.remove(ids[at] ?? ""));
      rounds.push({
        bare: lifecycles / bareSeconds,
        created: lifecycles / created,
        whole: lifecycles / (created + removed),
      });
    }
    return { rounds, processor: used };
  } finally {
    await bare.close();
    rest.close();
  }
}

function urlsOf({ systems }: ServerStores): string[] {
  return systems.map(({ url }) => url);
}

function ratesOf(what: string, rounds: readonly Round[], { count }: Sizes) {
  const row = (name: string, of: (round: Round) => number, digits = 0) => [
    name,
    spreadText(spreadOf(rounds.map(of)), digits),
  ];
  return {
    caption: `${what}: lifecycles per second, median (least to greatest) of ${rounds.length} rounds of ${grouped(count)}`,
    headings: ["what", "per second"],
    rows: [
      row("the bare loop", ({ bare }) => bare),
      row("POST until ACTIVE", ({ created }) => created),
      row("the same and DELETE until gone", ({ whole }) => whole),
      row("POST until ACTIVE as a part of the bare loop", ({ bare, created }) => created / bare, 2),
    ],
  };
}

function processorOf({ processor }: { processor: { system: Processor; bare: Processor } }) {
  const names = [...new Set([...processor.system.keys(), ...processor.bare.keys()])];
  const text = (of: Processor, name: string) => (of.get(name) ?? 0).toFixed(2);
  return {
    caption:
      "Processor time, ms for each lifecycle from POST until ACTIVE in one process, and for each of the bare loop",
    headings: ["process", "system", "bare loop"],
    rows: names.map((name) => [
      name === "client" ? "the benchmark itself" : name === "system" ? "the system" : name,
      text(processor.system, name),
      text(processor.bare, name),
    ]),
  };
}
