import type { IEvent, IKeyValue } from "etcd3";
import type { DocumentChange, Logger } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { backoffMs } from "../../outages/backoff.ts";
import { asCallError, CompactedError } from "./call-error.ts";
import type { DocumentCodec, KeyRange } from "./document-codec.ts";
import type { EtcdConnection } from "./etcd-connection.ts";
import { status } from "./grpc-status.ts";
import { readRange } from "./range-reader.ts";
import { asStoreError, isCompacted, isUnreachable } from "./store-error.ts";
import { watchEvents } from "./watch-stream.ts";

export interface WatchContext {
  readonly connection: EtcdConnection;
  readonly codec: DocumentCodec;
  readonly logger: Logger;
}

const RECONNECT = { firstMs: 50, longestMs: 2_000 };

/**
 * One watcher of the documents under a prefix. It survives lost connections, restarts of the store, and compaction.
 *
 * It knows which keys its reader has: those that were there before the first revision it was asked for, and what it told since.
 * When the revisions it needs are compacted away it lists what the oldest kept revision holds, tells the documents written in
 * the gap and the deletes of known keys that are not there any more, and goes on after that revision. So a reader that was
 * there before the gap ends with what the store has; of several writes of a key in the gap it sees the last.
 */
export class DocumentWatch {
  readonly #context: WatchContext;
  readonly #prefix: string;
  readonly #range: KeyRange;
  readonly #signal: AbortSignal;
  #tellFrom: number;
  /** Keys that the reader has, with the revision at which each was written. */
  #known = new Map<string, number>();
  /** The revision to go on from: all before it are in `known` and told. Undefined before the first answer. */
  #next: number | undefined;
  /** The newest revision of the store that was seen. */
  #newest = 0;
  /** The oldest kept revision, when `next` is older. */
  #oldestKept: number | undefined;

  constructor(context: WatchContext, prefix: string, options: { fromRevision: number; signal: AbortSignal }) {
    this.#context = context;
    this.#prefix = prefix;
    this.#range = context.codec.range(prefix);
    this.#tellFrom = options.fromRevision;
    this.#signal = AbortSignal.any([options.signal, context.connection.closing]);
  }

  /** @throws SignalboxError when the store refuses the watch; an unreachable store is waited for */
  async *changes(): AsyncGenerator<DocumentChange> {
    let failures = 0;
    while (!this.#signal.aborted) {
      try {
        yield* this.#told(await this.#arrive());
        for await (const events of this.#events()) {
          failures = 0;
          yield* this.#told(this.#take(events));
        }
      } catch (thrown) {
        if (this.#signal.aborted) return;
        if (thrown instanceof CompactedError) this.#oldestKept = thrown.revision;
        else await this.#waitOut(thrown, failures++);
      }
    }
  }

  *#told(changes: readonly DocumentChange[]): Generator<DocumentChange> {
    for (const change of changes) {
      if (this.#signal.aborted) return;
      if (change.revision >= this.#tellFrom) yield change;
    }
  }

  /**
   * Looks where the store is, before each watch. The request also renews the login's token and finds a missing permission, of
   * which a watch says only that it is cancelled.
   */
  async #arrive(): Promise<DocumentChange[]> {
    const present = await this.#presentRevision();
    if (this.#next === undefined) {
      const before = Math.min(this.#tellFrom - 1, present);
      if (before > 0) this.#known = await this.#keysAt(before);
      this.#next = Math.max(1, before + 1);
    } else if (present < this.#newest) {
      return await this.#startOver(present);
    }
    this.#newest = present;
    return this.#oldestKept === undefined ? [] : await this.#catchUp(this.#oldestKept, this.#next);
  }

  async #presentRevision(): Promise<number> {
    return (await readRange(this.#context.connection, this.#range, { limit: 1, keysOnly: true })).storeRevision;
  }

  /** The keys of a past revision; none when it is compacted, which the watch will be told of. */
  async #keysAt(revision: number): Promise<Map<string, number>> {
    try {
      const { kvs } = await readRange(this.#context.connection, this.#range, { revision, keysOnly: true });
      return this.#revisionsOf(kvs);
    } catch (error) {
      if (error instanceof SignalboxError && isCompacted(error.cause)) return new Map();
      throw error;
    }
  }

  /** The events from `next` on, in pieces of whole revisions. */
  async *#events(): AsyncGenerator<IEvent[]> {
    const { connection } = this.#context;
    const { client } = connection;
    // One revision earlier than needed: etcd refuses revisions older than the oldest kept one, but of that one itself it has
    // lost the deletes.
    const from = Math.max(1, (this.#next ?? 1) - 1);
    const request = { key: this.#range.from, range_end: this.#range.to, start_revision: from };
    const deadline = connection.clock.monotonic() + connection.requestMs;
    try {
      yield* watchEvents(client, request, { deadline, signal: this.#signal });
    } catch (thrown) {
      if (thrown instanceof CompactedError) throw thrown;
      const error = asCallError(thrown);
      if (isUnreachable(error)) connection.failed(client, error);
      throw error;
    }
  }

  /** What a piece of events says, and the next revision after it. */
  #take(events: readonly IEvent[]): DocumentChange[] {
    const next = this.#next ?? 1;
    const changes: DocumentChange[] = [];
    for (const { type, kv } of events) {
      const revision = Number(kv.mod_revision);
      if (revision < next) continue;
      if (type.toUpperCase() === "DELETE") {
        const key = this.#context.codec.decodeKey(kv.key);
        this.#known.delete(key);
        changes.push({ key, value: null, revision });
      } else {
        const change = this.#put(kv);
        this.#known.set(change.key, revision);
        changes.push(change);
      }
      this.#next = revision + 1;
      this.#newest = Math.max(this.#newest, revision);
    }
    return changes;
  }

  /** Over the gap of compacted revisions from `next` on, to `oldestKept`. */
  async #catchUp(oldestKept: number, next: number): Promise<DocumentChange[]> {
    const { connection, logger } = this.#context;
    logger.info(
      { prefix: this.#prefix, next, oldestKept },
      "watched revisions are compacted; the documents are listed",
    );
    this.#oldestKept = undefined;
    let kvs: IKeyValue[];
    try {
      ({ kvs } = await readRange(connection, this.#range, { revision: oldestKept }));
    } catch (error) {
      // Compacted again meanwhile: the next watch is told up to where.
      if (error instanceof SignalboxError && isCompacted(error.cause)) return [];
      this.#oldestKept = oldestKept;
      throw error;
    }
    return this.#changeTo(kvs, oldestKept, (_key, revision) => revision >= next);
  }

  /** The store is older than it was: its data was restored from a backup or made anew. */
  async #startOver(present: number): Promise<DocumentChange[]> {
    const { connection, logger } = this.#context;
    logger.warn(
      { prefix: this.#prefix, seen: this.#newest, present },
      "etcd has gone back to an older revision; the documents are listed",
    );
    const { kvs, storeRevision } = await readRange(connection, this.#range);
    this.#tellFrom = 0;
    this.#newest = storeRevision;
    this.#oldestKept = undefined;
    return this.#changeTo(kvs, storeRevision, (key, revision) => this.#known.get(key) !== revision);
  }

  /** From what the reader has to what a list holds: the documents that `isNew`, in the order they were written, and the deletes. */
  #changeTo(
    kvs: readonly IKeyValue[],
    listRevision: number,
    isNew: (key: string, revision: number) => boolean,
  ): DocumentChange[] {
    const listed = this.#revisionsOf(kvs);
    const changes = kvs
      .filter((kv) => isNew(this.#context.codec.decodeKey(kv.key), Number(kv.mod_revision)))
      .map((kv) => this.#put(kv))
      .sort((a, b) => a.revision - b.revision);
    for (const key of this.#known.keys()) {
      if (!listed.has(key)) changes.push({ key, value: null, revision: listRevision });
    }
    this.#known = listed;
    this.#next = listRevision + 1;
    return changes;
  }

  #put(kv: IKeyValue): DocumentChange {
    const key = this.#context.codec.decodeKey(kv.key);
    return { key, value: this.#context.codec.decodeValue(key, kv.value), revision: Number(kv.mod_revision) };
  }

  #revisionsOf(kvs: readonly IKeyValue[]): Map<string, number> {
    return new Map(kvs.map((kv) => [this.#context.codec.decodeKey(kv.key), Number(kv.mod_revision)]));
  }

  /** Waits before the next try when the error may pass. */
  async #waitOut(thrown: unknown, failures: number): Promise<void> {
    const { connection, logger } = this.#context;
    if (thrown instanceof SignalboxError) {
      if (!thrown.transient) throw thrown;
    } else {
      const error = asCallError(thrown);
      const refused = error.code === status.permissionDenied;
      // A permission that is really missing is what the request before the next watch fails with.
      if (!refused && !isUnreachable(error)) {
        throw asStoreError(`The watch of ${this.#prefix} failed`, error, connection.client.endpoint);
      }
    }
    logger.debug({ prefix: this.#prefix, err: thrown }, "a watch is lost and made again");
    await connection.clock.sleep(backoffMs(failures + 1, RECONNECT), this.#signal).catch(() => undefined);
  }
}
