import { open, type RootDatabase } from "lmdb";
import type { Clock, Logger } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { Outage } from "../../outages/outage.ts";
import { type Decision, encodeWrites, type KeyRange, type OrderedEntry, type OrderedStore } from "./ordered-store.ts";

/** 64 GiB: more than a store should ever hold; it still grows beyond. */
const MAP_BYTES = 2 ** 36;
/** So many values are many: with what comes along with each, up to 32 MB. */
const MANY_READS = 512;
const MAPPING_MS = 1000;
/** When few were read, or when the mapping could not be given up because it was in use. */
const SELDOM_MS = 10_000;

/**
 * An `OrderedStore` in one LMDB environment.
 *
 * Durability: commits that are asked for while one is being written are batched into the next LMDB transaction, which is
 * what makes many at once cheap. A commit resolves when its LMDB transaction is written and flushed to the disk, so
 * neither a killed process nor a power loss takes it, as far as the disk keeps what it acknowledges. The log, queues and
 * documents are one environment: they are never at different points in time.
 *
 * Memory: no value cache. The file is mapped, and each page that is read counts as resident, with up to 15 of its
 * neighbours that the kernel maps along with it: reading values here and there soon maps all of the file. So at most
 * once a second, when many were read, the mapping is given up between two commits, and made anew by whoever comes next;
 * every ten seconds when only few were.
 */
export class LmdbStore implements OrderedStore {
  readonly #path: string;
  readonly #compressFrom: number;
  readonly #clock: Pick<Clock, "after" | "monotonic">;
  /** Undefined: nobody is told. */
  readonly #outage: Outage | undefined;
  /** Undefined between giving up a mapping and the next read or write. */
  #database: RootDatabase<string, string> | undefined;
  /** Values read through the mapping. */
  #reads = 0;
  #cancelTimer: (() => void) | undefined;
  /** The mapping is given up within a second. */
  #isSoon = false;
  #givingUp: Promise<void> | undefined;
  /** Commits that wait until the mapping is given up; undefined when it is not being given up. */
  #waiting: Array<() => void> | undefined;
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  #closed = false;

  /**
   * @param path directory of the environment, made when it does not exist
   * @param options.compressFrom values of at least so many bytes are compressed with LZ4
   * @throws SB_STORE_FAILED when the file cannot be opened
   */
  constructor(
    path: string,
    options: { clock: Pick<Clock, "after" | "monotonic">; logger?: Logger; compressFrom?: number },
  ) {
    this.#path = path;
    this.#compressFrom = options.compressFrom ?? 512;
    this.#clock = options.clock;
    const { clock, logger } = options;
    this.#outage =
      logger &&
      new Outage({
        clock,
        logger,
        began: "the store takes no writes; they are tried again until it does",
        over: "the store takes writes again",
      });
    this.#open();
  }

  #open(): RootDatabase<string, string> {
    if (this.#database !== undefined) return this.#database;
    try {
      this.#database = open<string, string>({
        path: this.#path,
        noSubdir: false,
        encoding: "string",
        compression: { threshold: this.#compressFrom },
        // Address space, not memory. A smaller map is replaced as the file grows, and lmdb keeps all the old ones until it is closed.
        mapSize: MAP_BYTES,
        // With overlapping flushes, or with batches per turn, a commit that fails (disk full) leaves promises in the library that
        // never settle, or that reject with nobody to handle it.
        overlappingSync: false,
        eventTurnBatching: false,
      });
      return this.#database;
    } catch (cause) {
      throw failed(`The store ${this.#path} cannot be opened`, cause);
    }
  }

  get(key: string): unknown {
    this.#requireOpen();
    const text = this.#open().get(key);
    this.#countReads(1);
    return text === undefined ? undefined : JSON.parse(text);
  }

  range({ from, to }: KeyRange, limit: number): OrderedEntry[] {
    this.#requireOpen();
    const found: OrderedEntry[] = [];
    for (const { key, value } of this.#open().getRange({ start: from, end: to, limit })) {
      found.push({ key, value: JSON.parse(value) });
    }
    this.#countReads(found.length);
    return found;
  }

  count({ from, to }: KeyRange): number {
    this.#requireOpen();
    return this.#open().getKeysCount({ start: from, end: to });
  }

  #countReads(count: number): void {
    this.#reads += count;
    if (this.#isSoon || this.#waiting !== undefined || this.#closing !== undefined) return;
    const isMany = this.#reads >= MANY_READS;
    if (!isMany && this.#cancelTimer !== undefined) return;
    this.#cancelTimer?.();
    this.#isSoon = isMany;
    this.#cancelTimer = this.#clock.after(isMany ? MAPPING_MS : SELDOM_MS, () => {
      this.#givingUp = this.#giveUp();
    });
  }

  /**
   * Commits that are asked for meanwhile wait. Whoever reads before the old handle is closed gets a new one on the same
   * file, which lmdb allows; both have one mapping then, and it stays.
   */
  async #giveUp(): Promise<void> {
    this.#waiting = [];
    await Promise.allSettled(this.#underWay);
    // In a turn of the event loop of its own, so that nobody reads in between.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const database = this.#database;
    this.#database = undefined;
    this.#reads = 0;
    await database?.close();
    this.#cancelTimer = undefined;
    this.#isSoon = false;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const commit of waiting) commit();
  }

  commit<T>(decide: () => Decision<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    const waiting = this.#waiting;
    if (waiting === undefined) return this.#start(decide);
    return new Promise((resolve) => waiting.push(() => resolve(this.#start(decide))));
  }

  #start<T>(decide: () => Decision<T>): Promise<T> {
    const committed = this.#commit(decide).finally(() => this.#underWay.delete(committed));
    this.#underWay.add(committed);
    return committed;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#waiting === undefined) this.#cancelTimer?.();
    else await this.#givingUp;
    await Promise.allSettled(this.#underWay);
    this.#closed = true;
    await this.#database?.close();
  }

  async #commit<T>(decide: () => Decision<T>): Promise<T> {
    let refused: { reason: unknown } | undefined;
    let wrote = false;
    const database = this.#open();
    try {
      const result = await database.transaction(() => {
        let decision: Decision<T>;
        let encoded: ReturnType<typeof encodeWrites>;
        try {
          decision = decide();
          encoded = encodeWrites(decision.writes);
        } catch (reason) {
          refused = { reason };
          throw reason;
        }
        // Inside a transaction callback the writes are made at once; what they return says nothing more.
        for (const { key, text } of encoded) {
          if (text === undefined) database.removeSync(key);
          else database.putSync(key, text);
        }
        wrote = encoded.length > 0;
        return decision.result;
      });
      if (wrote) this.#outage?.end();
      return result;
    } catch (error) {
      if (refused !== undefined) throw refused.reason;
      const failure = failed("The store did not take a write", await commitFailure(error));
      this.#outage?.begin({ path: this.#path, reason: failure.message });
      throw failure;
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function closedError(): SignalboxError {
  return new SignalboxError("SB_NOT_READY", "The store is closed");
}

/** What is behind a failed commit: lmdb's error carries a promise that rejects with it, in the same turn of the event loop. */
async function commitFailure(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && "commitError" in error)) return error;
  const turn = new Promise((resolve) => setImmediate(resolve, error));
  return Promise.race([Promise.resolve(error.commitError).catch((reason: unknown) => reason), turn]);
}

function failed(message: string, cause: unknown): SignalboxError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  // LMDB's MDB_MAP_FULL, and the system's ENOSPC and EDQUOT.
  if (/MDB_MAP_FULL|mapsize limit reached|no space left|quota exceeded/i.test(reason)) {
    return new SignalboxError("SB_STORE_FULL", message + reason, {
      cause,
      advice: "Make room on the disk of the data directory; writes are taken again by themselves.",
    });
  }
  return new SignalboxError("SB_STORE_FAILED", message + reason, { cause });
}
