import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffLines } from "../../../src/ui/resource/text-diff.ts";

const text = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 12 }).map((lines) => lines.join("\n"));

describe("the difference of two texts", () => {
  it("marks what went and what came", () => {
    expect(diffLines("a\nb\nc", "a\nx\nc").map(({ kind, text: line }) => [kind, line])).toEqual([
      ["same", "a"],
      ["removed", "b"],
      ["added", "x"],
      ["same", "c"],
    ]);
  });

  it("holds both texts, whatever they are", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffLines(before, after);
        const of = (kind: string) => lines.filter((line) => line.kind !== kind).map((line) => line.text);
        expect(of("added").join("\n")).toBe(before);
        expect(of("removed").join("\n")).toBe(after);
      }),
    );
  });

  it("shows equal texts as equal", () => {
    fc.assert(fc.property(text, (same) => diffLines(same, same).every(({ kind }) => kind === "same")));
  });
});
