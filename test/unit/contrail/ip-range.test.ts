import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contains, formatIp, overlap, parseIp, parsePrefix } from "../../../src/lab/contrail/ip-range.ts";

const text = (address: string) => {
  const ip = parseIp(address);
  return ip && formatIp(ip);
};

describe("addresses of the lab's controller", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["::", "::"],
    ["fe80::", "fe80::"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
  ])("read %s and write it as %s (RFC 5952)", (given, written) => {
    expect(text(given)).toBe(written);
  });

  it("read back whatever they write", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (value) => {
        expect(parseIp(formatIp({ family: "v6", value }))).toEqual({ family: "v6", value });
        const v4 = value % 2n ** 32n;
        expect(parseIp(formatIp({ family: "v4", value: v4 }))).toEqual({ family: "v4", value: v4 });
      }),
    );
  });

  it("are none when they are not written as one", () => {
    for (const wrong of ["", "192.0.2", "192.0.2.256", "1::2::3", "fe80::1%eth0", "host"])
      expect(parseIp(wrong)).toBeUndefined();
  });

  it("lie in a prefix of their family", () => {
    const range = parsePrefix("169.254.0.0", 17);
    const inside = (address: string) => {
      const ip = parseIp(address);
      return range !== undefined && ip !== undefined && contains(range, ip);
    };
    expect(inside("169.254.127.255")).toBe(true);
    expect(inside("169.254.128.0")).toBe(false);
    expect(inside("::a9fe:1")).toBe(false);
    expect(parsePrefix("169.254.0.1", 17)).toBeUndefined();
    expect(parsePrefix("169.254.0.0", 1.5)).toBeUndefined();
  });

  it("overlap when one prefix holds the other", () => {
    const [wide, narrow, apart] = [parsePrefix("10.0.0.0", 8), parsePrefix("10.9.0.0", 16), parsePrefix("11.0.0.0", 8)];
    if (!wide || !narrow || !apart) throw new Error("no prefix");
    expect(overlap(wide, narrow)).toBe(true);
    expect(overlap(wide, apart)).toBe(false);
  });
});
