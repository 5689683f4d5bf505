import type { Compare } from "./first-sorted.ts";
import type { Steps } from "./in-steps.ts";

/** So many are sorted, and five times as many merged, in one step: some milliseconds. */
const IN_ONE_STEP = 1_000;

/**
 * Sorts in steps (merge sort), stable.
 * @returns the items in order, in a list of their own
 */
export function* sortedInSteps<T>(items: readonly T[], compare: Compare<T>): Steps<T[]> {
  let runs: T[][] = [];
  for (let at = 0; at < items.length; at += IN_ONE_STEP) {
    runs.push(items.slice(at, at + IN_ONE_STEP).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      const [a = [], b = []] = runs.slice(at, at + 2);
      merged.push(b.length === 0 ? a : yield* merge(a, b, compare));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(a: readonly T[], b: readonly T[], compare: Compare<T>): Steps<T[]> {
  const merged: T[] = [];
  let [inA, inB] = [0, 0];
  while (inA < a.length && inB < b.length) {
    const [fromA, fromB] = [a[inA] as T, b[inB] as T];
    if (compare(fromA, fromB) <= 0) {
      merged.push(fromA);
      inA += 1;
    } else {
      merged.push(fromB);
      inB += 1;
    }
    if (merged.length % (5 * IN_ONE_STEP) === 0) yield;
  }
  for (; inA < a.length; inA += 1) merged.push(a[inA] as T);
  for (; inB < b.length; inB += 1) merged.push(b[inB] as T);
  return merged;
}
