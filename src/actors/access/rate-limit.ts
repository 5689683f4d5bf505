import type { Clock } from "../ports.ts";

/** What a token may send. */
export interface Rate {
  readonly perSecond: number;
  /** Requests at once, after a time without any. */
  readonly burst: number;
}

interface Bucket {
  left: number;
  /** When `left` was right, milliseconds by the monotonic clock. */
  at: number;
}

/** A bucket that has been full for long is as good as none. */
const SWEEP_AT = 10_000;

/** Token buckets, one per name: each fills with `perSecond` up to `burst`, and each request takes out what it costs. */
export class RateLimit {
  readonly perSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ perSecond, burst }: Rate, clock: Clock) {
    this.perSecond = perSecond;
    this.#burst = burst;
    this.#clock = clock;
  }

  /** Takes one. False: there is none left for now. */
  take(name: string): boolean {
    return this.#take(name, 1, 1);
  }

  /**
   * Takes more for a request that has taken one. What costs more than a bucket holds needs a full one, which is then empty for as long as all of
   * it takes to fill in again: the rate holds for it, too. False: that much is not there for now.
   */
  takeMore(name: string, count: number): boolean {
    return this.#take(name, count, this.#neededFor(count));
  }

  /** Seconds until `take` succeeds, and `takeMore` after it. */
  secondsUntil(name: string, more = 0): number {
    const needed = 1 + this.#neededFor(more) - this.#leftOf(name, this.#clock.monotonic());
    return Math.max(1, Math.ceil(needed / this.perSecond));
  }

  #neededFor(more: number): number {
    return Math.min(more, this.#burst - 1);
  }

  #take(name: string, cost: number, needed: number): boolean {
    const now = this.#clock.monotonic();
    const left = this.#leftOf(name, now);
    if (left < needed) return false;
    if (this.#buckets.size >= SWEEP_AT) this.#sweep(now);
    this.#buckets.set(name, { left: left - cost, at: now });
    return true;
  }

  #leftOf(name: string, now: number): number {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return this.#burst;
    const elapsed = (now - bucket.at) / 1000;
    return Math.min(this.#burst, bucket.left + elapsed * this.perSecond);
  }

  #sweep(now: number): void {
    for (const name of this.#buckets.keys()) if (this.#leftOf(name, now) >= this.#burst) this.#buckets.delete(name);
  }
}
