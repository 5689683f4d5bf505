import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock } from "../actors/ports.ts";

/** V8 as far as it is told what to do with its heap. It reads these flags at every decision, so they may be set at any time. */
export interface HeapControl {
  /** Part of the time since the last call in which the event loop was busy, 0 to 1. */
  busyShare(): number;
  /** The heap may be a third larger than what lives in it. */
  workFast(): void;
  /** The heap is kept to what lives in it: garbage is collected once now, and often from now on. */
  staySmall(): void;
}

const LOOK_MS = 5_000;
/** So much of a core is work; less is what it takes to watch ten thousand resources. */
const WORKS_FROM = 0.6;
const RESTS_BELOW = 0.4;

/**
 * Keeps the heap small while there is little to do, and the collector out of the way while there is much. On a machine with much memory
 * V8 by itself lets the heap grow to several times of what lives in it, and keeps it.
 * @returns what ends it
 */
export function keepHeapSmallAtRest(clock: Pick<Clock, "after">, heap: HeapControl = v8Heap()): () => void {
  let works = true;
  heap.workFast();
  let cancel = () => {};
  const look = () => {
    const share = heap.busyShare();
    if (works && share < RESTS_BELOW) heap.staySmall();
    else if (!works && share >= WORKS_FROM) heap.workFast();
    works = works ? share >= RESTS_BELOW : share >= WORKS_FROM;
    cancel = clock.after(LOOK_MS, look);
  };
  cancel = clock.after(LOOK_MS, look);
  return () => cancel();
}

function v8Heap(): HeapControl {
  let last = performance.eventLoopUtilization();
  return {
    busyShare() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    workFast() {
      setFlagsFromString("--no-optimize-for-size");
      setFlagsFromString("--heap-growing-percent=30");
    },
    staySmall() {
      setFlagsFromString("--heap-growing-percent=0");
      setFlagsFromString("--optimize-for-size");
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      collect();
    },
  };
}
