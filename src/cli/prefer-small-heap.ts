import { setFlagsFromString } from "node:v8";

/**
 * Makes V8 collect garbage in time instead of letting the heap grow to several times of what lives in it, which it does on
 * a machine with much memory. V8 reads the flag at every decision about the heap's size, so it may be set at any time.
 *
 * Measured with 10 000 resources that are watched: 126 MB of anonymous memory instead of 374 MB, for 0.6 s more of
 * processor time at the start.
 */
export function preferSmallHeap(): void {
  setFlagsFromString("--optimize-for-size");
}
