import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClaimingView } from "../../../src/actors/claiming-view.ts";
import { lowestFreeBlock } from "../../../src/catalogue/address-blocks.ts";
import { parseCidr } from "../../../src/catalogue/ipv4.ts";
import type { SignalboxError } from "../../../src/errors.ts";
import { MemoryView } from "../catalogue/memory-view.ts";
import { MemorySystem, outcomes } from "./memory-system.ts";

/** Addresses of plots by their last byte, each as often as somebody has it. */
function addresses(plots: readonly object[]): number[] {
  return plots.flatMap((plot) => {
    const block = parseCidr(String((plot as { cidr: unknown }).cidr));
    if (block === undefined) throw new Error(`${JSON.stringify(plot)} is no block`);
    return Array.from({ length: block.size }, (_, at) => (block.network + at) % 256);
  });
}

describe.each([1, 2])("with %i process(es), blocks of different lengths that are asked for at once", (processes) => {
  it("never overlap, and whoever is refused has found no room", async () => {
    const lengths = fc.array(fc.integer({ min: 28, max: 32 }), { minLength: 2, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(lengths, async (wanted) => {
        const using = await MemorySystem.start(processes);
        try {
          const space = await using.gateway().create("space", {});
          const asked = wanted.map((length, at) =>
            using.gateway(at % processes).create("plot", { space_id: String(space["id"]), length }),
          );
          const answers = await Promise.allSettled(asked);
          const used = addresses((await using.gateway().list("plot", {})).resources);
          expect(new Set(used).size).toBe(used.length);
          expect(used.every((address) => address < 16)).toBe(true);
          for (const [at, answer] of answers.entries()) {
            if (answer.status === "fulfilled") continue;
            expect((answer.reason as SignalboxError).code).toBe("SB_POOL_EXHAUSTED");
            // Another process may have been about to take what it has not got in the end.
            const size = 2 ** (32 - (wanted[at] ?? 0));
            if (processes === 1) expect(lowestFreeBlock(16, size, new Set(used))).toBeUndefined();
          }
        } finally {
          await using.stop();
        }
      }),
      { numRuns: 12 },
    );
  });

  it("by name: of those that overlap the first is taken, in whatever order they come, and all of it is free again when it is gone", async () => {
    const named = ["192.0.2.8/29", "192.0.2.12/30", "192.0.2.8/31", "192.0.2.15/32"];
    const orders = fc.shuffledSubarray(named, { minLength: 2 });
    await fc.assert(
      fc.asyncProperty(orders, async (order) => {
        const using = await MemorySystem.start(processes);
        try {
          const space = await using.gateway().create("space", {});
          const space_id = String(space["id"]);
          const ask = (at: number, cidr: string) =>
            using.gateway(at % processes).create("plot", { space_id, length: Number(cidr.split("/")[1]), cidr });
          const { refused } = await outcomes(order.map((cidr, at) => ask(at, cidr)));
          const { resources: plots } = await using.gateway().list("plot", {});
          const used = addresses(plots);
          expect(new Set(used).size).toBe(used.length);
          expect([plots.length > 0, plots.length + refused.length]).toEqual([true, order.length]);
          expect(refused).toEqual(refused.map(() => "SB_UNIQUE_TAKEN"));
          for (const plot of plots) {
            await using.gateway().remove("plot", String(plot["id"]));
            await using.until(String(plot["id"]), ({ deleted }) => deleted);
          }
          expect((await ask(0, "192.0.2.0/28"))["cidr"]).toBe("192.0.2.0/28");
        } finally {
          await using.stop();
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe("a view that holds blocks", () => {
  it("shows all their addresses as taken until each holder has let go", () => {
    const view = new ClaimingView(new MemoryView().claim("pool", 1));
    const claim = (number: number, count: number) => [{ pool: "pool", number, count, field: "cidr", allocated: true }];
    const [one, two] = [view.hold(claim(4, 4)), view.hold(claim(6, 2))];
    expect([...view.claimed("pool")]).toEqual([1, 4, 5, 6, 7]);
    one();
    expect([...view.claimed("pool")]).toEqual([1, 6, 7]);
    two();
    expect([...view.claimed("pool")]).toEqual([1]);
  });
});
