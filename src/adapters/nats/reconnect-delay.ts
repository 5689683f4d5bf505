import type { Clock, Random } from "../../actors/ports.ts";

/** Calls after the clock was set back that ask for a try at once: as many servers as a cluster may have. */
const TRIES_AT_ONCE = 16;
/** What the wall clock may lose without being set, milliseconds: it is slewed. */
const SLEWED_MS = 1_000;

/**
 * The pause between two tries to reach a server, for the NATS client, which asks before each try and takes the time since the last one from
 * the wall clock: set back by a day, it would not try for a day. So when the clock was set back since the last call, the answer is a
 * pause that is over already, for each server once; the client notes the new time with each try.
 */
export class ReconnectDelay {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waitMs: number;
  readonly #jitterMs: number;
  #ahead: number;
  #atOnce = 0;

  constructor(options: { clock: Clock; random: Random; waitMs: number; jitterMs: number }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#waitMs = options.waitMs;
    this.#jitterMs = options.jitterMs;
    this.#ahead = this.#wallAhead();
  }

  /** Milliseconds; below 0 without a bound when there is to be no pause. */
  next(): number {
    const ahead = this.#wallAhead();
    if (ahead < this.#ahead - SLEWED_MS) this.#atOnce = TRIES_AT_ONCE;
    this.#ahead = ahead;
    if (this.#atOnce > 0) {
      this.#atOnce -= 1;
      return Number.NEGATIVE_INFINITY;
    }
    return this.pause();
  }

  /** The usual pause, milliseconds. */
  pause(): number {
    return this.#waitMs + this.#random.fraction() * this.#jitterMs;
  }

  #wallAhead(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}
