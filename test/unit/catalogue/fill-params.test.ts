import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillParams, isFilter } from "../../../src/catalogue/fill-params.ts";
import { refusalOf } from "./catalogue-text.ts";

const values = {
  name: "one",
  number: 7,
  none: null,
  list: ["a", "b"],
  cidr: "10.0.0.0/24",
  fq: "default-domain:admin:net",
  object: { uuid: "u1", refs: [{ uuid: "r1" }], data: { macs: ["m1", "m2"] } },
};
const placed = (name: string) => ["$", "{", name, "}"].join("");

describe("names in the texts of a template", () => {
  it.each<[unknown, unknown]>([
    ["$name", "one"],
    ["$number", 7],
    ["$none", null],
    ["$list", ["a", "b"]],
    ["plain", "plain"],
    ["", ""],
    [5, 5],
    [null, null],
    [true, true],
    [placed("object.uuid"), "u1"],
    [placed("object.data.macs.1"), "m2"],
    [placed("object.refs"), [{ uuid: "r1" }]],
    [`${placed("name")}-${placed("number")}`, "one-7"],
    ["$name:$number", "one:7"],
    [placed("cidr|address"), "10.0.0.0"],
    [placed("cidr|prefix_length"), 24],
    [placed("fq|split"), ["default-domain", "admin", "net"]],
    [placed("list|split"), ["a", "b"]],
    [placed("none|or_zero_address"), "0.0.0.0"],
    [placed("cidr|or_zero_address"), "10.0.0.0/24"],
    [
      { a: "$name", b: { c: ["$number"] } },
      { a: "one", b: { c: [7] } },
    ],
  ])("%j is %j", (tree, filled) => {
    expect(fillParams(tree, values)).toEqual(filled);
  });

  it("spread a list that stands as an item of a list, and no other", () => {
    expect(fillParams(["x", "$list", "y"], values)).toEqual(["x", "a", "b", "y"]);
    expect(fillParams([["$list"], ["c"]], values)).toEqual([["a", "b"], ["c"]]);
    expect(fillParams({ macs: "$list" }, values)).toEqual({ macs: ["a", "b"] });
  });

  it.each([
    ["$gone", "gone"],
    [placed("object.gone"), "gone"],
    [placed("name.length"), "length"],
    [placed("none.x"), "x"],
    ["$constructor", "constructor"],
    [`a ${placed("object.toString")}`, "toString"],
  ])("are refused where they lead nowhere: %s", (text, at) => {
    const error = refusalOf(() => fillParams({ deep: [text] }, values));
    expect([error.code, error.message]).toEqual(["SB_PARAMETER_INVALID", expect.stringContaining(`(at "${at}")`)]);
  });

  it("have known filters only", () => {
    expect(["lower", "split", "address"].every(isFilter)).toBe(true);
    expect(["upper", "toString", ""].some(isFilter)).toBe(false);
    for (const filter of ["upper", "toString"])
      expect(refusalOf(() => fillParams(placed(`name|${filter}`), values)).code).toBe("SB_CATALOGUE_INVALID");
  });

  it("take a value as it is: what is in a value is never read as a name", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(fillParams("$v", { v: text })).toBe(text);
        expect(fillParams(`<${placed("v")}>`, { v: text })).toBe(`<${text}>`);
      }),
    );
    expect(fillParams(`${placed("a")}!`, { a: "$b $& $1", b: "secret" })).toBe("$b $& $1!");
  });

  it("change nothing in a tree without names", () => {
    const tree = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("$"));
    fc.assert(
      fc.property(tree, (value) => {
        expect(fillParams(value, {})).toEqual(value);
      }),
    );
  });
});
