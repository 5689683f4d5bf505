import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonInSlices } from "../../../src/adapters/api/json-in-slices.ts";

async function written(value: object): Promise<string[]> {
  const slices: string[] = [];
  for await (const slice of jsonInSlices(value)) slices.push(slice);
  return slices;
}

describe("JSON that is written in slices", () => {
  it("is what JSON.stringify writes", async () => {
    const member = fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue()), fc.constant(undefined));
    const value = fc.oneof(fc.dictionary(fc.string(), member), fc.array(fc.jsonValue()));
    await fc.assert(
      fc.asyncProperty(value, async (each) => {
        expect((await written(each)).join("")).toBe(JSON.stringify(each));
      }),
    );
  });

  it("comes some items at a time, and the process does what else there is to do between", async () => {
    const items = Array.from({ length: 4_000 }, (_, at) => ({ id: at, note: "x".repeat(1_000) }));
    let turns = 0;
    let over = false;
    const count = () => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    const slices = await written({ things: items, total: 4_000 });
    over = true;
    expect(JSON.parse(slices.join(""))).toEqual({ things: items, total: 4_000 });
    expect(Math.max(...slices.map(({ length }) => length))).toBeLessThan(300_000);
    expect(turns).toBeGreaterThanOrEqual(slices.length - 1);
  });
});
