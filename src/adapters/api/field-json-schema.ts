import type { FieldSchema } from "../../catalogue/field-schema.ts";

export type JsonSchema = { readonly [word: string]: unknown };

/** What a field accepts, in words of JSON Schema 2020-12. The seeds' own formats stay as annotations. */
export function acceptedJsonSchema(field: FieldSchema): JsonSchema {
  return {
    type: field.type,
    ...described(field),
    ...(field.format === undefined ? {} : { format: formatOf(field) }),
    ...pick(field, ["enum", "default", "minimum", "maximum", "minLength", "maxLength", "pattern"]),
    ...(field.secret === true ? { writeOnly: true, format: "password" } : {}),
    ...shapeOf(field, acceptedJsonSchema),
  };
}

/** What a field shows: also null, when nobody set it, and a mask in place of a secret. */
export function shownJsonSchema(field: FieldSchema): JsonSchema {
  if (field.secret === true) {
    return { type: ["string", "null"], ...described(field), examples: ["***"] };
  }
  const types = typeof field.type === "string" ? [field.type] : field.type;
  return {
    type: types.includes("null") ? types : [...types, "null"],
    ...described(field),
    ...(field.format === undefined ? {} : { format: formatOf(field) }),
    ...(field.enum === undefined ? {} : { enum: [...new Set([...field.enum, null])] }),
    ...shapeOf(field, shownJsonSchema),
  };
}

function shapeOf(field: FieldSchema, inner: (field: FieldSchema) => JsonSchema): JsonSchema {
  const types = typeof field.type === "string" ? [field.type] : field.type;
  const shape: Record<string, unknown> = {};
  if (field.items !== undefined) shape[types.includes("array") ? "items" : "additionalProperties"] = inner(field.items);
  if (field.properties !== undefined) {
    const members = Object.entries(field.properties);
    shape.properties = Object.fromEntries(members.map(([name, member]) => [name, inner(member)]));
    const required = members.filter(([, member]) => member.required === true).map(([name]) => name);
    if (required.length > 0 && inner === acceptedJsonSchema) shape.required = required;
  }
  return shape;
}

function described(field: FieldSchema): JsonSchema {
  const relation = field.relation ?? field.refers_to;
  return {
    ...(field.description === undefined ? {} : { description: field.description }),
    ...(relation === undefined ? {} : { "x-relation": relation }),
    ...(field.unique === true ? { "x-unique": true } : {}),
  };
}

function formatOf(field: FieldSchema): string | undefined {
  return field.format === "hyph-uuid" ? "uuid" : field.format;
}

function pick(field: FieldSchema, words: ReadonlyArray<keyof FieldSchema>): JsonSchema {
  return Object.fromEntries(words.flatMap((word) => (field[word] === undefined ? [] : [[word, field[word]]])));
}
