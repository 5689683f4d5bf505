import { describe, expect, it } from "vitest";
import { snmpValue } from "../../../src/adapters/snmp/snmp-value.ts";

const value = (type: number, content: number | string | Buffer | null) =>
  snmpValue({ oid: "1.3.6.1", type, value: content });

describe("an SNMP value", () => {
  it("is a bigint for a Counter64, unsigned whatever its first byte is", () => {
    expect(value(0x46, Buffer.from("00ffffffffffffffff", "hex"))).toBe(2n ** 64n - 1n);
    expect(value(0x46, Buffer.from("80", "hex"))).toBe(128n);
    expect(value(0x46, Buffer.alloc(0))).toBe(0n);
  });

  it("is text for an octet string, in hex when it is no text", () => {
    expect(value(0x04, Buffer.from("xe-0/0/3"))).toBe("xe-0/0/3");
    expect(value(0x04, Buffer.from("Ünter\r\nface"))).toBe("Ünter\r\nface");
    expect(value(0x04, Buffer.from("001b213c4d5e", "hex"))).toBe("00:1b:21:3c:4d:5e");
    expect(value(0x04, Buffer.from("ff80", "hex"))).toBe("ff:80");
    expect(value(0x04, Buffer.alloc(0))).toBe("");
  });

  it("is undefined for noSuchObject, noSuchInstance and endOfMibView", () => {
    for (const type of [0x80, 0x81, 0x82]) expect(value(type, null)).toBeUndefined();
  });

  it("stays what it is otherwise", () => {
    expect(value(0x43, 4711)).toBe(4711);
    expect(value(0x40, "192.0.2.1")).toBe("192.0.2.1");
  });
});
