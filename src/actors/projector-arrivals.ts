import type { StoredRecord } from "./ports.ts";

/** Records read ahead at most. */
const MOST_WAITING = 256;

/** Reads ahead while earlier records are worked on, so that those that have come meanwhile can be taken together. */
export class Arrivals {
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;
  #waiting: StoredRecord[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wakeTaker: () => void = () => {};
  #wakeReader: () => void = () => {};

  /** @param read records, until the signal is aborted */
  constructor(read: (signal: AbortSignal) => AsyncIterable<StoredRecord>) {
    this.#reading = this.#read(read(this.#stop.signal));
  }

  /**
   * All that have come since the last call; waits for some. None: they have ended.
   * @throws why they cannot be read
   */
  async take(): Promise<readonly StoredRecord[]> {
    while (this.#waiting.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeTaker = resolve;
      });
    }
    const records = this.#waiting;
    this.#waiting = [];
    this.#wakeReader();
    if (records.length === 0 && this.#failure !== undefined) throw this.#failure.error;
    return records;
  }

  /** Reads no more. */
  async end(): Promise<void> {
    this.#stop.abort();
    this.#wakeReader();
    await this.#reading;
  }

  async #read(records: AsyncIterable<StoredRecord>): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const record of records) {
        this.#waiting.push(record);
        this.#wakeTaker();
        while (this.#waiting.length >= MOST_WAITING && !signal.aborted) {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        }
        if (signal.aborted) break;
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#ended = true;
    this.#wakeTaker();
  }
}
