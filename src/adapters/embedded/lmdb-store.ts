import { open, type RootDatabase } from "lmdb";
import { SignalboxError } from "../../errors.ts";
import { type Decision, encodeWrites, type KeyRange, type OrderedEntry, type OrderedStore } from "./ordered-store.ts";

/**
 * An `OrderedStore` in one LMDB environment.
 *
 * Durability: commits that are asked for while one is being written are batched into the next LMDB transaction, which is
 * what makes many at once cheap. A commit resolves when its LMDB transaction is written and flushed to the disk, so
 * neither a killed process nor a power loss takes it, as far as the disk keeps what it acknowledges. The log, queues and
 * documents are one environment: they are never at different points in time.
 *
 * Memory: no value cache; the file is mapped, so what was read lately counts as resident until the kernel wants it back.
 */
export class LmdbStore implements OrderedStore {
  readonly #database: RootDatabase<string, string>;
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  #closed = false;

  /**
   * @param path directory of the environment, made when it does not exist
   * @param options.compressFrom values of at least so many bytes are compressed with LZ4
   * @throws SB_STORE_FAILED when the file cannot be opened
   */
  constructor(path: string, options: { compressFrom?: number } = {}) {
    try {
      this.#database = open<string, string>({
        path,
        noSubdir: false,
        encoding: "string",
        compression: { threshold: options.compressFrom ?? 512 },
        // With overlapping flushes, or with batches per turn, a commit that fails (disk full) leaves promises in the library that
        // never settle, or that reject with nobody to handle it.
        overlappingSync: false,
        eventTurnBatching: false,
      });
    } catch (cause) {
      throw failed(`The store ${path} cannot be opened`, cause);
    }
  }

  get(key: string): unknown {
    this.#requireOpen();
    const text = this.#database.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  range({ from, to }: KeyRange, limit: number): OrderedEntry[] {
    this.#requireOpen();
    const found: OrderedEntry[] = [];
    for (const { key, value } of this.#database.getRange({ start: from, end: to, limit })) {
      found.push({ key, value: JSON.parse(value) });
    }
    return found;
  }

  count({ from, to }: KeyRange): number {
    this.#requireOpen();
    return this.#database.getKeysCount({ start: from, end: to });
  }

  async commit<T>(decide: () => Decision<T>): Promise<T> {
    if (this.#closing !== undefined) throw closedError();
    const committed = this.#commit(decide);
    this.#underWay.add(committed);
    try {
      return await committed;
    } finally {
      this.#underWay.delete(committed);
    }
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#underWay).then(() => {
      this.#closed = true;
      return this.#database.close();
    });
    return this.#closing;
  }

  async #commit<T>(decide: () => Decision<T>): Promise<T> {
    let refused: { reason: unknown } | undefined;
    try {
      return await this.#database.transaction(() => {
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
          if (text === undefined) this.#database.removeSync(key);
          else this.#database.putSync(key, text);
        }
        return decision.result;
      });
    } catch (error) {
      if (refused !== undefined) throw refused.reason;
      throw failed("The store did not take a write", await commitFailure(error));
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
  return new SignalboxError("SB_STORE_FAILED", message + reason, { cause });
}
