import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FieldFormat, FieldSchema, TypeSchema } from "../../../src/catalogue/field-schema.ts";
import { invalidBody } from "../../../src/catalogue/mistakes.ts";
import { pointerTo, validateBody } from "../../../src/catalogue/validate-body.ts";
import type { FieldProblem } from "../../../src/errors.ts";
import { refusalOf } from "./catalogue-text.ts";

/** A field without what does not matter here. */
interface Field extends Omit<FieldSchema, "writable" | "items" | "properties"> {
  readonly writable?: FieldSchema["writable"];
  readonly items?: Field;
  readonly properties?: Readonly<Record<string, Field>>;
}

function typeWith(fields: Readonly<Record<string, Field>>): TypeSchema {
  const all = Object.entries(fields).map(([name, field]) => [name, { writable: ["create", "update"], ...field }]);
  return {
    type: "thing",
    collection: "things",
    title: "A thing",
    infrastructure: false,
    fields: Object.fromEntries(all) as unknown as TypeSchema["fields"],
  };
}

/** What is wrong with a body; nothing when it is taken. */
function problemsOf(
  fields: Readonly<Record<string, Field>>,
  body: Readonly<Record<string, unknown>>,
  operation: "create" | "update" = "create",
): readonly FieldProblem[] {
  try {
    validateBody(typeWith(fields), body, operation);
    return [];
  } catch {
    const error = refusalOf(() => validateBody(typeWith(fields), body, operation));
    expect(error.code).toBe("SB_INVALID_BODY");
    return error.fields;
  }
}

const detailOf = (field: Field, value: unknown) => problemsOf({ x: field }, { x: value })[0]?.detail;
const accepted = (field: Field, value: unknown) => problemsOf({ x: field }, { x: value }).length === 0;

describe("which fields a body may have", () => {
  it("refuses unknown ones, and helps with slips of the keyboard", () => {
    const fields = { network_id: { type: "string" } } as const;
    expect(problemsOf(fields, { colour: 1 })).toEqual([{ pointer: "/colour", detail: 'thing has no field "colour"' }]);
    for (const slip of ["networkId", "network-id", "NETWORK_ID", "networkid"]) {
      expect(problemsOf(fields, { [slip]: 1 })[0]?.detail).toContain("did you mean network_id?");
    }
    for (const name of ["__proto__", "constructor", "toString"]) {
      const body = JSON.parse(`{"${name}": 1}`) as Record<string, unknown>;
      expect(problemsOf(fields, body)[0]?.detail).toContain("has no field");
    }
  });

  it("refuses what the client may not set, or not any more", () => {
    const fields = {
      id: { type: "string", writable: [] },
      first: { type: "string", writable: ["create"] },
      later: { type: "string", writable: ["update"] },
    } as const;
    const body = { id: "a", first: "b", later: "c" };
    expect(problemsOf(fields, body, "create")).toEqual([
      { pointer: "/id", detail: "is set by the system; leave it out" },
      { pointer: "/later", detail: "cannot be changed after creation; leave it out" },
    ]);
    expect(problemsOf(fields, body, "update").map(({ pointer }) => pointer)).toEqual(["/id", "/first"]);
  });

  it("misses required ones in a creation only", () => {
    const fields = { a: { type: "string", required: true }, b: { type: "string" } } as const;
    expect(problemsOf(fields, {})).toEqual([{ pointer: "/a", detail: "is required" }]);
    expect(problemsOf(fields, { b: "x" }, "update")).toEqual([]);
    expect(problemsOf(fields, { a: null })).toEqual([{ pointer: "/a", detail: "must be string, not null" }]);
    expect(problemsOf(fields, { a: "" })).toEqual([{ pointer: "/a", detail: "is required and must not be empty" }]);
    expect(problemsOf(fields, { a: "" }, "update")).toHaveLength(1);
  });

  it("names every problem at once, the first ten in the message", () => {
    const fields = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`f${at}`, { type: "string" } as const]));
    const body = Object.fromEntries(Object.keys(fields).map((name) => [name, 1]));
    const error = refusalOf(() => validateBody(typeWith(fields), body, "create"));
    expect(error.fields).toHaveLength(50);
    expect(error.message).toMatch(
      /^the thing is not valid: \/f0 must be string, not integer; .*; and at least 41 more$/,
    );
    expect(invalidBody("thing", []).code).toBe("SB_INVALID_BODY");
  });
});

describe("types of values", () => {
  const samples: Readonly<Record<string, unknown>> = {
    string: "a",
    integer: 3,
    number: 1.5,
    boolean: true,
    object: { a: 1 },
    array: [1],
    null: null,
  };
  const fits: Readonly<Record<string, readonly string[]>> = {
    string: ["string"],
    integer: ["integer"],
    number: ["integer", "number"],
    boolean: ["boolean"],
    object: ["object"],
    array: ["array"],
    null: ["null"],
  };

  it("are told apart", () => {
    for (const [type, allowed] of Object.entries(fits)) {
      for (const [name, value] of Object.entries(samples)) {
        const field = { type: type as FieldSchema["type"] };
        expect([type, name, accepted(field, value)]).toEqual([type, name, allowed.includes(name)]);
      }
    }
  });

  it("may be one of several", () => {
    const field: Field = { type: ["string", "null"] };
    expect([accepted(field, null), accepted(field, "a"), accepted(field, 1)]).toEqual([true, true, false]);
    expect(detailOf(field, 1)).toBe("must be string or null, not integer");
    expect(detailOf({ type: "integer" }, 1.5)).toBe("must be integer, not a fraction");
    expect(detailOf({ type: "integer" }, 2 ** 60)).toBe("must be integer, not a number that large");
    expect(detailOf({ type: "object" }, [])).toBe("must be object, not array");
  });

  it("have ranges and sets", () => {
    const vlan: Field = { type: "integer", minimum: 1, maximum: 4094 };
    expect([0, 1, 4094, 4095].map((value) => accepted(vlan, value))).toEqual([false, true, true, false]);
    expect([detailOf(vlan, 0), detailOf(vlan, 4095)]).toEqual(["must be at least 1", "must be at most 4094"]);
    const choice: Field = { type: "string", enum: ["vpn", "internet"] };
    expect([accepted(choice, "vpn"), detailOf(choice, "Vpn")]).toEqual([true, "must be one of vpn, internet"]);
    expect(accepted({ type: "integer", enum: [4] }, 6)).toBe(false);
  });

  it("go down into lists and objects, with a pointer to what is wrong", () => {
    const fields = {
      ips: {
        type: "array",
        items: {
          type: "object",
          properties: { ip: { type: "string", format: "ipv4", required: true }, note: { type: "string" } },
        },
      },
      tags: { type: "object", items: { type: "string" } },
    } as const;
    expect(problemsOf(fields, { ips: [{ ip: "10.0.0.1" }], tags: { a: "b" } })).toEqual([]);
    expect(problemsOf(fields, { ips: [{ ip: "x" }, { note: "y" }, { ip: "10.0.0.1", "a/b~": 1 }, 7] })).toEqual([
      { pointer: "/ips/0/ip", detail: "must be an IPv4 address such as 10.0.0.1" },
      { pointer: "/ips/1/ip", detail: "is required" },
      { pointer: "/ips/2/a~1b~0", detail: "is unknown" },
      { pointer: "/ips/3", detail: "must be object, not integer" },
    ]);
    expect(problemsOf(fields, { tags: { a: 1 } })).toEqual([
      { pointer: "/tags/a", detail: "must be string, not integer" },
    ]);
    expect(problemsOf(fields, { ips: Array(1001).fill({ ip: "10.0.0.1" }) })).toEqual([
      { pointer: "/ips", detail: "must have at most 1000 items" },
    ]);
  });

  it("of which the schema says nothing are checked all the same", () => {
    const fields = { free: { type: "array", items: { type: "object" } } } as const;
    expect(problemsOf(fields, { free: [{ a: { b: ["fine", 1, null, true] } }] })).toEqual([]);
    expect(problemsOf(fields, { free: [{ a: { b: ["not <fine>"] } }] })[0]?.pointer).toBe("/free/0/a/b/0");
    expect(problemsOf(fields, { free: [{ a: { "b<c": 1 } }] })).toEqual([
      { pointer: "/free/0/a/b<c", detail: "the name must not contain the character <" },
    ]);
    expect(problemsOf(fields, { free: [{ a: "x".repeat(256) }] })[0]?.detail).toBe("must have at most 255 characters");
    const deep = JSON.parse(`${'{"a":'.repeat(9)}1${"}".repeat(9)}`) as unknown;
    expect(problemsOf(fields, { free: [deep] })[0]?.detail).toBe("is nested too deeply");
  });
});

describe("lengths and patterns of texts", () => {
  it("count characters, not the halves of one", () => {
    const field: Field = { type: "string", minLength: 2, maxLength: 3 };
    expect(["a", "ab", "😀😀😀", "abcd"].map((text) => accepted(field, text))).toEqual([false, true, true, false]);
    expect(accepted({ type: "string" }, "x".repeat(255))).toBe(true);
    expect(detailOf({ type: "string" }, "x".repeat(256))).toBe("must have at most 255 characters");
  });

  it("match as a whole where the pattern says so", () => {
    const field: Field = { type: "string", pattern: "^[a-z]+$" };
    expect(["abc", "ab1", "abc\n", ""].map((text) => accepted(field, text))).toEqual([true, false, false, false]);
  });
});

describe("formats", () => {
  const uuid = "3dbcfce5-bca5-4182-991a-c23de685fcf1";
  const plain = "b3e3095c0a5b4383805efe9cf2a6b5ef";
  const examples: Readonly<Record<FieldFormat, { good: readonly string[]; bad: readonly string[] }>> = {
    "hyph-uuid": { good: [uuid], bad: ["", uuid.toUpperCase(), plain, `${uuid}0`, ` ${uuid}`] },
    "hyph-uuid-or-empty": { good: [uuid, ""], bad: [plain, " "] },
    "non-hyph-uuid": { good: [plain], bad: ["", uuid, plain.toUpperCase(), `${plain}0`] },
    "non-hyph-uuid-or-empty": { good: [plain, ""], bad: [uuid] },
    ipv4: { good: ["10.0.0.1", "0.0.0.0"], bad: ["", "10.0.0.256", "10.0.0.01", "10.0.0.1/24", "::1"] },
    ipv6: { good: ["::1", "2001:db8::7"], bad: ["", "10.0.0.1", "2001:db8::7/64", ":::"] },
    cidr: { good: ["10.0.0.0/24", "0.0.0.0/0"], bad: ["", "10.0.0.1/24", "10.0.0.0", "10.0.0.0/33"] },
    "cidr-or-ipv4": { good: ["10.0.0.0/24", "10.0.0.1"], bad: ["", "10.0.0.1/24", "x"] },
    "ipv4-interface": {
      good: ["192.0.2.2/30", "192.0.2.2/0", "192.0.2.2/32"],
      bad: ["", "192.0.2.2", "192.0.2.2/33", "999.0.2.2/30", "192.0.2.2/030", "192.0.2.2/30/1"],
    },
    "vlan-id": { good: ["1", "210", "4094"], bad: ["", "0", "4095", "01", "1.5", "-1"] },
    "as-number": { good: ["1", "65101", "4294967295"], bad: ["", "0", "4294967296", "065101", "1.1"] },
    mac: { good: ["fa:16:3e:00:00:01", "FA:16:3E:00:00:01"], bad: ["", "fa:16:3e:00:00", "fa-16-3e-00-00-01"] },
    hostname: { good: ["QFX-NW02", "a.b-c.example"], bad: ["", "-a", "a-", "a..b", "a_b", `${"x".repeat(64)}`] },
  };

  for (const [format, { good, bad }] of Object.entries(examples)) {
    it(`${format}: ${good.join(" ")}`, () => {
      const field: Field = { type: "string", format: format as FieldFormat };
      expect(good.filter((text) => !accepted(field, text))).toEqual([]);
      expect(bad.filter((text) => accepted(field, text))).toEqual([]);
      // The answer says what would be right.
      expect(detailOf(field, "no such thing at all")).toMatch(/^must be (a|an|32) ?/);
    });
  }
});

describe("any body whatever", () => {
  it("is either taken or refused with problems that point into it", () => {
    const fields = {
      name: { type: "string", required: true, maxLength: 20 },
      count: { type: ["integer", "null"], minimum: 0 },
      tags: { type: "object", items: { type: "string" } },
      list: { type: "array", items: { type: "object" } },
    } as const;
    fc.assert(
      fc.property(
        fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(fields)), fc.string()), fc.jsonValue()),
        (body) => {
          for (const { pointer, detail } of problemsOf(fields, body)) {
            expect(detail).not.toBe("");
            const name = pointer.split("/")[1]?.replaceAll("~1", "/").replaceAll("~0", "~") ?? "";
            expect(Object.hasOwn(body, name) || name === "name").toBe(true);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("has pointers that lead back to the member", () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        const pointer = pointerTo("", name);
        expect(pointer.slice(1).replaceAll("~1", "/").replaceAll("~0", "~")).toBe(name);
        expect(pointer.slice(1)).not.toContain("/");
      }),
    );
  });
});
