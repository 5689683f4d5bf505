import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { locateJsonError } from "../../../src/adapters/api/locate-json-error.ts";
import { measureJson } from "../../../src/adapters/api/measure-json.ts";
import { parseJson } from "../../../src/adapters/api/parse-json.ts";
import { SignalboxError } from "../../../src/errors.ts";

const bytesOf = (text: string) => Buffer.from(text);

function refusalOf(text: string | Buffer): SignalboxError {
  try {
    parseJson(Buffer.from(text as string));
  } catch (thrown) {
    if (thrown instanceof SignalboxError) return thrown;
    throw thrown;
  }
  throw new Error("it was taken");
}

describe("reading JSON", () => {
  it("gives what JSON.parse gives, whatever the text", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 2, "\t"), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        // Refused, as is shown below.
        fc.pre(!text.includes('"__proto__"'));
        expect(parseJson(bytesOf(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it("counts the members that JSON.parse keeps, also where strings hold what looks like some", () => {
    const strings = fc.string({
      unit: fc.constantFrom('"', "\\", ":", "{", "}", "[", ",", "é", "日", "x"),
      maxLength: 90,
    });
    const tree = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: "small" }, strings, fc.dictionary(strings, tie("value")), fc.array(tie("value"))),
    })).value;
    const count = (value: unknown): number =>
      typeof value !== "object" || value === null
        ? 0
        : Object.values(value).reduce((sum: number, each) => sum + count(each), 0) +
          (Array.isArray(value) ? 0 : Object.keys(value).length);
    fc.assert(
      fc.property(tree, (value) => {
        expect(measureJson(bytesOf(JSON.stringify(value))).members).toBe(count(value));
      }),
    );
  });

  it("measures how deeply a body is nested, and refuses one that is too deep", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(measureJson(bytesOf(nested(32))).depth).toBe(32);
    expect(parseJson(bytesOf(nested(32)))).toBeTruthy();
    expect(refusalOf(nested(33)).code).toBe("SB_INVALID_BODY");
    expect(refusalOf(nested(100_000)).code).toBe("SB_INVALID_BODY");
    expect(refusalOf("[".repeat(1_000_000)).code).toBe("SB_INVALID_JSON");
  });

  it("takes UTF-8 with a byte order mark, and nothing else than UTF-8", () => {
    expect(parseJson(bytesOf('\ufeff{"a":"日本"}'))).toEqual({ a: "日本" });
    expect(refusalOf(Buffer.from([0x22, 0xff, 0x22])).message).toBe("The body is not UTF-8 text.");
  });

  it.each(['{"__proto__": 1}', '{"a": [{"\\u005f_proto__": {}}]}'])("refuses the member of %s", (text) => {
    expect(refusalOf(text).message).toBe('No member may be called "__proto__".');
  });
});

describe("the place of a mistake", () => {
  // With alternatives that can be tried again each character more would double the time: these would take longer than the universe has.
  it.each([
    ["a string without an end", `{"a": "${"x".repeat(200_000)}`],
    ["a string of escapes without an end", `{"a": "${"\\n".repeat(100_000)}`],
    ["a string with a line break", `"${"x".repeat(200_000)}\n"`],
    ["a number without an end", `[${"1".repeat(200_000)}`],
    ["a number that goes on as a word", `${"1".repeat(200_000)}x`],
    ["nothing but space", " ".repeat(200_000)],
    ["nesting without an end", "[{".repeat(100_000)],
  ])("is found in one pass: %s", (_, text) => {
    expect(locateJsonError(text)).toBeDefined();
  });

  it("is that of the string, and counts lines", () => {
    expect(locateJsonError('{\n "a": "b\n"}')).toMatchObject({ line: 2, column: 7, expected: "a well-formed string" });
  });

  it("is found in every text that JSON.parse refuses, and in no other", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom("", '"', "\\", "}", "]", ",", ":", "\n", "0", "x"),
        (value, at, put) => {
          const text = JSON.stringify(value);
          const place = at % (text.length + 1);
          const broken = text.slice(0, place) + put + text.slice(place + 1);
          let isJson = true;
          try {
            JSON.parse(broken);
          } catch {
            isJson = false;
          }
          expect(locateJsonError(broken) === undefined).toBe(isJson);
        },
      ),
    );
  });
});
