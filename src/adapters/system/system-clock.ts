import type { Clock } from "../../actors/ports.ts";

// The longest delay that Node's timers take (2^31 - 1 ms, 24.8 days); longer ones are made of several.
const longestTimerMs = 2_147_483_647;

/** The clock of the machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // Counts from the start of the process; setting the machine's clock does not move it, nor Node's timers.
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const start = (leftMs: number) => {
      const partMs = Math.min(leftMs, longestTimerMs);
      timer = setTimeout(() => (leftMs > partMs ? start(leftMs - partMs) : callback()), partMs);
      timer.unref();
    };
    start(Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
  sleep(delayMs, signal) {
    return sleepOn(systemClock, delayMs, signal);
  },
};

/** Sleeps on the timers of a clock: resolves after `delayMs`, rejects with the signal's reason when it is aborted. */
export function sleepOn(clock: Pick<Clock, "after">, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const abort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}
