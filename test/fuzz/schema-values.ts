import fc, { type Arbitrary } from "fast-check";
import { resolved, type Schema } from "./api-description.ts";

/** Stands for the id of a resource that there is when the request is sent: of that type, if there is one. */
export interface KnownId {
  readonly knownId: number;
  readonly type: string;
}

const octet = fc.integer({ min: 1, max: 254 });
const ipv4 = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join("."));
const hex = (length: number) =>
  fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length }).map((all) => all.join(""));

const FORMATS: Readonly<Record<string, Arbitrary<string>>> = {
  ipv4,
  uuid: fc.uuid(),
  "hyph-uuid-or-empty": fc.oneof(fc.uuid(), fc.constant("")),
  "non-hyph-uuid": hex(32),
  "non-hyph-uuid-or-empty": fc.oneof(hex(32), fc.constant("")),
  ipv6: fc.ipV6(),
  cidr: fc.tuple(octet, octet).map(([a, b]) => `10.${a}.${b}.0/24`),
  "cidr-or-ipv4": ipv4,
  "ipv4-interface": ipv4.map((address) => `${address}/30`),
  "vlan-id": fc.integer({ min: 1, max: 4094 }).map(String),
  "as-number": fc.integer({ min: 1, max: 65_535 }).map(String),
  mac: hex(12).map((digits) => digits.replace(/(..)(?=.)/g, "$1:")),
  hostname: fc.domain(),
};

/** Values that nobody should send, and many do. */
export const junk: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, "", " ", 0, -1, 1.5, 1e308, 2 ** 53, true, [], {}, [[]], "null", "__proto__", "<a/>"),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constant("x".repeat(5_000)),
  fc.constantFrom("\u0000", "\ud800", "a\nb", "'; drop", "{{ 7*7 }}", "sb1~AAAA~", "../..", "%7B%00"),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Values that fit a schema, mostly; relations mostly name what there is. */
export function valuesOf(document: Schema, part: object): Arbitrary<unknown> {
  const schema = resolved(document, part);
  if (schema["const"] !== undefined) return fc.constant(schema["const"]);
  if (Array.isArray(schema["enum"])) return fc.constantFrom(...(schema["enum"] as unknown[]));
  const relation = schema["x-relation"];
  if (typeof relation === "string") return fc.oneof({ weight: 9, arbitrary: idOf(relation) }, fc.uuid());
  const types = [schema["type"] ?? "string"].flat() as string[];
  return fc.oneof(...types.map((type) => valueOfType(document, schema, type)));
}

/** The id of a resource of that type that there is. */
export function idOf(type: string): Arbitrary<KnownId> {
  return fc.nat(1_000).map((knownId) => ({ knownId, type }));
}

function valueOfType(document: Schema, schema: Schema, type: string): Arbitrary<unknown> {
  switch (type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number": {
      const min = Number(schema["minimum"] ?? 0);
      return fc.integer({ min, max: Math.max(min, Number(schema["maximum"] ?? 70_000)) });
    }
    case "array":
      return fc.array(valuesOf(document, (schema["items"] ?? {}) as object), {
        maxLength: Math.min(3, Number(schema["maxItems"] ?? 3)),
      });
    case "object":
      return objectOf(document, schema);
    default:
      return FORMATS[String(schema["format"])] ?? fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
  }
}

function objectOf(document: Schema, schema: Schema): Arbitrary<unknown> {
  const members = Object.entries((schema["properties"] ?? {}) as Record<string, object>);
  const required = (schema["required"] ?? []) as string[];
  if (members.length === 0) {
    const free = schema["additionalProperties"];
    const value = typeof free === "object" && free !== null ? valuesOf(document, free) : fc.string({ maxLength: 8 });
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), value, { maxKeys: 3 });
  }
  return fc.record(Object.fromEntries(members.map(([name, member]) => [name, valuesOf(document, member)])), {
    requiredKeys: required,
  });
}
