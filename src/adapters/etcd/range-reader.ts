import type { IKeyValue } from "etcd3";
import type { KeyRange } from "./document-codec.ts";
import type { EtcdConnection } from "./etcd-connection.ts";
import { isCompacted } from "./store-error.ts";

export interface RangeRead {
  readonly kvs: IKeyValue[];
  /** Revision of the store when it was read. */
  readonly storeRevision: number;
}

interface RangeOptions {
  readonly limit?: number;
  /** Reads what was at that revision; the present without it. */
  readonly revision?: number;
  readonly keysOnly?: boolean;
}

/** Keys per request: with documents of some KiB that is some MiB. */
const pageSize = 500;

/**
 * Reads a range as it was at one revision, in pages.
 * @throws SignalboxError; when `revision` is given and compacted away, one whose cause `isCompacted` knows
 */
export async function readRange(
  connection: EtcdConnection,
  range: KeyRange,
  options: RangeOptions = {},
): Promise<RangeRead> {
  for (;;) {
    try {
      return await readPages(connection, range, options);
    } catch (error) {
      // A compaction between two pages: what is read now is of no single revision.
      if (options.revision !== undefined || !(error instanceof Error) || !isCompacted(error.cause)) throw error;
    }
  }
}

async function readPages(connection: EtcdConnection, range: KeyRange, options: RangeOptions): Promise<RangeRead> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const kvs: IKeyValue[] = [];
  let { revision } = options;
  let from = range.from;
  for (;;) {
    const {
      header,
      kvs: page,
      more,
    } = await connection.repeatable({ doing: "The documents could not be read" }, ({ client, deadline }) =>
      client.unary(
        "range",
        {
          key: from,
          range_end: range.to,
          limit: Math.min(pageSize, limit - kvs.length),
          ...(revision === undefined ? {} : { revision }),
          ...(options.keysOnly === true ? { keys_only: true } : {}),
        },
        deadline,
      ),
    );
    const storeRevision = Number(header.revision);
    revision ??= storeRevision;
    for (const kv of page) kvs.push(kv);
    const last = page.at(-1);
    if (!more || last === undefined || kvs.length >= limit) return { kvs, storeRevision };
    from = Buffer.concat([last.key, Buffer.from([0])]);
  }
}
