import { isIPv6 } from "node:net";
import { SignalboxError } from "../errors.ts";
import { unusable } from "./address-kinds.ts";
import type { FieldFormat, FieldSchema, JsonType, TypeSchema } from "./field-schema.ts";
import { parseCidr, parseIpv4 } from "./ipv4.ts";
import { cut, invalidBody, Mistakes } from "./mistakes.ts";
import type { Body } from "./resource-view.ts";

/**
 * Characters that mean something in XML or in Junos configuration text. Configuration is rendered with escaping, so they could do no
 * harm; they are refused all the same, because no name, description or address needs one and devices treat them in their own ways.
 */
const FORBIDDEN = /[<>&;"'`{}\\]/;
/**
 * Characters that nothing shows or that change how others are shown (Unicode's bidirectional controls), and those that no XML document may
 * hold (XML 1.0 section 2.2).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufffe\uffff]|\p{Surrogate}/u;
const DEFAULT_MAX_LENGTH = 255;
/** Patterns as they were compiled: there are as many as the types have. */
const compiled = new Map<string, RegExp>();

/**
 * Checks what a client sends for a resource: known fields, types, formats, ranges, who may set what. It ends at the fiftieth mistake.
 * @throws SB_INVALID_BODY with a pointer and a reason for each field that is wrong
 */
export function validateBody(type: TypeSchema, fields: Body, operation: "create" | "update"): void {
  const problems = new Mistakes();
  for (const [name, value] of Object.entries(fields)) {
    if (problems.full) break;
    const schema = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    const pointer = pointerTo("", name);
    if (schema === undefined) {
      const shown = JSON.stringify(cut(name));
      problems.add(pointer, `${type.type} has no field ${shown}${suggestion(type, name)}`);
    } else if (!schema.writable.includes(operation)) {
      const reason = schema.writable.length === 0 ? "is set by the system" : "cannot be changed after creation";
      problems.add(pointer, `${reason}; leave it out`);
    } else {
      checkValue(value, schema, pointer, problems);
    }
  }
  if (operation === "create") {
    for (const [name, schema] of Object.entries(type.fields)) {
      if (schema.required && fields[name] === undefined) problems.add(pointerTo("", name), "is required");
    }
  }
  if (!problems.none) throw invalidBody(type.type, problems);
  checkSupported(type, fields);
}

/** @throws SB_UNSUPPORTED naming the fields that are understood and that nothing would be done for */
function checkSupported(type: TypeSchema, fields: Body): void {
  const problems = Object.entries(fields).flatMap(([name, value]) => {
    const reason = type.fields[name]?.unsupported;
    const isSet = value !== null && value !== "";
    return reason === undefined || !isSet ? [] : [{ pointer: pointerTo("", name), detail: reason }];
  });
  const [first] = problems;
  if (first === undefined) return;
  throw new SignalboxError("SB_UNSUPPORTED", `${first.pointer.slice(1)} of the ${type.type}: ${first.detail}`, {
    fields: problems,
  });
}

function checkValue(value: unknown, schema: FieldSchema, pointer: string, problems: Mistakes): void {
  const problem = (detail: string) => problems.add(pointer, detail);
  const types: readonly JsonType[] = typeof schema.type === "string" ? [schema.type] : schema.type;
  if (!types.some((wanted) => hasType(value, wanted))) {
    problem(`must be ${types.join(" or ")}, not ${typeName(value)}`);
    return;
  }
  if (value === null) return;
  if (value === "" && schema.required) {
    problem("is required and must not be empty");
    return;
  }
  if (schema.enum !== undefined && !schema.enum.includes(value as string | number)) {
    problem(`must be one of ${schema.enum.join(", ")}`);
    return;
  }
  if (typeof value === "string") checkText(value, schema, problem);
  if (typeof value === "number") {
    if (schema.minimum !== undefined && value < schema.minimum) problem(`must be at least ${schema.minimum}`);
    if (schema.maximum !== undefined && value > schema.maximum) problem(`must be at most ${schema.maximum}`);
  }
  if (Array.isArray(value)) {
    if (value.length > 1000) problem("must have at most 1000 items");
    else
      for (const [at, item] of value.entries()) {
        if (problems.full) return;
        checkNested(item, schema.items, `${pointer}/${at}`, problems);
      }
  } else if (typeof value === "object") {
    checkObject(value as Body, schema, pointer, problems);
  }
}

function checkObject(value: Body, schema: FieldSchema, pointer: string, problems: Mistakes): void {
  for (const [name, member] of Object.entries(value)) {
    if (problems.full) return;
    const inner = pointerTo(pointer, name);
    checkName(name, inner, problems);
    if (schema.properties !== undefined && !Object.hasOwn(schema.properties, name)) {
      problems.add(inner, "is unknown");
    } else {
      checkNested(member, schema.properties?.[name] ?? schema.items, inner, problems);
    }
  }
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    if (member.required && value[name] === undefined) problems.add(pointerTo(pointer, name), "is required");
  }
}

/** A value of which the schema says nothing must still be safe text all the way down. */
function checkNested(
  value: unknown,
  schema: FieldSchema | undefined,
  pointer: string,
  problems: Mistakes,
  depth = 0,
): void {
  if (schema !== undefined) {
    checkValue(value, schema, pointer, problems);
  } else if (typeof value === "string") {
    if (unsafeText(value) || value.length > DEFAULT_MAX_LENGTH) problems.add(pointer, refusal(value));
  } else if (typeof value === "object" && value !== null) {
    if (depth > 4) problems.add(pointer, "is nested too deeply");
    else
      for (const [name, member] of Object.entries(value)) {
        if (problems.full) return;
        const inner = pointerTo(pointer, name);
        checkName(name, inner, problems);
        checkNested(member, undefined, inner, problems, depth + 1);
      }
  }
}

function checkName(name: string, pointer: string, problems: Mistakes): void {
  if (unsafeText(name) || name.length > DEFAULT_MAX_LENGTH) problems.add(pointer, `the name ${refusal(name)}`);
}

function checkText(value: string, schema: FieldSchema, problem: (detail: string) => void): void {
  const maximum = schema.maxLength ?? DEFAULT_MAX_LENGTH;
  // A character takes two units at most: what is longer than that need not be counted.
  if (value.length > 2 * maximum || [...value].length > maximum) problem(`must have at most ${maximum} characters`);
  else if (schema.minLength !== undefined && [...value].length < schema.minLength)
    problem(`must have at least ${schema.minLength} characters`);
  else if (schema.pattern !== undefined && !patternOf(schema.pattern).test(value))
    problem(`must match ${schema.pattern}`);
  else if (CONTROL.test(value)) problem(refusal(value));
  // A password may hold any printable character, and a pattern says exactly what a field may hold.
  else if (schema.secret !== true && schema.pattern === undefined && unsafeText(value)) problem(refusal(value));
  else if (schema.format !== undefined) {
    const format = formats[schema.format];
    if (!format.test(value)) problem(`must be ${format.name}`);
    else if (schema.address !== undefined) {
      const reason = unusable(value, schema.address);
      if (reason !== undefined) problem(reason);
    }
  }
}

function patternOf(source: string): RegExp {
  const known = compiled.get(source) ?? new RegExp(source, "u");
  compiled.set(source, known);
  return known;
}

function unsafeText(value: string): boolean {
  return FORBIDDEN.test(value) || CONTROL.test(value);
}

function refusal(value: string): string {
  const control = CONTROL.exec(value)?.[0];
  if (control !== undefined) {
    const code = control.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase();
    return /\p{Surrogate}/u.test(control)
      ? `must not contain half a character: U+${code} stands alone`
      : `must not contain the control character U+${code}`;
  }
  const forbidden = FORBIDDEN.exec(value)?.[0];
  return forbidden === undefined
    ? `must have at most ${DEFAULT_MAX_LENGTH} characters`
    : `must not contain the character ${forbidden}`;
}

const HYPHENATED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const PLAIN_UUID = /^[0-9a-f]{32}$/;
const VLAN = /^[1-9][0-9]{0,3}$/;
const AS_NUMBER = /^[1-9][0-9]{0,9}$/;
const MAC = /^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/;
const PREFIX_LENGTH = /^([0-9]|[12][0-9]|3[0-2])$/;
const HOST =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

const formats: Readonly<Record<FieldFormat, { name: string; test(value: string): boolean }>> = {
  "hyph-uuid": { name: "a UUID with hyphens in lower case", test: (value) => HYPHENATED.test(value) },
  "hyph-uuid-or-empty": {
    name: "a UUID with hyphens in lower case, or empty",
    test: (value) => value === "" || HYPHENATED.test(value),
  },
  "non-hyph-uuid": { name: "32 hexadecimal digits", test: (value) => PLAIN_UUID.test(value) },
  "non-hyph-uuid-or-empty": {
    name: "32 hexadecimal digits, or empty",
    test: (value) => value === "" || PLAIN_UUID.test(value),
  },
  ipv4: { name: "an IPv4 address such as 10.0.0.1", test: (value) => parseIpv4(value) !== undefined },
  ipv6: { name: "an IPv6 address", test: (value) => isIPv6(value) },
  cidr: {
    name: "an IPv4 block without host bits such as 10.0.0.0/24",
    test: (value) => parseCidr(value) !== undefined,
  },
  "cidr-or-ipv4": {
    name: "an IPv4 block without host bits such as 10.0.0.0/24, or an IPv4 address",
    test: (value) => parseCidr(value) !== undefined || parseIpv4(value) !== undefined,
  },
  "ipv4-interface": {
    name: "an IPv4 address with the length of its prefix such as 192.0.2.2/30",
    test: (value) => {
      const [address = "", length = "", ...more] = value.split("/");
      return more.length === 0 && parseIpv4(address) !== undefined && PREFIX_LENGTH.test(length);
    },
  },
  "vlan-id": {
    name: 'a VLAN id from 1 to 4094 as text such as "210"',
    test: (value) => VLAN.test(value) && Number(value) <= 4094,
  },
  "as-number": {
    name: 'an AS number from 1 to 4294967295 as text such as "65101"',
    test: (value) => AS_NUMBER.test(value) && Number(value) <= 4_294_967_295,
  },
  mac: { name: "a MAC address such as fa:16:3e:00:00:01", test: (value) => MAC.test(value) },
  hostname: { name: "a host name", test: (value) => HOST.test(value) },
};

function hasType(value: unknown, type: JsonType): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "integer":
      return Number.isSafeInteger(value);
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "boolean":
      return typeof value === "boolean";
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    default:
      return type satisfies never;
  }
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value !== "number") return typeof value;
  if (Number.isSafeInteger(value)) return "integer";
  return Number.isInteger(value) || !Number.isFinite(value) ? "a number that large" : "a fraction";
}

/** A JSON pointer one step further (RFC 6901). */
export function pointerTo(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Names the closest field when the unknown one looks like a slip of the keyboard. */
function suggestion(type: TypeSchema, name: string): string {
  const close = Object.keys(type.fields).find(
    (field) => field.replaceAll("_", "") === name.toLowerCase().replaceAll(/[-_]/g, ""),
  );
  return close === undefined ? "" : `; did you mean ${close}?`;
}
