import { setMaxListeners } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Bus, Clock, DocumentStore, EventLog, Logger, Random, WorkQueues } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { LocalBus } from "./bus.ts";
import { lockDirectory } from "./directory-lock.ts";
import { StoredDocuments } from "./document-store.ts";
import { StoredEventLog } from "./event-log.ts";
import { LmdbStore } from "./lmdb-store.ts";
import { MemoryStore } from "./memory-store.ts";
import { type OrderedStore, Table } from "./ordered-store.ts";
import { StoredWorkQueues } from "./work-queue.ts";

/** All that NATS and etcd give, in this process. */
export interface Embedded {
  readonly log: EventLog;
  readonly queues: WorkQueues;
  readonly documents: DocumentStore;
  readonly bus: Bus;
  /** Ends followers and watchers, rejects takers with SB_NOT_READY, waits for the commits under way. */
  close(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Records kept per subject of the log, default 1000. The last one is always kept. */
  readonly historyPerSubject?: number;
  /** Document changes kept for watchers that start late, default 100000. */
  readonly keepChanges?: number;
}

export interface DiskOptions extends EmbeddedOptions {
  /** The data directory; made when it does not exist. */
  readonly directory: string;
  /** Values of at least so many bytes are compressed with LZ4, default 512. */
  readonly compressFrom?: number;
}

export interface MemoryOptions extends EmbeddedOptions {
  /** What an earlier instance left; a new, empty store without it. */
  readonly store?: MemoryStore;
}

/** Version of the layout of keys and values. */
const dataVersion = 1;

/**
 * Opens the embedded adapters on a data directory, which belongs to one process at a time.
 * @throws SB_DATA_IN_USE when another process has it open; SB_DATA_VERSION when another version of the program wrote it;
 *   SB_STORE_FAILED when it cannot be opened
 */
export async function openEmbedded(options: DiskOptions): Promise<Embedded> {
  try {
    mkdirSync(options.directory, { recursive: true });
  } catch (cause) {
    throw new SignalboxError("SB_STORE_FAILED", `The directory ${options.directory} cannot be made`, { cause });
  }
  const lock = await lockDirectory(options.directory);
  let store: LmdbStore | undefined;
  try {
    store = new LmdbStore(join(options.directory, "store"), {
      clock: options.clock,
      logger: options.logger,
      ...(options.compressFrom === undefined ? {} : { compressFrom: options.compressFrom }),
    });
    return await openOn(store, options, () => lock.release());
  } catch (error) {
    await store?.close();
    await lock.release();
    throw error;
  }
}

/** Opens the same adapters on a store in memory, for simulation and tests. */
export function openMemory(options: MemoryOptions): Promise<Embedded> {
  return openOn(options.store ?? new MemoryStore(), options, async () => undefined);
}

async function openOn(store: OrderedStore, options: EmbeddedOptions, closed: () => Promise<void>): Promise<Embedded> {
  await requireVersion(store);
  const { clock, random, logger } = options;
  const stop = new AbortController();
  const closing = stop.signal;
  // One listener per queue, follower and watcher.
  setMaxListeners(0, closing);
  const log = new StoredEventLog(store, { clock, closing, historyPerSubject: options.historyPerSubject ?? 1000 });
  const queues = new StoredWorkQueues({ store, clock, logger, closing });
  const keepChanges = options.keepChanges ?? 100_000;
  const documents = new StoredDocuments({ store, clock, random, logger, closing, keepChanges });
  const bus = new LocalBus({ clock, logger });
  await queues.recover();
  await documents.recover();
  let closeOnce: Promise<void> | undefined;
  const close = async () => {
    stop.abort();
    await bus.close();
    await store.close();
    await closed();
  };
  return { log, queues, documents, bus, close: () => (closeOnce ??= close()) };
}

async function requireVersion(store: OrderedStore): Promise<void> {
  const version = new Table<number>(store, "version");
  const found = version.get("");
  if (found === dataVersion) return;
  if (found !== undefined) {
    throw new SignalboxError("SB_DATA_VERSION", `The data is of version ${found}, this program knows ${dataVersion}`);
  }
  await store.commit(() => ({ writes: [version.put("", dataVersion)], result: undefined }));
}
