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

/** Token buckets, one per name: each fills with `perSecond` up to `burst`, and each request takes one out. */
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

  /** False: there is none left for now. */
  take(name: string): boolean {
    const now = this.#clock.monotonic();
    const left = this.#leftOf(name, now);
    if (left < 1) return false;
    if (this.#buckets.size >= SWEEP_AT) this.#sweep(now);
    this.#buckets.set(name, { left: left - 1, at: now });
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
