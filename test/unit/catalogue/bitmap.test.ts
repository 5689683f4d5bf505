import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitmapOf, countFree, isTaken, lowestFree, parseNumberRanges } from "../../../src/catalogue/bitmap.ts";
import { bodyOf, seedDocuments } from "../actors/seeds/seed-documents.ts";

const size = fc.integer({ min: 1, max: 200 });
const pool = size.chain((length) =>
  fc.record({ length: fc.constant(length), taken: fc.uniqueArray(fc.integer({ min: 0, max: length - 1 })) }),
);

describe("a pool of numbers as a bitmap", () => {
  it("has bit 0 first, the most significant bit of byte 0", () => {
    expect(bitmapOf(16, [0])).toBe(Buffer.from([0x80, 0x00]).toString("base64"));
    expect(bitmapOf(16, [7, 8])).toBe(Buffer.from([0x01, 0x80]).toString("base64"));
    expect(bitmapOf(12, [11])).toBe(Buffer.from([0x00, 0x10]).toString("base64"));
  });

  it("is that of seed 003 for 0-1024,4094 with 0 and 4095 reserved", () => {
    const restricted = parseNumberRanges("0-1024,4094", 4096) ?? [];
    const bitmap = bitmapOf(4096, [0, ...restricted, 4095]);
    const seed = bodyOf(seedDocuments("003"));
    expect(bitmap).toBe(seed["vlan_pool_state"]);
    expect(countFree(bitmap, 4096)).toBe(seed["vlan_ids_available"]);
    expect(lowestFree(bitmap, 4096, new Set())).toBe(1025);
  });

  it("leaves out numbers that are not in the pool", () => {
    expect(bitmapOf(8, [-1, 8, 1000])).toBe(bitmapOf(8, []));
  });

  it("takes what is beyond the bitmap for taken", () => {
    const bitmap = Buffer.from(bitmapOf(8, []), "base64");
    expect(isTaken(bitmap, 7)).toBe(false);
    expect(isTaken(bitmap, 8)).toBe(true);
    expect(lowestFree("", 8, new Set())).toBeUndefined();
    expect(countFree("", 8)).toBe(0);
  });

  it("has exactly the taken numbers set, and counts the others", () => {
    fc.assert(
      fc.property(pool, ({ length, taken }) => {
        const text = bitmapOf(length, taken);
        const bitmap = Buffer.from(text, "base64");
        const set = Array.from({ length }, (_, bit) => bit).filter((bit) => isTaken(bitmap, bit));
        expect(set).toEqual([...taken].sort((a, b) => a - b));
        expect(countFree(text, length)).toBe(length - taken.length);
      }),
    );
  });

  it("gives the lowest number that is neither set nor claimed, and none when there is none", () => {
    fc.assert(
      fc.property(pool, fc.uniqueArray(fc.nat(210)), ({ length, taken }, claimed) => {
        const found = lowestFree(bitmapOf(length, taken), length, new Set(claimed));
        const free = Array.from({ length }, (_, bit) => bit).filter(
          (bit) => !taken.includes(bit) && !claimed.includes(bit),
        );
        expect(found).toBe(free[0]);
      }),
    );
  });
});

describe("a list of number ranges", () => {
  it.each([
    ["", []],
    ["  ", []],
    ["7", [7]],
    ["0-3,9", [0, 1, 2, 3, 9]],
    [" 1 - 2 , 4 ", [1, 2, 4]],
    ["5,5-6", [5, 6]],
    ["9-9", [9]],
  ])("%j is %j", (text, numbers) => {
    expect([...(parseNumberRanges(text, 10) ?? ["none"])]).toEqual(numbers);
  });

  it.each(["a", "1,", ",1", "1--2", "-1", "3-1", "10", "0-10", "1.5", "0x1", "1;2", "1 2", "100000"])(
    "%j is none",
    (text) => {
      expect(parseNumberRanges(text, 10)).toBeUndefined();
    },
  );

  it("reads back every list of ranges", () => {
    const range = fc.tuple(fc.nat(4095), fc.nat(4095)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 4 }), (ranges) => {
        const text = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
        const numbers = new Set<number>();
        for (const [first, last] of ranges) for (let at = first; at <= last; at += 1) numbers.add(at);
        expect(parseNumberRanges(text, 4096)).toEqual(numbers);
      }),
      { numRuns: 50 },
    );
  });
});
