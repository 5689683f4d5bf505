import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventLog, Json } from "../../src/actors/ports.ts";
import { Projector } from "../../src/actors/projector.ts";
import { type Embedded, openEmbedded } from "../../src/adapters/embedded/open.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../src/adapters/system/system-random.ts";
import { silentLogger } from "../servers/silent-logger.ts";
import type { Benchmark, BenchReport } from "./benchmark.ts";
import { rateOf } from "./rate.ts";
import { grouped, type Spread, spreadOf } from "./statistics.ts";

/** Appends under way at once when they are pipelined. */
const PIPELINE = 256;
/** Of each record, as for a gw_interface: jobs that come and go, its state. */
const DOCUMENTS = 5;
const RECORD_BYTES = 10_000;

export const storesBenchmark: Benchmark = {
  name: "stores",
  title: "The embedded event log and the projector",
  async run({ quick }): Promise<BenchReport> {
    const directory = await mkdtemp(join(tmpdir(), "signalbox-bench-"));
    const stores = await openEmbedded({ directory, clock: systemClock, random: systemRandom, logger: silentLogger });
    try {
      const options = quick ? { seconds: 0.1, rounds: 2 } : { seconds: 2, rounds: 5 };
      const append = appender(stores.log);
      const single = await rateOf(async () => {
        await append();
        return 1;
      }, options);
      const pipelined = await rateOf(async () => {
        await Promise.all(Array.from({ length: PIPELINE }, append));
        return PIPELINE;
      }, options);
      const records = quick ? 200 : 5000;
      const projected: number[] = [];
      for (let round = 0; round < (quick ? 1 : 3); round += 1) projected.push(await project(stores, append, records));
      const row = (name: string, rate: Spread) => [name, grouped(rate.median), grouped(rate.min), grouped(rate.max)];
      const rate = spreadOf(projected);
      const documents = { ...rate, ...scaled(rate, DOCUMENTS) };
      return {
        tables: [
          {
            caption: `Per second, on disk, each commit flushed (${options.rounds} rounds of ${options.seconds} s; projector: ${projected.length} rounds of ${grouped(records)} records)`,
            headings: ["per second", "median", "least", "greatest"],
            rows: [
              row("appends one by one", single),
              row(`appends pipelined, ${PIPELINE} at a time`, pipelined),
              row("records projected", rate),
              row("documents written by the projector", documents),
            ],
          },
        ],
        notes: [
          `Records of ${grouped(RECORD_BYTES)} bytes, as transitions of a gw_interface have them, each of a resource of its own and with ` +
            `${DOCUMENTS} documents. The projector is that far behind when it starts.`,
        ],
      };
    } finally {
      await stores.close();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

function scaled({ median, min, max }: Spread, by: number): Pick<Spread, "median" | "min" | "max"> {
  return { median: median * by, min: min * by, max: max * by };
}

/** Appends a record of the usual size to a subject of its own. */
function appender(log: EventLog): () => Promise<number> {
  let count = 0;
  return async () => {
    count += 1;
    const { seq } = await log.append(`resource.bench.${count}`, recordOf(count), {
      expectedSeq: 0,
      messageId: `bench-${count}`,
    });
    return seq;
  };
}

/** Parameters of jobs, which make up most of a record. */
const params: Json[] = Array.from({ length: Math.round(RECORD_BYTES / 100) }, (_, at) => ({
  param: `parameter_${at}`,
  type: "value",
  value: systemRandom.uuid(),
  resources: [],
}));

function recordOf(number: number): Json {
  const documents = Array.from({ length: DOCUMENTS }, (_, at) => ({
    key: `/state/v2.0/bench/${number}/${at}`,
    value: { state: { worker_state: "CREATE_COMPLETED" }, version: number, error: "" },
  }));
  return { v: 1, event: "BENCH", before: "", after: "", snapshot: { v: 1, params }, documents, outbox: [] };
}

/** Records per second of a projector that starts `records` behind. */
async function project(stores: Embedded, append: () => Promise<number>, records: number): Promise<number> {
  const options = { log: stores.log, documents: stores.documents, clock: systemClock, logger: silentLogger };
  const upToDate = new Projector(options);
  upToDate.start();
  await upToDate.projected(await stores.log.position());
  await upToDate.stop();
  let last = 0;
  for (let left = records; left > 0; left -= PIPELINE) {
    last = Math.max(...(await Promise.all(Array.from({ length: Math.min(left, PIPELINE) }, append))));
  }
  const projector = new Projector(options);
  const start = performance.now();
  projector.start();
  await projector.projected(last);
  const seconds = (performance.now() - start) / 1000;
  await projector.stop();
  return records / seconds;
}
