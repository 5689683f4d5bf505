import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Turns } from "../../../src/actors/turns.ts";

const whose = fc.constantFrom("a", "b", "c", "");
const steps = fc.array(fc.oneof(whose, fc.constant(null)), { maxLength: 200 });

describe("taking turns", () => {
  it("goes from one to the next, and through what each has in the order in which it came", () => {
    const turns = new Turns<string>();
    for (const item of ["a1", "a2", "a3", "b1", "c1", "b2"]) turns.add(item.charAt(0), item);
    expect([...turns]).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
    const taken = Array.from({ length: 6 }, () => turns.take());
    expect(taken).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
    expect([turns.take(), turns.size]).toEqual([undefined, 0]);
  });

  it("lets nobody wait for more than one of each other's, whatever they have waiting", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const turns = new Turns<{ whose: string; number: number }>();
        const last = new Map<string, number>();
        /** By who waits: what others have had since its last turn. */
        const passed = new Map<string, string[]>();
        let number = 0;
        for (const step of [...all, ...all.map(() => null)]) {
          if (step !== null) {
            turns.add(step, { whose: step, number: number++ });
            if (!passed.has(step)) passed.set(step, []);
            continue;
          }
          const { size } = turns;
          const taken = turns.take();
          expect(turns.size).toBe(Math.max(0, size - 1));
          if (taken === undefined) continue;
          expect(taken.number).toBeGreaterThan(last.get(taken.whose) ?? -1);
          last.set(taken.whose, taken.number);
          const before = passed.get(taken.whose) ?? [];
          expect(new Set(before).size).toBe(before.length);
          for (const [waiter, others] of passed) if (waiter !== taken.whose) others.push(taken.whose);
          if ([...turns].some((each) => each.whose === taken.whose)) passed.set(taken.whose, []);
          else passed.delete(taken.whose);
        }
        expect(turns.size).toBe(0);
      }),
    );
  });

  it("passes over who may not have one now, and keeps that place", () => {
    const turns = new Turns<string>();
    for (const item of ["a1", "b1", "a2", "b2"]) turns.add(item.charAt(0), item);
    expect(turns.take((_, each) => each !== "a")).toBe("b1");
    expect(turns.take()).toBe("a1");
    expect(turns.takeAll()).toEqual(["b2", "a2"]);
    expect(turns.size).toBe(0);
  });
});
