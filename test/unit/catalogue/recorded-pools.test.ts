import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressAt, countAddresses, parseAddressRanges } from "../../../src/catalogue/address-ranges.ts";
import { bitmapOf, countFree, isTaken, lowestUnclaimed, withBits } from "../../../src/catalogue/bitmap.ts";
import { callFunction } from "../../../src/catalogue/functions.ts";
import { parseIpv4 } from "../../../src/catalogue/ipv4.ts";
import { poolKey, poolOfKey } from "../../../src/catalogue/resource-view.ts";
import { refusalOf } from "./catalogue-text.ts";
import { MemoryView } from "./memory-view.ts";

const call = (name: string, ...args: unknown[]) => callFunction(name, args, new MemoryView());
const refused = (...ranges: unknown[]) => refusalOf(() => call("address_pool", ranges)).fields[0]?.pointer;

describe("ranges of addresses", () => {
  it("are counted through, one after the other", () => {
    const ranges = parseAddressRanges([
      { start: "10.0.0.254", end: "10.0.1.1" },
      { start: "10.0.0.1", end: "10.0.0.1" },
    ]);
    if (ranges === undefined) throw new Error("they are ranges");
    expect(countAddresses(ranges)).toBe(5);
    expect([0, 2, 3, 4, 5].map((number) => addressAt(ranges, number))).toEqual([
      "10.0.0.254",
      "10.0.1.0",
      "10.0.1.1",
      "10.0.0.1",
      undefined,
    ]);
  });

  it("give every address once", () => {
    const range = fc.record({ start: fc.nat(200), size: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 4 }), (list) => {
        const field = list.map(({ start, size }, at) => ({
          start: `10.0.${at}.${start}`,
          end: `10.0.${at}.${start + size - 1}`,
        }));
        const ranges = parseAddressRanges(field) ?? [];
        const count = countAddresses(ranges);
        const all = Array.from({ length: count }, (_, at) => addressAt(ranges, at));
        expect(count).toBe(list.reduce((sum, { size }) => sum + size, 0));
        expect(new Set(all).size).toBe(count);
        expect(all.every((address) => parseIpv4(String(address)) !== undefined)).toBe(true);
      }),
    );
  });

  it("that are none, run backwards or overlap are refused with their field", () => {
    expect(refused()).toBe("/ip_ranges");
    expect(refused({ start: "10.0.0.2", end: "10.0.0.1" })).toBe("/ip_ranges");
    expect(refused({ start: "10.0.0.2" })).toBe("/ip_ranges");
    expect(refused({ start: "10.0.0.1", end: "10.0.0.9" }, { start: "10.0.0.9", end: "10.0.0.10" })).toBe("/ip_ranges");
    expect(refused({ start: "10.0.0.0", end: "10.255.255.255" })).toBe("/ip_ranges");
  });
});

describe("a bitmap that shows what is given out", () => {
  it("of 32 numbers has the last 16 taken", () => {
    const pool = String(call("number_pool", "16", "32"));
    expect(Buffer.from(pool, "base64").toString("hex")).toBe("0000ffff");
    expect(Buffer.from(withBits(pool, [0, 1], true), "base64").toString("hex")).toBe("c000ffff");
  });

  it("of addresses is padded to words of 32 bits with taken ones", () => {
    const pool = String(call("address_pool", [{ start: "192.0.2.1", end: "192.0.2.33" }]));
    expect(Buffer.from(pool, "base64").toString("hex")).toBe("000000007fffffff");
    expect(countFree(pool, 64)).toBe(33);
  });

  it("changes by the bits that are named, and by none beyond its end", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(63)), fc.nat(200), fc.boolean(), (taken, bit, value) => {
        const before = bitmapOf(64, taken);
        const after = Buffer.from(withBits(before, [bit], value), "base64");
        const wanted = new Set(taken);
        if (bit < 64 && value) wanted.add(bit);
        else wanted.delete(bit);
        expect(Array.from({ length: 64 }, (_, at) => at).filter((at) => isTaken(after, at))).toEqual(
          [...wanted].sort((a, b) => a - b),
        );
        expect(after).toHaveLength(8);
      }),
    );
  });

  it("does not decide what is free: the claims do", () => {
    expect(lowestUnclaimed(4, new Set([0, 2]))).toBe(1);
    expect(lowestUnclaimed(2, new Set([0, 1, 2]))).toBeUndefined();
    expect(poolOfKey(poolKey("nat_ip_pool", "n", "address"))).toEqual({
      owner: { type: "nat_ip_pool", id: "n" },
      pool: "address",
    });
  });
});

describe("functions of common function pools", () => {
  const pool = [{ type: "common_function_pool", id: "p" }];
  const nat = (ip_ranges: unknown, ha_router_id = "r") => ({ ha_router_id, ip_ranges });
  const one = [{ start: "192.0.2.1", end: "192.0.2.1" }];
  const find = (view: MemoryView) => callFunction("nat_ip_pool_of", ["p", "r"], view);

  it("nat_ip_pool_of is the first one of the pair with a free address", () => {
    const view = new MemoryView()
      .add("nat_ip_pool", "elsewhere", nat(one, "other"), { refersTo: pool })
      .add("nat_ip_pool", "full", nat(one), { refersTo: pool })
      .add("nat_ip_pool", "leaving", nat(one), { refersTo: pool, markedForDeletion: true })
      .add("nat_ip_pool", "open", nat(one), { refersTo: pool })
      .claim(poolKey("nat_ip_pool", "full", "address"), 0);
    expect(find(view)).toBe("open");
    view.claim(poolKey("nat_ip_pool", "open", "address"), 0);
    const error = refusalOf(() => find(view));
    expect([error.code, error.message.includes("nat_ip_pool open")]).toEqual(["SB_POOL_EXHAUSTED", true]);
    expect(refusalOf(() => find(new MemoryView())).message).toContain("there is no nat_ip_pool");
  });

  it("common_functions_of lists those that stay, by number", () => {
    const view = new MemoryView()
      .add("common_function", "b", { common_function_number: 2 }, { refersTo: pool })
      .add("common_function", "c", { common_function_number: 3 }, { refersTo: pool, markedForDeletion: true })
      .add("common_function", "a", { common_function_number: 1 }, { refersTo: pool });
    const list = (of: MemoryView) => callFunction("common_functions_of", ["p"], of);
    expect(list(view)).toEqual([{ common_function_id: "a" }, { common_function_id: "b" }]);
    expect(refusalOf(() => list(new MemoryView())).code).toBe("SB_PARAMETER_INVALID");
  });

  it("vrrp_entry is of the entry with that number, counted from 1", () => {
    const config = [{ vrid: 41 }, { vrid: 42 }];
    expect([call("vrrp_entry", config, 2, "vrid"), call("vrrp_entry", config, 1, "primary_ip")]).toEqual([42, null]);
    expect(refusalOf(() => call("vrrp_entry", config, 3, "vrid")).code).toBe("SB_POOL_EXHAUSTED");
  });

  it("sum and prefix_length are numbers", () => {
    expect([call("sum", "10000", "1025"), call("prefix_length", "169.254.0.0/17"), call("prefix_length", "x")]).toEqual(
      [11025, 17, null],
    );
  });
});
