import { setFlagsFromString } from "node:v8";

/**
 * Makes V8 collect garbage in time instead of letting the heap grow to several times of what lives in it, which it does on
 * a machine with much memory. The flag is read at every decision about the heap's size, so it may be set at any time. It
 * costs a few percent of speed when much is allocated, and keeps a process that watches a thousand gateways at a third of
 * the memory (docs/benchmarks.md). A user's own `--max-old-space-size` and the like hold as before.
 */
export function preferSmallHeap(): void {
  setFlagsFromString("--optimize-for-size");
}
