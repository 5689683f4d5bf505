import type { StoredRecord } from "../../actors/ports.ts";

/** Records that wait for a slow follower at most; then it reads for itself until it has caught up. */
const MOST_WAITING = 512;

export interface LiveTailOptions {
  /** Position of the last record of the log; waits for as long as it cannot be read. */
  readonly position: (signal: AbortSignal) => Promise<number>;
  /** Records from a position on, then live, until the signal is aborted. */
  readonly read: (from: number, signal: AbortSignal) => AsyncIterable<StoredRecord>;
}

/** One reading of the end, for as long as somebody follows it. */
interface Reading {
  readonly followers: Set<TailFollower>;
  readonly stop: AbortController;
  begun: boolean;
}

/**
 * The end of the log as it grows, read and parsed once for all who follow it in this process. What was there before a follower reads for
 * itself. One that is too slow is left behind, so that what waits for it stays bounded, and joins again.
 */
export class LiveTail {
  readonly #options: LiveTailOptions;
  #reading: Reading | undefined;

  constructor(options: LiveTailOptions) {
    this.#options = options;
  }

  join(): TailFollower {
    this.#reading ??= this.#start();
    const reading = this.#reading;
    const follower = new TailFollower(reading.begun, () => this.#leave(reading, follower));
    reading.followers.add(follower);
    return follower;
  }

  #start(): Reading {
    const reading: Reading = { followers: new Set(), stop: new AbortController(), begun: false };
    void this.#run(reading);
    return reading;
  }

  async #run(reading: Reading): Promise<void> {
    const { followers, stop } = reading;
    let failure: { readonly error: unknown } | undefined;
    try {
      const position = await this.#options.position(stop.signal);
      reading.begun = true;
      for (const follower of followers) follower.begin();
      for await (const record of this.#options.read(position + 1, stop.signal)) {
        for (const follower of followers) follower.take(record);
      }
    } catch (error) {
      failure = { error };
    }
    if (this.#reading === reading) this.#reading = undefined;
    // The log is closed, or cannot be read for good: whoever joins next begins anew.
    for (const follower of followers) follower.end(failure);
    followers.clear();
  }

  #leave(reading: Reading, follower: TailFollower): void {
    reading.followers.delete(follower);
    if (reading.followers.size > 0) return;
    if (this.#reading === reading) this.#reading = undefined;
    reading.stop.abort();
  }
}

/** Why a follower gets no more records. */
export type TailEnd = "left behind" | "over";

export class TailFollower {
  readonly #onLeave: () => void;
  #begun: boolean;
  #waiting: StoredRecord[] = [];
  #ended: TailEnd | undefined;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(begun: boolean, onLeave: () => void) {
    this.#begun = begun;
    this.#onLeave = onLeave;
  }

  /**
   * Resolves when every record that is appended from now on will come. Which of those before will come too is not said.
   * @param isOver asked again at each `wake`
   * @throws why the log cannot be read
   */
  async begun(isOver: () => boolean): Promise<void> {
    while (!this.#begun && this.#ended === undefined && !isOver()) await this.#woken();
    if (this.#failure !== undefined && !isOver()) throw this.#failure.error;
  }

  /**
   * The records that have come since the last call; waits for some.
   * @throws why the log cannot be read any more
   */
  async next(isOver: () => boolean): Promise<readonly StoredRecord[] | TailEnd> {
    for (;;) {
      if (isOver()) return "over";
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#waiting.length > 0) {
        const records = this.#waiting;
        this.#waiting = [];
        return records;
      }
      if (this.#ended !== undefined) return this.#ended;
      await this.#woken();
    }
  }

  begin(): void {
    this.#begun = true;
    this.wake();
  }

  take(record: StoredRecord): void {
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(record);
    else {
      this.#ended = "left behind";
      this.leave();
    }
    this.wake();
  }

  end(failure: { readonly error: unknown } | undefined): void {
    this.#ended ??= "over";
    this.#failure = failure;
    this.wake();
  }

  wake(): void {
    this.#wake();
  }

  /** Takes no more. */
  leave(): void {
    this.#waiting = [];
    this.#onLeave();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
