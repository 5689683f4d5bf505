import { describe, expect, it } from "vitest";
import type { FieldSchema, TypeSchema } from "../../../src/catalogue/field-schema.ts";
import { invalidBody, Mistakes } from "../../../src/catalogue/mistakes.ts";
import { validateBody } from "../../../src/catalogue/validate-body.ts";
import { refusalOf } from "./catalogue-text.ts";

const MANY = 100_000;
const writable = ["create", "update"] as const;

/** A body that counts how many of its values are looked at. */
function counting(values: Readonly<Record<string, unknown>>) {
  const looks = { count: 0 };
  const body = Object.defineProperties(
    {},
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        const get = () => {
          looks.count += 1;
          return value;
        };
        return [name, { enumerable: true, get }];
      }),
    ),
  );
  return { body, looks };
}

function typeWith(fields: Readonly<Record<string, FieldSchema>>): TypeSchema & { readonly asked: () => number } {
  let asked = 0;
  const watched = new Proxy(fields, {
    getOwnPropertyDescriptor: (target, name) => {
      asked += 1;
      return Object.getOwnPropertyDescriptor(target, name);
    },
    ownKeys: (target) => {
      asked += 1;
      return Reflect.ownKeys(target);
    },
  });
  return { type: "thing", collection: "things", title: "", infrastructure: false, fields: watched, asked: () => asked };
}

describe("a body with a hundred thousand mistakes", () => {
  const unknown = Object.fromEntries(Array.from({ length: MANY }, (_, at) => [`f${at}`, at]));

  it("of unknown fields is not looked at beyond the first fifty", () => {
    const type = typeWith({ name: { type: "string", writable } });
    const error = refusalOf(() => validateBody(type, unknown, "create"));
    expect(error.fields).toHaveLength(50);
    expect(error.message).toMatch(/^the thing is not valid: \/f0 thing has no field "f0"; .*; and at least 41 more$/);
    expect(type.asked()).toBeLessThan(300);
  });

  it.each([
    ["members that are not known", { type: "object", properties: {}, writable }, (value: object) => value],
    [
      "members of the wrong type",
      { type: "object", items: { type: "string", writable }, writable },
      (value: object) => value,
    ],
    ["members of a value without a schema", { type: "array", writable }, (value: object) => [value]],
  ] satisfies Array<[string, FieldSchema, (value: object) => unknown]>)("of %s is not either", (_, schema, around) => {
    const { body, looks } = counting(
      Object.fromEntries(Array.from({ length: 5000 }, (_unused, at) => [`f;${at}`, at])),
    );
    const error = refusalOf(() => validateBody(typeWith({ field: schema }), { field: around(body) }, "create"));
    expect(error.fields).toHaveLength(50);
    // Object.entries reads all of them once; nothing else does.
    expect(looks.count).toBe(5000);
  });
});

describe("the list of mistakes", () => {
  it("says how many more there are, and that there may be more than that", () => {
    const problems = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ pointer: `/${at}`, detail: "is wrong" }));
    expect(invalidBody("thing", problems(10)).message).toMatch(/\/9 is wrong$/);
    expect(invalidBody("thing", problems(50)).message).toMatch(/; and 40 more$/);
    expect(invalidBody("thing", problems(51)).message).toMatch(/; and at least 41 more$/);
  });

  it("is no longer than what it is about", () => {
    const mistakes = new Mistakes();
    mistakes.add(`/${"x".repeat(1_000_000)}`, "is unknown");
    expect(mistakes.listed[0]?.pointer).toHaveLength(515);
    expect(mistakes.summary).toHaveLength(67 + " is unknown".length);
  });
});
