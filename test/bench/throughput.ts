import { setTimeout as sleep } from "node:timers/promises";
import { BareLoop, type LifecycleCost } from "./bare-loop.ts";
import type { Benchmark, BenchReport } from "./benchmark.ts";
import { buildProgram } from "./build-program.ts";
import { RestLifecycles, secondsOf } from "./rest-lifecycles.ts";
import { costOf, ServerStores, type Stored } from "./server-stores.ts";
import { grouped, spreadOf, spreadText } from "./statistics.ts";

/** Longer than any pause that the publisher of the feed makes. */
const FEED_RESTS_MS = 2_000;

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
  /** The bare loop with the appends to the feed. */
  readonly bareFeed: number;
  readonly created: number;
  /** POST until ACTIVE and DELETE until gone. */
  readonly whole: number;
}

/** Milliseconds of processor time for each lifecycle, by who used them. */
type Processor = Map<string, number>;
type Used = Readonly<Record<"system" | "bare" | "bare with the feed", Processor>>;

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
            `${grouped(cost.recordBytes)} bytes on average, ${cost.told} messages of the feed and ${cost.jobs} of the queues, as counted in NATS. ` +
            `${sizes.atOnce} are under way at once. The controller is in the memory of the process and answers at once.`,
          "The bare loop makes the same appends, one after the other for each lifecycle, with expected last subject sequence and message id, and " +
            "puts as many messages into one work-queue stream, takes and acks them; nothing else, on the same nats-server, over one connection. " +
            "With the appends to the feed it also publishes as many messages to one more stream, for which nothing waits but the end of the lifecycle. " +
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
    const cost = costOf(before, await allTold(stores), count);
    await secondsOf(count, atOnce, (at) => rest.remove(ids[at] ?? ""));
    return cost;
  } finally {
    rest.close();
  }
}

/** What is stored when the feed has nothing more to tell. */
async function allTold(stores: ServerStores): Promise<Stored> {
  for (let before = await stores.stored(); ; ) {
    await sleep(FEED_RESTS_MS);
    const after = await stores.stored();
    if (after.told === before.told) return after;
    before = after;
  }
}

async function measure(
  stores: ServerStores,
  { rounds: count, count: lifecycles, atOnce }: Sizes,
  cost: LifecycleCost,
): Promise<{ rounds: Round[]; processor: Used }> {
  const rest = await RestLifecycles.open(urlsOf(stores), atOnce);
  const bare = await BareLoop.open(stores.nats.address, cost);
  const rounds: Round[] = [];
  const used: Used = { system: new Map(), bare: new Map(), "bare with the feed": new Map() };
  const timed = async (who: keyof Used, work: () => Promise<number>): Promise<number> => {
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
      const bareSeconds = await timed("bare", () =>
        secondsOf(lifecycles, atOnce, () => bare.lifecycle({ feed: false })),
      );
      const bareFeedSeconds = await timed("bare with the feed", () =>
        secondsOf(lifecycles, atOnce, () => bare.lifecycle({ feed: true })),
      );
      const ids: string[] = [];
      const created = await timed("system", () =>
        secondsOf(lifecycles, atOnce, async () => ids.push(await rest.create())),
      );
      const removed = await secondsOf(lifecycles, atOnce, (at) => rest.remove(ids[at] ?? ""));
      rounds.push({
        bare: lifecycles / bareSeconds,
        bareFeed: lifecycles / bareFeedSeconds,
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
      row("the bare loop with the appends to the feed", ({ bareFeed }) => bareFeed),
      row("POST until ACTIVE", ({ created }) => created),
      row("the same and DELETE until gone", ({ whole }) => whole),
      row("POST until ACTIVE as a part of the bare loop", ({ bare, created }) => created / bare, 2),
      row("the same as a part of the bare loop with the feed", ({ bareFeed, created }) => created / bareFeed, 2),
    ],
  };
}

function processorOf({ processor }: { processor: Used }) {
  const names = [...new Set(Object.values(processor).flatMap((of) => [...of.keys()]))];
  const text = (of: Processor, name: string) => (of.get(name) ?? 0).toFixed(2);
  return {
    caption:
      "Processor time, ms for each lifecycle from POST until ACTIVE in one process, and for each of the bare loop",
    headings: ["process", "system", "bare loop", "with the feed"],
    rows: names.map((name) => [
      name === "client" ? "the benchmark itself" : name === "system" ? "the system" : name,
      text(processor.system, name),
      text(processor.bare, name),
      text(processor["bare with the feed"], name),
    ]),
  };
}
