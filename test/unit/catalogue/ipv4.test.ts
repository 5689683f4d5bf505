import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cidrContains, formatIpv4, parseCidr, parseIpv4 } from "../../../src/catalogue/ipv4.ts";

const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe("an IPv4 address", () => {
  it("is a number and back", () => {
    fc.assert(
      fc.property(address, (value) => {
        expect(parseIpv4(formatIpv4(value))).toBe(value);
      }),
    );
    expect(formatIpv4(2 ** 32 - 1)).toBe("255.255.255.255");
    expect(parseIpv4("172.16.101.151")).toBe(0xac106597);
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "01.2.3.4",
    "1.2.3.04",
    " 1.2.3.4",
    "1.2.3.4\n",
    "1.2.3.4/24",
    "a.b.c.d",
    "1..2.3",
    "::1",
    "-1.2.3.4",
    "1e1.0.0.0",
  ])("%j is none", (text) => {
    expect(parseIpv4(text)).toBeUndefined();
  });

  it("is one way to write it only: what parses is what is written back", () => {
    const part = fc.oneof(fc.nat(300).map(String), fc.constantFrom("", "00", "007", "+1", " 1", "1 ", "0x1"));
    fc.assert(
      fc.property(fc.array(part, { minLength: 3, maxLength: 5 }), (parts) => {
        const text = parts.join(".");
        const value = parseIpv4(text);
        if (value !== undefined) expect(formatIpv4(value)).toBe(text);
      }),
    );
  });
});

describe("an IPv4 block", () => {
  it("knows its first address, its length and its size", () => {
    expect(parseCidr("10.0.0.0/24")).toEqual({ network: 0x0a000000, length: 24, size: 256 });
    expect(parseCidr("0.0.0.0/0")).toEqual({ network: 0, length: 0, size: 2 ** 32 });
    expect(parseCidr("192.0.2.7/32")).toEqual({ network: 0xc0000207, length: 32, size: 1 });
  });

  it.each([
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/024",
    "10.0.0.0/-1",
    "10.0.0.1/24",
    "10.0.0/24",
    "/24",
    "10.0.0.0/24/24",
    "10.0.0.0/2 ",
    "",
  ])("%j is none", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it("contains exactly its addresses", () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 32 }), address, (value, length, other) => {
        const size = 2 ** (32 - length);
        const network = Math.floor(value / size) * size;
        const block = parseCidr(`${formatIpv4(network)}/${length}`);
        expect(block).toEqual({ network, length, size });
        if (block === undefined) return;
        expect([cidrContains(block, network), cidrContains(block, network + size - 1)]).toEqual([true, true]);
        expect([cidrContains(block, network - 1), cidrContains(block, network + size)]).toEqual([false, false]);
        expect(cidrContains(block, other)).toBe(Math.floor(other / size) * size === network);
        // Any other way to write the block has host bits, and is none.
        if (value !== network) expect(parseCidr(`${formatIpv4(value)}/${length}`)).toBeUndefined();
      }),
    );
  });
});
