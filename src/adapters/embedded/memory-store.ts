import { SignalboxError } from "../../errors.ts";
import {
  compareKeys,
  type Decision,
  encodeWrites,
  type KeyRange,
  type OrderedEntry,
  type OrderedStore,
} from "./ordered-store.ts";

interface Cell {
  readonly key: string;
  text: string;
}

// Chunks are split at this length: an insert moves at most so many cells.
const chunkLength = 512;

/**
 * An `OrderedStore` in memory, for simulation and tests. A list of sorted chunks: finding is two binary searches, an
 * insert shifts one chunk. Values are kept as JSON text, so that nobody shares an object with the store.
 */
export class MemoryStore implements OrderedStore {
  // Never holds an empty chunk.
  readonly #chunks: Cell[][] = [];
  #lastCommit = Promise.resolve();
  #closing = false;
  #closed = false;

  get(key: string): unknown {
    this.#requireOpen();
    const chunk = this.#chunks[this.#chunkOf(key)];
    const cell = chunk?.[lowerBound(chunk, key)];
    return cell?.key === key ? JSON.parse(cell.text) : undefined;
  }

  range(bounds: KeyRange, limit: number): OrderedEntry[] {
    const found: OrderedEntry[] = [];
    for (const cell of this.#cells(bounds)) {
      if (found.length >= limit) break;
      found.push({ key: cell.key, value: JSON.parse(cell.text) });
    }
    return found;
  }

  count(bounds: KeyRange): number {
    let count = 0;
    for (const _ of this.#cells(bounds)) count += 1;
    return count;
  }

  async commit<T>(decide: () => Decision<T>): Promise<T> {
    if (this.#closing) throw closedError();
    // As on disk, nothing is decided before the caller has its promise.
    const committed = this.#lastCommit.then(() => {
      const { writes, result } = decide();
      for (const { key, text } of encodeWrites(writes)) {
        if (text === undefined) this.#remove(key);
        else this.#put(key, text);
      }
      return result;
    });
    this.#lastCommit = committed.then(
      () => undefined,
      () => undefined,
    );
    return committed;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#lastCommit;
    this.#closed = true;
  }

  /** The same content in a new, open store: what a restart finds. */
  reopen(): MemoryStore {
    const next = new MemoryStore();
    for (const chunk of this.#chunks) next.#chunks.push(chunk.map((cell) => ({ ...cell })));
    return next;
  }

  *#cells({ from, to }: KeyRange): Generator<Cell> {
    this.#requireOpen();
    for (let at = this.#chunkOf(from); at < this.#chunks.length; at += 1) {
      const chunk = this.#chunks[at] ?? [];
      for (let i = lowerBound(chunk, from); i < chunk.length; i += 1) {
        const cell = chunk[i];
        if (cell === undefined || compareKeys(cell.key, to) >= 0) return;
        yield cell;
      }
    }
  }

  #put(key: string, text: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([{ key, text }]);
      return;
    }
    const i = lowerBound(chunk, key);
    const cell = chunk[i];
    if (cell?.key === key) {
      cell.text = text;
      return;
    }
    chunk.splice(i, 0, { key, text });
    if (chunk.length > chunkLength) this.#chunks.splice(at + 1, 0, chunk.splice(chunkLength / 2));
  }

  #remove(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const i = lowerBound(chunk, key);
    if (chunk[i]?.key !== key) return;
    chunk.splice(i, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** The last chunk that starts at or before `key`, else the first. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = this.#chunks[middle]?.[0];
      if (first !== undefined && compareKeys(first.key, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #requireOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function closedError(): SignalboxError {
  return new SignalboxError("SB_NOT_READY", "The store is closed");
}

/** Index of the first cell whose key is not less than `key`. */
function lowerBound(chunk: readonly Cell[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const cell = chunk[middle];
    if (cell !== undefined && compareKeys(cell.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
