import { expect, it } from "vitest";
import { pairsOption } from "../../../src/cli/context.ts";

it.each(["0", "101", "two", "1.5", ""])("--pairs %s is refused before anything starts", (text) => {
  expect(() => pairsOption().parseArg?.(text, undefined)).toThrowError("Give a number of pairs from 1 to 100.");
});

it("--pairs takes a number and is 1 without one", () => {
  expect(pairsOption().parseArg?.("6", undefined)).toBe(6);
  expect(pairsOption().defaultValue).toBe(1);
});
