import type { FieldSchema, TypeSchema } from "../../catalogue/field-schema.ts";

export type GohanProperty = { readonly [word: string]: unknown };

/** A resource type as Gohan's `/gohan/v0.1/schemas` describes it: its clients build their commands from this. */
export interface GohanSchema {
  readonly id: string;
  readonly singular: string;
  readonly plural: string;
  readonly prefix: string;
  readonly url: string;
  readonly title: string;
  readonly description: string;
  readonly parent: string;
  readonly schema: {
    readonly type: "object";
    readonly properties: Readonly<Record<string, GohanProperty>>;
    readonly propertiesOrder: readonly string[];
    readonly required: readonly string[];
  };
}

export function gohanSchema(schema: TypeSchema): GohanSchema {
  const fields = Object.entries(schema.fields);
  return {
    id: schema.type,
    singular: schema.type,
    plural: schema.collection,
    prefix: "/v2.0",
    url: `/v2.0/${schema.collection}`,
    title: schema.title,
    description: schema.title,
    parent: schema.parent ?? "",
    schema: {
      type: "object",
      properties: Object.fromEntries(fields.map(([name, field]) => [name, property(name, field)])),
      propertiesOrder: fields.map(([name]) => name),
      required: fields.filter(([, field]) => field.required === true).map(([name]) => name),
    },
  };
}

/** A field with Gohan's word `permission` for what this project calls `writable`. */
function property(title: string, field: FieldSchema): GohanProperty {
  const { writable, items, properties, required: _required, ...words } = field;
  return {
    title,
    ...words,
    permission: writable,
    ...(items === undefined ? {} : { items: property("item", items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, member]) => [name, property(name, member)]),
          ),
        }),
  };
}
