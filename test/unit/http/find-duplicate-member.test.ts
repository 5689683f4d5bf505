import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findDuplicateMember } from "../../../src/adapters/api/find-duplicate-member.ts";

describe("a member that an object has twice", () => {
  it.each([
    ['{"a": 1, "a": 2}', "/a"],
    ['{"a": {"b": 1, "b": 1}}', "/a/b"],
    ['{"a": [1, {"x": [], "y": {}, "x": 2}]}', "/a/1/x"],
    ['[[], {"a": 1}, {"a": {"a": 1}, "b": 2, "a": 3}]', "/2/a"],
    ['{"\\u0061": 1, "a": 2}', "/a"],
    ['{"": 1, "": 2}', "/"],
    ['{"x/y~z": 1, "x/y~z": 2}', "/x~1y~0z"],
    ['{"a": "}", "b": "\\"a\\": {", "a": ","}', "/a"],
    ['{"__proto__": 1, "__proto__": 2}', "/__proto__"],
  ])("%s has %s", (text, pointer) => {
    expect(findDuplicateMember(Buffer.from(text))).toBe(pointer);
  });

  it.each(['{"a": {"a": {"a": 1}}, "b": {"a": 1}}', '[{"a": 1}, {"a": 1}]', '{"a": "a", "b": "a"}', '"a"', "null"])(
    "is not in %s",
    (text) => {
      expect(findDuplicateMember(Buffer.from(text))).toBeUndefined();
    },
  );

  it("is in nothing that was written by JSON.stringify, and in everything that is written twice", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, name) => {
        const text = JSON.stringify(value);
        expect(findDuplicateMember(Buffer.from(text))).toBeUndefined();
        const key = JSON.stringify(name);
        const pointer = `/0/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
        expect(findDuplicateMember(Buffer.from(`[{${key}: ${text}, ${key} : ${text}}]`))).toBe(pointer);
      }),
    );
  });
});
