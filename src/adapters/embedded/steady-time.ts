import type { Clock } from "../../actors/ports.ts";

/**
 * Time for deadlines that are stored: wall time as it was when the process began, and from then on what has passed by the monotonic clock.
 * Within a process it goes on evenly whatever the wall clock is set to. After a restart it begins at the wall clock again, so whoever reads
 * a stored deadline bounds it by how long it was to last.
 * @returns milliseconds since the epoch
 */
export function steadyTime(clock: Clock): () => number {
  const origin = clock.now() - clock.monotonic();
  return () => origin + clock.monotonic();
}
