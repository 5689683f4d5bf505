/** Waits that grow: each is twice the one before, up to the longest. */
export interface Backoff {
  /** Before the second try, milliseconds. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** For what a store in this data centre is asked. */
export const STORE_BACKOFF: Backoff = { firstMs: 50, longestMs: 5_000 };

/**
 * How long to wait after a failed try, milliseconds.
 * @param failures how many tries have failed in a row, 1 or more
 * @param fraction a random number in [0, 1) that spreads the tries of many over the second half of the wait; none when not given
 */
export function backoffMs(failures: number, { firstMs, longestMs }: Backoff, fraction?: number): number {
  // Beyond 2^30 the longest is reached in any case.
  const wait = Math.min(longestMs, firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30));
  return fraction === undefined ? wait : wait * (0.5 + fraction / 2);
}
