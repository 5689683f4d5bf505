import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Random } from "../../../src/actors/ports.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";

describe("VirtualClock", () => {
  it("runs what is due in order, each at its own time", () => {
    const clock = new VirtualClock(1000);
    const seen: string[] = [];
    const note = (name: string) => () => {
      seen.push(`${name}@${clock.now()}`);
    };
    clock.after(30, note("c"));
    clock.after(10, note("a"));
    clock.after(30, note("d"));
    clock.after(20, () => {
      note("b")();
      clock.after(5, note("nested"));
      clock.after(500, note("far"));
    });
    const cancel = clock.after(15, note("cancelled"));
    cancel();
    cancel();
    clock.advance(100);
    expect(seen).toEqual(["a@1010", "b@1020", "nested@1025", "c@1030", "d@1030"]);
    expect(clock.now()).toBe(1100);
    expect(clock.pending()).toBe(1);
    expect(clock.advanceToNext()).toBe(true);
    expect(clock.now()).toBe(1520);
    expect(clock.advanceToNext()).toBe(false);
    expect(clock.pending()).toBe(0);
  });

  it("runs any set of timers sorted by due time, then by order of asking", () => {
    const timer = fc.record({ delay: fc.integer({ min: 0, max: 20 }), cancelled: fc.boolean() });
    fc.assert(
      fc.property(fc.array(timer, { maxLength: 60 }), (timers) => {
        const clock = new VirtualClock();
        const ran: number[] = [];
        const cancels = timers.map(({ delay }, i) => clock.after(delay, () => ran.push(i)));
        for (const [i, { cancelled }] of timers.entries()) if (cancelled) cancels[i]?.();
        const live = timers.map(({ delay, cancelled }, i) => ({ delay, cancelled, i })).filter((t) => !t.cancelled);
        expect(clock.pending()).toBe(live.length);
        while (clock.advanceToNext());
        expect(ran).toEqual(live.sort((a, b) => a.delay - b.delay || a.i - b.i).map((t) => t.i));
      }),
    );
  });

  it("sleeps, and rejects with the reason of an abort", async () => {
    const clock = new VirtualClock();
    const sleeping = clock.sleep(50);
    clock.advance(50);
    await sleeping;
    const stop = new AbortController();
    const interrupted = clock.sleep(50, stop.signal);
    stop.abort(new Error("stop"));
    await expect(interrupted).rejects.toThrow("stop");
    await expect(clock.sleep(50, stop.signal)).rejects.toThrow("stop");
    expect(clock.pending()).toBe(0);
  });
});

describe("a wall clock that is set", () => {
  const DAY_MS = 86_400_000;
  it.each([DAY_MS, -DAY_MS])("moves neither timers nor the monotonic time (%i ms)", async (jump) => {
    const clock = new VirtualClock(1_700_000_000_000);
    const ran: number[] = [];
    clock.after(100, () => ran.push(clock.monotonic()));
    clock.advance(40);
    clock.jump(jump);
    expect(clock.now()).toBe(1_700_000_000_040 + jump);
    expect(clock.monotonic()).toBe(40);
    clock.advance(59);
    expect(ran).toEqual([]);
    clock.advance(1);
    expect(ran).toEqual([100]);
    const sleeping = clock.sleep(10);
    clock.jump(-jump);
    clock.advance(10);
    await sleeping;
    expect(clock.now()).toBe(1_700_000_000_110);
  });

  it("is not what the system's monotonic time is taken from", () => {
    const before = systemClock.monotonic();
    vi.useFakeTimers({ toFake: ["Date"], now: systemClock.now() - DAY_MS });
    try {
      expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before);
      expect(systemClock.monotonic() - before).toBeLessThan(DAY_MS / 2);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("systemClock", () => {
  it("calls back, and not after a cancel", async () => {
    const calls: string[] = [];
    const cancel = systemClock.after(0, () => calls.push("cancelled"));
    cancel();
    await new Promise<void>((resolve) => {
      systemClock.after(1, resolve);
    });
    expect(calls).toEqual([]);
    expect(systemClock.now()).toBeGreaterThan(1_700_000_000_000);
    // More than a timer of Node can hold would fire at once.
    systemClock.after(2 ** 40, () => calls.push("too early"))();
    await expect(systemClock.sleep(60_000, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});

describe.each<[string, () => Random]>([
  ["systemRandom", () => systemRandom],
  ["SeededRandom", () => new SeededRandom(7)],
])("%s", (_name, make) => {
  it("gives version 4 UUIDs, suffixes, fractions and bytes", () => {
    const random = make();
    const uuids = Array.from({ length: 500 }, () => random.uuid());
    expect(new Set(uuids).size).toBe(500);
    for (const uuid of uuids)
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(random.suffix(8)).toMatch(/^[a-z0-9]{8}$/);
    const fractions = Array.from({ length: 2000 }, () => random.fraction());
    expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
    const mean = fractions.reduce((sum, fraction) => sum + fraction, 0) / fractions.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.06);
    expect(random.bytes(32)).toHaveLength(32);
    expect(new Set(random.bytes(256)).size).toBeGreaterThan(100);
  });
});

describe("SeededRandom", () => {
  it("repeats from its seed and differs between seeds", () => {
    const draw = (seed: number) => {
      const random = new SeededRandom(seed);
      return [random.uuid(), random.suffix(12), random.fraction(), ...random.bytes(8)];
    };
    expect(draw(42)).toEqual(draw(42));
    expect(new Set(Array.from({ length: 200 }, (_, seed) => String(draw(seed)))).size).toBe(200);
  });
});
