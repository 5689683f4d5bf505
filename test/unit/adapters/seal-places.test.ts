import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sealing } from "../../../src/adapters/secrets/sealing.ts";
import { sealSecond } from "../actors/secrets/second-version.ts";

const key = new Uint8Array(32).fill(7);
const otherKey = new Uint8Array(32).fill(8);
const secrets = sealing(key);
const unreadable = expect.objectContaining({ code: "SB_SECRET_UNREADABLE" });
const PLACE = "edge_router/6f1d/password";

/** The seal with another place written into it. */
function moved(seal: string, place: string): string {
  const [, id = "", , body = ""] = /^sb3~(.{8})([^.]+)\.(.+)~$/.exec(seal) ?? [];
  return `sb3~${id}${Buffer.from(place).toString("base64url")}.${body}~`;
}

describe("a seal", () => {
  it("says what it was made for, whatever that is called", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), fc.string(), (place, secret) => {
        fc.pre(Buffer.from(place).toString() === place);
        const seal = secrets.seal(secret, place);
        expect(secrets.isSealed(seal)).toBe(true);
        expect(secrets.placesIn(`a ${seal} b`)).toEqual([place]);
        expect(secrets.open(seal)).toBe(secret);
      }),
      { numRuns: 50 },
    );
  });

  it("opens no more when that is changed in it, or taken out of it", () => {
    const seal = secrets.seal("lab123", PLACE);
    expect(secrets.open(moved(seal, PLACE))).toBe("lab123");
    for (const place of [
      "edge_router/6f1e/password",
      "ese_device/6f1d/password",
      "edge_router/6f1d/login",
      `${PLACE}x`,
    ]) {
      expect(() => secrets.open(moved(seal, place))).toThrow(unreadable);
    }
    const body = seal.slice(seal.indexOf(".") + 1);
    expect(() => secrets.open(`sb2~${secrets.keyId}${body}`)).toThrow(unreadable);
  });

  it("of before has no place, opens, and cannot be given one without the key", () => {
    const second = sealSecond(key, "lab123");
    expect(secrets.placesIn(second)).toEqual([undefined]);
    expect(secrets.open(second)).toBe("lab123");
    const dressed = `sb3~${secrets.keyId}${Buffer.from(PLACE).toString("base64url")}.${second.slice(12)}`;
    expect(() => secrets.open(dressed)).toThrow(unreadable);
  });
});

describe("renewing", () => {
  it("gives a seal of before its place when that is known, always alike, and leaves it alone else", () => {
    const [one, two] = [sealSecond(key, "one"), sealSecond(key, "two")];
    const placeOf = (token: string) => (token === one ? PLACE : undefined);
    const renewed = secrets.renewed(`${one} ${two} ${one}`, placeOf);
    expect([...renewed.keys()]).toEqual([one]);
    const next = renewed.get(one) ?? "";
    expect([secrets.placesIn(next), secrets.open(next)]).toEqual([[PLACE], "one"]);
    expect(sealing(key).renewed(one, placeOf).get(one)).toBe(next);
    expect(secrets.renewed(next, placeOf).size).toBe(0);
  });

  it("with another key keeps the place that a seal has", () => {
    const seal = secrets.seal("lab123", PLACE);
    const both = sealing(otherKey, [key]);
    const next = both.renewed(seal, () => "somebody/else/field").get(seal) ?? "";
    expect([both.placesIn(next), sealing(otherKey).open(next)]).toEqual([[PLACE], "lab123"]);
  });
});
