import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BerError,
  BerReader,
  encode,
  encodeInteger,
  encodeOid,
  encodeSequence,
  TAG,
} from "../../../../src/lab/agents/ber.ts";
import { parseRequest } from "../../../../src/lab/agents/snmp-message.ts";

describe("BER", () => {
  it("writes integers in as few bytes as they take (X.690 section 8.3)", () => {
    const hex = (value: number | bigint) => encodeInteger(value).toString("hex");
    expect(hex(0)).toBe("020100");
    expect(hex(127)).toBe("02017f");
    expect(hex(128)).toBe("02020080");
    expect(hex(-1)).toBe("0201ff");
    expect(hex(-129)).toBe("0202ff7f");
    expect(hex(2n ** 64n - 1n)).toBe("020900ffffffffffffffff");
  });

  it("reads back every 32 bit integer it writes", () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        expect(new BerReader(encodeInteger(value)).integer()).toBe(value);
      }),
    );
  });

  it("writes an object identifier as others do", () => {
    expect(encodeOid([1, 3, 6, 1, 4, 1, 2636]).toString("hex")).toBe("06072b06010401944c");
  });

  it("reads back every object identifier it writes", () => {
    const part = fc.integer({ min: 0, max: 0xffffffff });
    const oids = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 39 }), fc.array(part));
    fc.assert(
      fc.property(oids, ([first, second, rest]) => {
        const oid = [first, second, ...rest];
        expect(new BerReader(encodeOid(oid)).objectIdentifier()).toEqual(oid);
      }),
    );
  });

  it("reads back content of every length", () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const content = Buffer.alloc(length, 7);
      expect(new BerReader(encode(TAG.octetString, content)).expect(TAG.octetString).equals(content)).toBe(true);
    }
  });

  it("refuses whatever is cut off", () => {
    const whole = encodeSequence([encodeInteger(1), encodeOid([1, 3, 6])]);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => new BerReader(whole.subarray(0, length)).expect(TAG.sequence)).toThrow(BerError);
    }
  });

  it("takes any bytes at all without another error than its own", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parseRequest(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(BerError);
        }
      }),
    );
  });
});
