import type { FieldSchema, TypeSchema } from "../../catalogue/field-schema.ts";
import { pointerTo } from "../../catalogue/validate-body.ts";
import { type FieldProblem, SignalboxError } from "../../errors.ts";
import type { Caller } from "./caller.ts";
import { maySet } from "./rights.ts";

/**
 * Checks that a caller may set the fields that it names. A field that stays as it is, or that a creation leaves empty, is not set.
 * @param before the resource's fields as they are; none of a creation
 * @throws SB_FORBIDDEN naming the fields and who may set them
 */
export function requireSettable(
  caller: Caller,
  schema: TypeSchema | undefined,
  operation: "create" | "update",
  fields: Readonly<Record<string, unknown>>,
  before: Readonly<Record<string, unknown>>,
): void {
  const problems: FieldProblem[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const field = schema !== undefined && Object.hasOwn(schema.fields, name) ? schema.fields[name] : undefined;
    if (field === undefined || !field.writable.includes(operation) || maySet(caller, field, operation)) continue;
    if (isSame(value, before[name])) continue;
    problems.push({ pointer: pointerTo("", name), detail: `may be set by ${settersOf(field, operation)} only` });
  }
  const [first] = problems;
  if (first === undefined) return;
  const { name, role } = caller;
  const names = problems.map(({ pointer }) => pointer.slice(1)).join(", ");
  throw new SignalboxError("SB_FORBIDDEN", `${name} (${role}) may not set ${names} of the ${schema?.type}`, {
    fields: problems,
  });
}

function settersOf({ setBy }: FieldSchema, operation: "create" | "update"): string {
  return setBy?.[operation] === "admin" ? "the admin" : "operators";
}

/** Not set and empty are the same: clients send back what they were shown. */
export function isSame(value: unknown, before: unknown): boolean {
  const plain = (each: unknown) =>
    each === undefined || each === null || each === "" || (Array.isArray(each) && each.length === 0)
      ? "null"
      : JSON.stringify(each);
  return plain(value) === plain(before);
}
