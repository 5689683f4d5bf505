import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { subjectToken } from "../../../src/adapters/nats/subject-token.ts";

describe("subject tokens", () => {
  it.each([
    ["job-1_A", "job-1_A"],
    ["a.b", "a=2eb"],
    ["*", "=2a"],
    ["ä", "=c3=a4"],
    ["a=2eb", "a=3d2eb"],
  ])("writes %s as %s", (text, token) => {
    expect(subjectToken(text)).toBe(token);
  });

  it("are one token of a subject, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(subjectToken(text)).toMatch(/^[A-Za-z0-9_=-]{1,512}$/);
      }),
    );
  });

  it("differ when the texts differ", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, two) => {
        expect(subjectToken(one) === subjectToken(two)).toBe(one === two);
      }),
    );
    const long = "x".repeat(600);
    expect(subjectToken(long)).not.toBe(subjectToken(`${long}x`));
    expect(subjectToken(long).length).toBeLessThan(100);
  });
});
