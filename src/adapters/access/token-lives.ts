import { createHash } from "node:crypto";
import type { Clock } from "../../actors/ports.ts";

/** Tokens that are kept in mind at most; the one that was seen first is forgotten then. */
const KEPT = 10_000;

/**
 * How long each signed token may still be used by the monotonic clock: its whole life (`exp` less `iat`) from when this process saw it first.
 * Its end is a matter of the wall clock; this one bounds what it gains when that clock is set back, and never ends it early.
 */
export class TokenLives {
  readonly #clock: Clock;
  /** By digest: milliseconds by the monotonic clock. */
  readonly #ends = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param lifeMs from its issue to its end */
  isOver(token: string, lifeMs: number): boolean {
    const digest = createHash("sha256").update(token).digest("base64");
    const now = this.#clock.monotonic();
    const end = this.#ends.get(digest);
    if (end !== undefined) return now >= end;
    if (this.#ends.size >= KEPT)
      for (const first of this.#ends.keys()) {
        this.#ends.delete(first);
        break;
      }
    this.#ends.set(digest, now + lifeMs);
    return false;
  }
}
