import { describe, expect, it } from "vitest";
import { RateLimit } from "../../../../src/actors/access/rate-limit.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";

describe("a rate", () => {
  it("lets a burst through, then as many as a second gives, for each name by itself", async () => {
    const clock = new VirtualClock(0);
    const limit = new RateLimit({ perSecond: 2, burst: 3 }, clock);
    const taken = (name: string, times: number) =>
      Array.from({ length: times }, () => limit.take(name)).filter(Boolean).length;
    expect(taken("a", 5)).toBe(3);
    expect(taken("b", 1)).toBe(1);
    await clock.advance(1_000);
    expect(taken("a", 5)).toBe(2);
    await clock.advance(60_000);
    expect(taken("a", 5)).toBe(3);
  });
});
