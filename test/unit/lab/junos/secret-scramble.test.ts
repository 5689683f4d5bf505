import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scramble, unscramble } from "../../../../src/lab/junos/secret-scramble.ts";

describe("the $9$ form of keys", () => {
  it("reads what Junos wrote", () => {
    expect(unscramble("$9$LbHX-wg4Z")).toBe("lc");
  });

  it("comes back from every text, and equal texts look equal", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (plain) => {
        fc.pre(!/^\$[1569]\$/.test(plain));
        expect(unscramble(scramble(plain))).toBe(plain);
        expect(scramble(plain)).toBe(scramble(plain));
      }),
    );
  });

  it("leaves hashes and what is scrambled already alone", () => {
    expect(scramble("$6$salt$hash")).toBe("$6$salt$hash");
    expect(scramble("$9$LbHX-wg4Z")).toBe("$9$LbHX-wg4Z");
    expect(unscramble("$9$!")).toBe("$9$!");
  });
});
