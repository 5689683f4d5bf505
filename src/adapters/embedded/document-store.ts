import type {
  Clock,
  DocumentChange,
  DocumentStore,
  DocumentWrite,
  Json,
  Lease,
  Logger,
  Random,
  StoredDocument,
} from "../../actors/ports.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { keyAfter, numberKey, type OrderedStore, type OrderedWrite, Table } from "./ordered-store.ts";
import { Wakeup } from "./wakeup.ts";

interface KeptDocument {
  readonly value: Json;
  readonly revision: number;
  readonly lease?: string;
}

interface StorePosition {
  readonly revision: number;
  /** Changes that are kept for watchers. */
  readonly changes: number;
}

interface KeptChange {
  readonly key: string;
  readonly value: Json;
}

interface LiveLease {
  /** Milliseconds by the monotonic clock. */
  expires: number;
  cancelTimer: () => void;
}

interface DocumentContext {
  readonly store: OrderedStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly closing: AbortSignal;
  /** Changes kept for watchers that start late. */
  readonly keepChanges: number;
}

const readAhead = 32;
const compactedAtOnce = 8;
const retryExpiryMs = 1000;

/** `DocumentStore` over an ordered store. Leases live in the process: none survives it, and neither do their keys. */
export class StoredDocuments implements DocumentStore {
  readonly #context: DocumentContext;
  readonly #changed = new Wakeup();
  readonly #leases = new Map<string, LiveLease>();

  readonly #position: Table<StorePosition>;
  readonly #documents: Table<KeptDocument>;
  // The changes of one revision, in the order of the writes.
  readonly #changes: Table<readonly KeptChange[]>;
  // <lease>/<key>
  readonly #leased: Table<1>;

  constructor(context: DocumentContext) {
    this.#context = context;
    const { store } = context;
    this.#position = new Table(store, "document/position");
    this.#documents = new Table(store, "document/value");
    this.#changes = new Table(store, "document/change");
    this.#leased = new Table(store, "document/lease");
    context.closing.addEventListener(
      "abort",
      () => {
        for (const lease of this.#leases.values()) lease.cancelTimer();
      },
      { once: true },
    );
  }

  /** Removes the keys of an earlier process's leases, as one revision. Called once, at open. */
  recover(): Promise<void> {
    return this.#removeLeased("");
  }

  async get(key: string): Promise<StoredDocument | undefined> {
    const kept = this.#documents.get(key);
    return kept === undefined ? undefined : { key, value: kept.value, revision: kept.revision };
  }

  async range(prefix: string, options: { limit?: number; after?: string } = {}): Promise<StoredDocument[]> {
    const from = options.after === undefined ? prefix : keyAfter(options.after);
    return this.#documents
      .range({ prefix, from }, options.limit ?? Number.MAX_SAFE_INTEGER)
      .map(({ key, value }) => ({ key, value: value.value, revision: value.revision }));
  }

  async transaction(change: {
    compare?: ReadonlyArray<{ key: string; revision: number }>;
    writes: readonly DocumentWrite[];
  }): Promise<{ committed: boolean; revision: number }> {
    const outcome = await this.#context.store.commit(() => {
      const differs = (change.compare ?? []).some(
        ({ key, revision }) => (this.#documents.get(key)?.revision ?? 0) !== revision,
      );
      if (differs) return { writes: [], result: { committed: false, revision: this.#now().revision } };
      for (const { lease } of change.writes) if (lease !== undefined) this.#requireLease(lease);
      const { writes, revision } = this.#apply(change.writes);
      return { writes, result: { committed: true, revision } };
    });
    this.#changed.wake();
    return outcome;
  }

  async *watch(prefix: string, options: { fromRevision: number; signal: AbortSignal }): AsyncGenerator<DocumentChange> {
    const stopped = () => options.signal.aborted || this.#context.closing.aborted;
    let next = Math.max(1, options.fromRevision);
    while (!stopped()) {
      const piece = this.#changes.range({ from: numberKey(next) }, readAhead);
      for (const { key: revisionKey, value: changes } of piece) {
        const revision = Number(revisionKey);
        for (const { key, value } of changes) {
          if (!key.startsWith(prefix)) continue;
          if (stopped()) return;
          yield { key, value, revision };
        }
        next = revision + 1;
      }
      if (piece.length === 0) await this.#changed.next([options.signal, this.#context.closing]);
    }
  }

  async revision(): Promise<number> {
    return this.#now().revision;
  }

  async lease(ttlMs: number): Promise<Lease> {
    const id = this.#context.random.uuid();
    const lease: LiveLease = { expires: this.#context.clock.monotonic() + ttlMs, cancelTimer: () => undefined };
    this.#leases.set(id, lease);
    this.#armExpiry(id, lease);
    return {
      id,
      keepAlive: async () => {
        this.#requireLease(id);
        lease.expires = this.#context.clock.monotonic() + ttlMs;
      },
      revoke: async () => {
        lease.cancelTimer();
        this.#leases.delete(id);
        await this.#removeLeased(`${id}/`);
      },
    };
  }

  #now(): StorePosition {
    return this.#position.get("") ?? { revision: 0, changes: 0 };
  }

  /** The store writes of a list of document writes: one new revision, or none when nothing changes. */
  #apply(documentWrites: readonly DocumentWrite[]): { writes: OrderedWrite[]; revision: number } {
    const { revision: before, changes: kept } = this.#now();
    const revision = before + 1;
    const changes: KeptChange[] = [];
    const writes: OrderedWrite[] = [];
    // What earlier writes of the same list did to a key.
    const current = new Map<string, KeptDocument | undefined>();
    for (const { key, value, lease } of documentWrites) {
      const old = current.has(key) ? current.get(key) : this.#documents.get(key);
      if (value === null && old === undefined) continue;
      const next = value === null ? undefined : { value, revision, ...(lease === undefined ? {} : { lease }) };
      if (old?.lease !== undefined) writes.push(this.#leased.remove(`${old.lease}/${key}`));
      if (lease !== undefined && next !== undefined) writes.push(this.#leased.put(`${lease}/${key}`, 1));
      writes.push(next === undefined ? this.#documents.remove(key) : this.#documents.put(key, next));
      changes.push({ key, value });
      current.set(key, next);
    }
    if (changes.length === 0) return { writes: [], revision: before };
    const compacted = this.#compactable(kept + changes.length);
    writes.push(
      this.#changes.put(numberKey(revision), changes),
      ...compacted.revisionKeys.map((key) => this.#changes.remove(key)),
      this.#position.put("", { revision, changes: kept + changes.length - compacted.changes }),
    );
    return { writes, revision };
  }

  /** The oldest revisions that are not needed to keep `keepChanges` changes; whole ones, so no watcher sees half of one. */
  #compactable(kept: number): { revisionKeys: string[]; changes: number } {
    const revisionKeys: string[] = [];
    let changes = 0;
    if (kept <= this.#context.keepChanges) return { revisionKeys, changes };
    for (const { key, value } of this.#changes.range({}, compactedAtOnce)) {
      if (kept - changes - value.length < this.#context.keepChanges) break;
      revisionKeys.push(key);
      changes += value.length;
    }
    return { revisionKeys, changes };
  }

  #requireLease(id: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.expires <= this.#context.clock.monotonic()) {
      throw new SignalboxError("SB_TIMEOUT", `The lease ${id} is gone`, {
        advice: "Take a new lease and write its keys again.",
      });
    }
  }

  /** One timer per lease, set for when it ends as of now; `keepAlive` moves only the end. */
  #armExpiry(id: string, lease: LiveLease): void {
    const left = Math.max(0, lease.expires - this.#context.clock.monotonic());
    lease.cancelTimer = this.#context.clock.after(left, () => {
      if (lease.expires > this.#context.clock.monotonic()) {
        this.#armExpiry(id, lease);
        return;
      }
      this.#removeLeased(`${id}/`)
        .then(() => this.#leases.delete(id))
        .catch((thrown: unknown) => {
          if (this.#context.closing.aborted) return;
          this.#context.logger.error({ err: asSignalboxError(thrown), lease: id }, "an expired lease was not removed");
          lease.cancelTimer = this.#context.clock.after(retryExpiryMs, () => this.#armExpiry(id, lease));
        });
    });
  }

  async #removeLeased(prefix: string): Promise<void> {
    await this.#context.store.commit(() => {
      const keys: string[] = [];
      for (const { key } of this.#leased.scan(prefix)) keys.push(key.slice(key.indexOf("/") + 1));
      const { writes } = this.#apply(keys.map((key) => ({ key, value: null })));
      return { writes, result: undefined };
    });
    this.#changed.wake();
  }
}
