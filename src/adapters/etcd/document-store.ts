import { CompareResult, CompareTarget, type ICompare, type IKeyValue, type IRequestOp } from "etcd3";
import type {
  DocumentChange,
  DocumentStore,
  DocumentWrite,
  Lease,
  Logger,
  StoredDocument,
} from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import type { DocumentCodec } from "./document-codec.ts";
import { DocumentWatch } from "./document-watch.ts";
import type { EtcdConnection } from "./etcd-connection.ts";
import type { EtcdLeases } from "./leases.ts";
import { readRange } from "./range-reader.ts";

interface DocumentContext {
  readonly connection: EtcdConnection;
  readonly codec: DocumentCodec;
  readonly leases: EtcdLeases;
  readonly logger: Logger;
  /** Compares and writes that etcd takes in one transaction (--max-txn-ops). */
  readonly maxOperations: number;
}

/**
 * `DocumentStore` over etcd. Reads are linearizable; `revision` is that of the whole etcd, so that others who write to it make it
 * grow too.
 */
export class EtcdDocuments implements DocumentStore {
  readonly #context: DocumentContext;

  constructor(context: DocumentContext) {
    this.#context = context;
  }

  async get(key: string): Promise<StoredDocument | undefined> {
    const { connection, codec } = this.#context;
    const encoded = codec.encodeKey(key);
    const { kvs } = await connection.repeatable(
      { doing: `The document ${key} could not be read` },
      ({ client, deadline }) => client.unary("range", { key: encoded }, deadline),
    );
    const [kv] = kvs;
    return kv === undefined ? undefined : this.#document(kv);
  }

  /** All pages are of one revision. A document of somebody else's that is no JSON fails it, with its key in the message. */
  async range(prefix: string, options: { limit?: number; after?: string } = {}): Promise<StoredDocument[]> {
    const { connection, codec } = this.#context;
    const { limit } = options;
    const range = codec.range(prefix, options.after);
    if (range.from.compare(range.to) >= 0 || (limit !== undefined && limit <= 0)) return [];
    const { kvs } = await readRange(connection, range, limit === undefined ? {} : { limit });
    return kvs.map((kv) => this.#document(kv));
  }

  /**
   * A transaction is sent once. When its answer is lost it fails with SB_STORE_IN_DOUBT, which is transient: the write may have
   * been made, or may even be made a little later. It is not looked up here, because the store cannot tell whose write a
   * revision was; who compares a revision of his own key finds out by reading that key and trying again, of which one at most
   * succeeds.
   * @throws SB_TRANSACTION_TOO_LARGE for more than `maxOperations` writes or compares, more bytes than etcd takes, or a key
   *   written twice; SB_TIMEOUT when a lease is gone; SB_STORE_IN_DOUBT; SB_STORE_UNREACHABLE when it was certainly not made;
   *   SB_STORE_FULL, SB_STORE_AUTH, SB_STORE_FAILED
   */
  async transaction(change: {
    compare?: ReadonlyArray<{ key: string; revision: number }>;
    writes: readonly DocumentWrite[];
  }): Promise<{ committed: boolean; revision: number }> {
    const { connection, codec, leases } = this.#context;
    const { compare = [], writes } = change;
    this.#requireFitting(compare.length, writes);
    for (const { lease } of writes) if (lease !== undefined) leases.requireLive(lease);
    const request = {
      // A key that does not exist has mod_revision 0.
      compare: compare.map(
        ({ key, revision }): ICompare => ({
          key: codec.encodeKey(key),
          target: CompareTarget.Mod,
          result: CompareResult.Equal,
          mod_revision: revision,
        }),
      ),
      success: writes.map((write) => this.#operation(write)),
    };
    const { succeeded, header } = await connection.once(
      { doing: "The documents were not written", doubt: "It is not known whether the documents were written" },
      ({ client, deadline }) => client.unary("txn", request, deadline),
    );
    if (succeeded && writes.some(({ value }) => value !== null)) connection.stored();
    return { committed: succeeded, revision: Number(header.revision) };
  }

  /**
   * An unreachable store is waited for. After a gap of compacted revisions see `DocumentWatch`. Only an error that does not pass
   * ends it: SB_STORE_AUTH, SB_STORE_FAILED.
   */
  watch(prefix: string, options: { fromRevision: number; signal: AbortSignal }): AsyncIterable<DocumentChange> {
    return new DocumentWatch(this.#context, prefix, options).changes();
  }

  async revision(): Promise<number> {
    const { connection, codec } = this.#context;
    const { header } = await connection.repeatable(
      { doing: "The revision could not be read" },
      ({ client, deadline }) => client.unary("range", { key: codec.root, count_only: true }, deadline),
    );
    return Number(header.revision);
  }

  /** `ttlMs` is rounded up to whole seconds, one at least; see `EtcdLeases`. */
  lease(ttlMs: number): Promise<Lease> {
    return this.#context.leases.grant(ttlMs);
  }

  #document(kv: IKeyValue): StoredDocument {
    const { codec } = this.#context;
    const key = codec.decodeKey(kv.key);
    return { key, value: codec.decodeValue(key, kv.value), revision: Number(kv.mod_revision) };
  }

  #operation({ key, value, lease }: DocumentWrite): IRequestOp {
    const { codec } = this.#context;
    const encoded = codec.encodeKey(key);
    if (value === null) return { request_delete_range: { key: encoded } };
    return {
      request_put: { key: encoded, value: codec.encodeValue(value), ...(lease === undefined ? {} : { lease }) },
    };
  }

  #requireFitting(compares: number, writes: readonly DocumentWrite[]): void {
    const { maxOperations } = this.#context;
    const largest = Math.max(compares, writes.length);
    if (largest > maxOperations) {
      throw new SignalboxError(
        "SB_TRANSACTION_TOO_LARGE",
        `The transaction has ${largest} operations; etcd takes ${maxOperations}`,
        { advice: "Split it, or raise --max-txn-ops of etcd and the adapter's maxOperations together." },
      );
    }
    const keys = new Set<string>();
    for (const { key } of writes) {
      if (keys.has(key)) {
        throw new SignalboxError("SB_TRANSACTION_TOO_LARGE", `The transaction writes ${key} twice`, {
          statement: key,
          advice: "etcd takes each key once in a transaction: make two of it.",
        });
      }
      keys.add(key);
    }
  }
}
