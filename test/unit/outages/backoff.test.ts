import fc from "fast-check";
import { expect, it } from "vitest";
import { backoffMs } from "../../../src/outages/backoff.ts";

it("waits twice as long after each failure, up to the longest", () => {
  const waits = [1, 2, 3, 4, 5, 6, 1000].map((failures) => backoffMs(failures, { firstMs: 50, longestMs: 1000 }));
  expect(waits).toEqual([50, 100, 200, 400, 800, 1000, 1000]);
});

it("spreads waits over their second half, and never shrinks the bound", () => {
  const failures = fc.integer({ min: 0, max: 1e6 });
  const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(failures, fraction, (count, part) => {
      const whole = backoffMs(count, { firstMs: 20, longestMs: 5000 });
      const wait = backoffMs(count, { firstMs: 20, longestMs: 5000 }, part);
      expect(wait).toBeGreaterThanOrEqual(whole / 2);
      expect(wait).toBeLessThanOrEqual(whole);
      expect(whole).toBeLessThanOrEqual(5000);
    }),
  );
});
