import { SignalboxError } from "../../errors.ts";

/**
 * The small key-value interface that the embedded log, queues and documents are written over, once: LMDB behind it on
 * disk, a sorted list in memory. Keys are strings in the order of their code points (which is the order of their UTF-8
 * bytes), values plain JSON data that is copied on the way in and out.
 *
 * Reads answer at once with what is committed. A change is decided inside its transaction: the callback of `commit`
 * sees all earlier commits, does its checks, and returns its writes. As nothing is written before it returns, an error
 * it throws leaves nothing behind.
 */
export interface OrderedStore {
  /** The value; undefined when the key does not exist. */
  get(key: string): unknown;
  /** Entries with `from` <= key < `to`, in key order, `limit` of them at most. Reading is in pieces: nothing stays open. */
  range(bounds: KeyRange, limit: number): OrderedEntry[];
  /** How many keys there are with `from` <= key < `to`. */
  count(bounds: KeyRange): number;
  /**
   * Runs `decide` and makes its writes in one transaction; durable when resolved. Commits take effect in the order of the calls.
   * @throws what `decide` throws; SB_STORE_FAILED when the store cannot take the writes; SB_NOT_READY after `close`
   */
  commit<T>(decide: () => Decision<T>): Promise<T>;
  /** Waits for the commits under way. */
  close(): Promise<void>;
}

export interface KeyRange {
  readonly from: string;
  readonly to: string;
}

export interface OrderedEntry {
  readonly key: string;
  readonly value: unknown;
}

/** A write; without a value it removes the key. */
export interface OrderedWrite {
  readonly key: string;
  readonly value?: unknown;
}

export interface Decision<T> {
  readonly writes: readonly OrderedWrite[];
  readonly result: T;
}

/** An encoded write, ready to be stored: JSON text, or undefined for a removal. */
export interface EncodedWrite {
  readonly key: string;
  readonly text: string | undefined;
}

// LMDB's limit is 1978 bytes with its default page size; the rest is for the table names in front of a key.
const maxKeyBytes = 1900;

/**
 * Encodes all writes before the first is stored, so that one that cannot be stored stops all of them.
 * @throws SB_STORE_FAILED for a key that is too long or not well-formed Unicode
 */
export function encodeWrites(writes: readonly OrderedWrite[]): EncodedWrite[] {
  return writes.map(({ key, value }) => {
    if (Buffer.byteLength(key) > maxKeyBytes || /\p{Surrogate}/u.test(key)) {
      throw new SignalboxError("SB_STORE_FAILED", `The key ${key.slice(0, 60)}... cannot be stored`, {
        transient: false,
        advice: `A key is well-formed Unicode of at most ${maxKeyBytes} bytes.`,
      });
    }
    return { key, text: value === undefined ? undefined : JSON.stringify(value) };
  });
}

/** The range of all keys that start with `prefix`, which is not empty. */
export function prefixRange(prefix: string): KeyRange {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) ?? 0;
    if (point === 0x10ffff) continue;
    // The code points of the surrogates are no characters.
    const next = point === 0xd7ff ? 0xe000 : point + 1;
    return { from: prefix, to: points.join("") + String.fromCodePoint(next) };
  }
  throw new RangeError("A prefix without a successor");
}

/** The least key that is greater than `key`. */
export function keyAfter(key: string): string {
  return `${key}\u0000`;
}

/** A whole number as a part of a key, so that keys sort as the numbers do. */
export function numberKey(value: number): string {
  return String(value).padStart(16, "0");
}

/** Compares by code point. JavaScript's own order is by UTF-16 unit, where U+E000..U+FFFF come after the surrogates. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** One kind of value under a key prefix of its own. `V` is what this program writes there, guarded by the data version. */
export class Table<V> {
  readonly #store: OrderedStore;
  readonly #prefix: string;

  constructor(store: OrderedStore, name: string) {
    this.#store = store;
    this.#prefix = `${name}/`;
  }

  get(key: string): V | undefined {
    return this.#store.get(this.#prefix + key) as V | undefined;
  }

  /** Entries in key order: those that start with `prefix`, from `from` on (inclusive), below `to`. */
  range(bounds: { prefix?: string; from?: string; to?: string }, limit: number): Array<{ key: string; value: V }> {
    // No key is that long, and a store that is asked for one throws.
    if (Buffer.byteLength(this.#prefix + (bounds.prefix ?? "")) > maxKeyBytes) return [];
    const { from, to } = this.#bounds(bounds);
    if (compareKeys(from, to) >= 0) return [];
    return this.#store
      .range({ from, to }, limit)
      .map((entry) => ({ key: entry.key.slice(this.#prefix.length), value: entry.value as V }));
  }

  /** All entries that start with `prefix`, read in pieces; keys that appear or go while it runs are seen or not. */
  *scan(prefix = ""): Generator<{ key: string; value: V }> {
    let from = prefix;
    for (;;) {
      const piece = this.range({ prefix, from }, 256);
      yield* piece;
      const last = piece.at(-1);
      if (last === undefined) return;
      from = keyAfter(last.key);
    }
  }

  count(prefix = ""): number {
    return this.#store.count(this.#bounds({ prefix }));
  }

  put(key: string, value: V): OrderedWrite {
    return { key: this.#prefix + key, value };
  }

  remove(key: string): OrderedWrite {
    return { key: this.#prefix + key };
  }

  #bounds({ prefix = "", from, to }: { prefix?: string; from?: string; to?: string }): KeyRange {
    const all = prefixRange(this.#prefix + prefix);
    return {
      from: from === undefined || compareKeys(from, prefix) < 0 ? all.from : this.#prefix + from,
      to: to === undefined ? all.to : this.#prefix + to,
    };
  }
}
