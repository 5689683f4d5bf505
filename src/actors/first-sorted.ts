import type { Steps } from "./in-steps.ts";
import { sortedInSteps } from "./sorted-in-steps.ts";

export type Compare<T> = (a: T, b: T) => number;

/** A page that is at most this part of all is picked out; for more it is cheaper to sort all. */
const PICK_AT_MOST = 1 / 4;
/** So many are compared with the page in one step. */
const IN_ONE_STEP = 2_000;

/**
 * The first `count` items in order, sorted. Of 100,000 items a small page costs one comparison for most of them: a heap holds the best so
 * far, with the worst of them on top.
 * @param compare a total order: never 0 for two different items
 */
export function* firstSorted<T>(items: readonly T[], count: number, compare: Compare<T>): Steps<T[]> {
  if (count <= 0) return [];
  if (count >= items.length * PICK_AT_MOST) return (yield* sortedInSteps(items, compare)).slice(0, count);
  const heap: T[] = [];
  for (const [at, item] of items.entries()) {
    if (at % IN_ONE_STEP === 0) yield;
    const [worst] = heap;
    if (heap.length < count) siftUp(heap, item, compare);
    else if (worst !== undefined && compare(item, worst) < 0) replaceTop(heap, item, compare);
  }
  return yield* sortedInSteps(heap, compare);
}

function siftUp<T>(heap: T[], item: T, compare: Compare<T>): void {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as T;
    if (compare(item, above) <= 0) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = item;
}

function replaceTop<T>(heap: T[], item: T, compare: Compare<T>): void {
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    if (left >= heap.length) break;
    const right = left + 1;
    const isRight = right < heap.length && compare(heap[right] as T, heap[left] as T) > 0;
    const child = isRight ? right : left;
    const below = heap[child] as T;
    if (compare(item, below) >= 0) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = item;
}
