import { getHeapStatistics } from "node:v8";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { type HeapControl, keepHeapSmallAtRest } from "../../../src/cli/small-heap-at-rest.ts";

describe("the heap", () => {
  let stop = () => {};
  afterEach(() => stop());

  function watched(): { told: string[]; busy: (share: number) => void } {
    const clock = new VirtualClock(0);
    const told: string[] = [];
    let share = 0;
    const heap: HeapControl = {
      busyShare: () => share,
      workFast: () => told.push("fast"),
      staySmall: () => told.push("small"),
    };
    stop = keepHeapSmallAtRest(clock, heap);
    return {
      told,
      busy: (now) => {
        share = now;
        clock.advance(5_000);
      },
    };
  }

  it("may grow during the start, and is small at rest", () => {
    const { told, busy } = watched();
    expect(told).toEqual(["fast"]);
    busy(0.9);
    expect(told).toEqual(["fast"]);
    busy(0.1);
    busy(0.1);
    expect(told).toEqual(["fast", "small"]);
  });

  it("may grow again under load, and changes nothing between the two marks", () => {
    const { told, busy } = watched();
    busy(0.1);
    busy(0.5);
    expect(told).toEqual(["fast", "small"]);
    busy(0.7);
    busy(0.5);
    expect(told).toEqual(["fast", "small", "fast"]);
    busy(0.3);
    expect(told).toEqual(["fast", "small", "fast", "small"]);
  });

  it("is really collected when the process comes to rest", async () => {
    let garbage: unknown = Array.from({ length: 400_000 }, (_, at) => ({ at }));
    expect(garbage).toHaveLength(400_000);
    garbage = undefined;
    const before = getHeapStatistics().used_heap_size;
    // Time that the virtual clock lets pass at once; what V8 is told is real.
    const soon = { after: (_: number, callback: () => void) => systemClock.after(1, callback) };
    stop = keepHeapSmallAtRest(soon);
    while (getHeapStatistics().used_heap_size > before - 10_000_000) await systemClock.sleep(5);
    expect(getHeapStatistics().used_heap_size).toBeLessThan(before);
  });
});
