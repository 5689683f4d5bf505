import type { TypeSchema } from "../../catalogue/field-schema.ts";
import type { JsonSchema } from "./field-json-schema.ts";
import { openFields } from "./list-query.ts";

const text = { type: "string" };
const texts = { type: "array", items: text };

/** Parameters that are the same whatever the type. */
export function sharedParameters(): Record<string, JsonSchema> {
  const query = (name: string, schema: object, description: string) => ({
    name,
    in: "query",
    required: false,
    schema,
    description,
  });
  const header = (name: string, description: string, example: string) => ({
    name,
    in: "header",
    required: false,
    schema: text,
    description,
    example,
  });
  return {
    Id: { name: "id", in: "path", required: true, schema: text, description: "Id of the resource" },
    SortOrder: query(
      "sort_order",
      { type: "array", items: { enum: ["asc", "desc"] } },
      "Order of each sort key, or of all of them",
    ),
    SortDir: query("sort_dir", { type: "array", items: { enum: ["asc", "desc"] } }, "Neutron's word for `sort_order`"),
    Limit: query("limit", { type: "integer", minimum: 0 }, "How many to answer at most; 0: only the number of all"),
    Offset: query("offset", { type: "integer", minimum: 0 }, "How many to leave out, from the first on"),
    Marker: query("marker", text, "Id of the last one of the page before: only what comes after it"),
    DryRun: query("dry_run", { type: "boolean", default: false }, "Only say what would be done, in `dry_run`"),
    IfMatch: header(
      "If-Match",
      "ETags of the versions that the change is for, or `*`; another version is answered 412 (`SB_VERSION_CONFLICT`)",
      '"3"',
    ),
    IdempotencyKey: header(
      "Idempotency-Key",
      "1 to 255 visible ASCII characters, the same when the request is sent again whose answer was not seen",
      "order-17",
    ),
  };
}

export function sharedHeaders(): Record<string, JsonSchema> {
  return {
    ETag: {
      description: "Version of the resource: each accepted change makes the next one. States that change make none.",
      schema: { type: "string", pattern: '^"[0-9]+"$' },
    },
    TotalCount: { description: "How many match, on all pages together", schema: { type: "integer", minimum: 0 } },
    Location: { description: "Path of the resource", schema: { type: "string", format: "uri-reference" } },
  };
}

/** What a list of a type can be asked for. */
export function listParametersOf(schema: TypeSchema): JsonSchema[] {
  const open = openFields(schema);
  const filters = open.map((name) => ({
    name,
    in: "query",
    required: false,
    description: `Only those whose ${name} has this value (or one of these)`,
    schema: texts,
    explode: true,
  }));
  return [
    ...filters,
    {
      name: "sort_key",
      in: "query",
      required: false,
      description: "Fields to sort by, the first one first; ties are in the order of the ids",
      schema: { type: "array", items: { enum: open } },
      explode: true,
    },
    ...["SortOrder", "SortDir", "Limit", "Offset", "Marker"].map(parameter),
    fieldsParameterOf(schema),
  ];
}

/** Which fields an answer shall have. */
export function fieldsParameterOf(schema: TypeSchema): JsonSchema {
  return {
    name: "fields",
    in: "query",
    required: false,
    description: "Only these fields, given one by one or separated by commas",
    schema: { type: "array", items: { enum: [...Object.keys(schema.fields), "error"] } },
    explode: true,
  };
}

export function parameter(name: string): JsonSchema {
  return { $ref: `#/components/parameters/${name}` };
}

export function header(name: string): JsonSchema {
  return { $ref: `#/components/headers/${name}` };
}
