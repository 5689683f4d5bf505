import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { SignalboxError } from "../../errors.ts";

/** @throws SB_MALFORMED_REQUEST when the type has no such field, or when it is a secret: a filter on it would be an oracle for it */
export function requireFilterable(schema: TypeSchema, names: readonly string[]): void {
  const known = Object.entries(schema.fields).flatMap(([name, field]) => (field.secret === true ? [] : [name]));
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new SignalboxError("SB_MALFORMED_REQUEST", `${schema.collection} cannot be filtered by "${unknown}".`, {
    advice: `Filter by one or more of ${known.join(", ")}.`,
  });
}
