import type { Clock, Random, RouterAddress, RouterConnector, RouterSession } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

export interface BackoffOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Attempts in all (5). */
  readonly maxAttempts?: number;
  /** Longest wait after the first failure, in ms (500); it doubles with each further one. */
  readonly firstDelayMs?: number;
  /** Upper bound of a wait, in ms (30 s). */
  readonly maxDelayMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Connects, and tries again after transient failures with exponential back-off and full jitter, so that many sessions
 * that were lost together do not come back together. A permanent failure (login, host key) is thrown at once.
 * @throws the last attempt's error; the signal's reason when aborted
 */
export async function connectWithBackoff(
  connector: RouterConnector,
  address: RouterAddress,
  options: BackoffOptions,
): Promise<RouterSession> {
  const { clock, random, signal, maxAttempts = 5, firstDelayMs = 500, maxDelayMs = 30_000 } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await connector.connect(address, signal === undefined ? {} : { signal });
    } catch (error) {
      const again = error instanceof SignalboxError && error.transient && attempt < maxAttempts;
      if (!again) throw error;
    }
    const longest = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
    await clock.sleep(longest * random.fraction(), signal);
  }
}
