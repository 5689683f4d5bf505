import type { Json, StoredRecord } from "../../src/actors/ports.ts";
import { type Embedded, openEmbedded } from "../../src/adapters/embedded/open.ts";
import { createLogger } from "../../src/adapters/logging/create-logger.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../src/adapters/system/system-random.ts";

/** What a stopped orchestrator has left on its disk. */
export interface StoreContent {
  /** The whole log, in order. */
  readonly records: readonly StoredRecord[];
  /** Documents by key, without the program's own. */
  readonly documents: ReadonlyMap<string, Json>;
  /** Messages left in the queues of jobs. */
  readonly queued: Readonly<Record<string, number>>;
  /** Position in the log up to which the documents are written, as the projector has noted it; all of it when not given. */
  readonly projected?: number;
}

/** Works on the store of an orchestrator that runs no more, or not yet. @throws SB_DATA_IN_USE when it does */
export async function withStore<T>(directory: string, work: (store: Embedded) => Promise<T>): Promise<T> {
  const logger = createLogger({ level: "silent" });
  const store = await openEmbedded({ directory, clock: systemClock, random: systemRandom, logger });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Reads all of it. @throws SB_DATA_IN_USE */
export function readStore(directory: string): Promise<StoreContent> {
  return withStore(directory, async ({ log, documents, queues }) => {
    const records: StoredRecord[] = [];
    for await (const record of log.read(1)) records.push(record);
    const all = await documents.range("/");
    const position = all.find(({ key }) => key === "/signalbox/projector")?.value as { seq: number } | undefined;
    const depth = (name: string) => queues.queue(name).depth();
    return {
      records,
      documents: new Map(
        all.flatMap(({ key, value }) => (key.startsWith("/signalbox/") ? [] : [[key, value] as const])),
      ),
      projected: position?.seq ?? 0,
      queued: { heat_worker: await depth("heat_worker"), monitoring_worker: await depth("monitoring_worker") },
    };
  });
}
