import type { FieldSchema, TypeSchema } from "../../catalogue/field-schema.ts";
import { errorTable } from "../../errors.ts";
import { BULK_MOST } from "./bulk-items.ts";
import { acceptedJsonSchema, type JsonSchema, shownJsonSchema } from "./field-json-schema.ts";
import { auditPaths, auditSchemas, historyPath } from "./openapi-audit.ts";
import { dryRunSchemas } from "./openapi-dry-run.ts";
import { inspectionPaths, inspectionSchemas } from "./openapi-inspection.ts";
import { failures, livePaths, liveSchemas } from "./openapi-live.ts";
import {
  fieldsParameterOf,
  header,
  listParametersOf,
  parameter,
  sharedHeaders,
  sharedParameters,
} from "./openapi-parameters.ts";
import { secretPaths, secretSchemas } from "./openapi-secrets.ts";

/** The whole HTTP API as an OpenAPI 3.1 document, built from nothing but the resource types. */
export function openApiDocument(types: readonly TypeSchema[]): JsonSchema {
  return {
    openapi: "3.1.0",
    info: {
      title: "Signalbox",
      version: "2.0",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description:
        "Small JSON resources in; router pairs, switches and controllers configured, watched and documented.",
    },
    servers: [{ url: "/" }],
    // Where the service asks for no token, none is needed.
    security: [{ token: [] }, { bearer: [] }, {}],
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    tags: [
      ...types.map((schema) => ({ name: schema.type, description: schema.title })),
      { name: "live", description: "What happens and what is stored, as it happens" },
      { name: "inspection", description: "What the visualiser shows: why a resource is as it is" },
      { name: "service", description: "Health and descriptions" },
    ],
    paths: {
      ...Object.assign({}, ...types.map(pathsOfType)),
      ...auditPaths(),
      ...secretPaths(),
      ...livePaths(),
      ...inspectionPaths(),
    },
    components: {
      schemas: {
        ...Object.assign({}, ...types.map(schemasOfType)),
        ...auditSchemas(),
        ...secretSchemas(),
        ...liveSchemas(),
        ...inspectionSchemas(),
        ...dryRunSchemas(),
        Problem: problemSchema(),
      },
      parameters: sharedParameters(),
      headers: sharedHeaders(),
      securitySchemes: {
        token: { type: "apiKey", in: "header", name: "X-Auth-Token", description: "As OpenStack's clients send it" },
        bearer: { type: "http", scheme: "bearer", description: "The same token as RFC 6750 has it" },
      },
      responses: {
        Problem: {
          description: "The request failed; `code` says how, `advice` what to do about it",
          content: { "application/problem+json": { schema: ref("Problem") } },
        },
      },
    },
  };
}

function schemasOfType(schema: TypeSchema): Record<string, JsonSchema> {
  const fields = Object.entries(schema.fields);
  const writable = (when: "create" | "update") => fields.filter(([, field]) => field.writable.includes(when));
  const required = fields.filter(([, field]) => field.required === true).map(([name]) => name);
  return {
    [schema.type]: withError(
      object(schema.title, fields, (field) => ({
        ...shownJsonSchema(field),
        ...(field.writable.length === 0 ? { readOnly: true } : {}),
      })),
    ),
    [`${schema.type}_create`]: {
      ...object(`${schema.title}: what a POST may carry`, writable("create"), acceptedJsonSchema),
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: false,
    },
    [`${schema.type}_update`]: {
      ...object(`${schema.title}: what a PUT may change`, writable("update"), withoutDefault),
      additionalProperties: false,
    },
  };
}

/** Beside the fields of its type a resource shows why it failed. */
function withError(schema: JsonSchema): JsonSchema {
  const description =
    "Only while a version has failed or is being tried again: which device, which statement, what to do";
  const { properties, ...rest } = schema;
  return { ...rest, properties: { ...(properties as object), error: { type: "string", readOnly: true, description } } };
}

/** A field that a PUT leaves out keeps its value, so a default would mislead. */
function withoutDefault(field: FieldSchema): JsonSchema {
  const { default: _default, ...rest } = field;
  return acceptedJsonSchema(rest);
}

function object(
  title: string,
  fields: ReadonlyArray<readonly [string, FieldSchema]>,
  schemaOf: (field: FieldSchema) => JsonSchema,
): JsonSchema {
  return { type: "object", title, properties: Object.fromEntries(fields.map(([name, f]) => [name, schemaOf(f)])) };
}

function pathsOfType(schema: TypeSchema): Record<string, JsonSchema> {
  const { type, collection } = schema;
  const tags = [type];
  const failure = failures();
  const one = answer(`The ${type}`, envelope(type, ref(type)));
  const etag = { headers: { ETag: header("ETag") } };
  const dryRun = envelope("dry_run", ref("DryRun"));
  const dry = answer("What would be done, with `dry_run`", dryRun);
  const changed = {
    ...answer(`The ${type}, or what would be done`, { oneOf: [envelope(type, ref(type)), dryRun] }),
    ...etag,
  };
  return {
    [`/v2.0/${collection}`]: {
      get: {
        tags,
        operationId: `list_${collection}`,
        summary: `List ${collection}`,
        parameters: listParametersOf(schema),
        responses: {
          200: {
            ...answer(`The ${collection}`, envelope(collection, { type: "array", items: ref(type) })),
            headers: { "X-Total-Count": header("TotalCount") },
          },
          ...failure,
        },
      },
      post: {
        tags,
        operationId: `create_${type}`,
        summary: `Create a ${type}; answered when the creation is committed`,
        parameters: [parameter("IdempotencyKey"), parameter("DryRun")],
        requestBody: bodyOf(type, `${type}_create`),
        responses: {
          200: dry,
          201: { ...one, headers: { Location: header("Location"), ...etag.headers } },
          ...failure,
        },
      },
    },
    [`/v2.0/${collection}/bulk`]: {
      post: {
        tags,
        operationId: `create_${collection}`,
        summary: `Create up to ${BULK_MOST} ${collection}, each by itself; item n has the idempotency key \`<key>/<n>\``,
        parameters: [parameter("IdempotencyKey")],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: envelope(collection, { type: "array", maxItems: BULK_MOST, items: ref(`${type}_create`) }),
            },
          },
        },
        responses: { 200: answer("What became of each, in their order", bulkResults(type)), ...failure },
      },
    },
    [`/v2.0/${collection}/{id}`]: {
      parameters: [parameter("Id")],
      get: {
        tags,
        operationId: `show_${type}`,
        summary: `Show a ${type}`,
        parameters: [fieldsParameterOf(schema)],
        responses: { 200: { ...one, ...etag }, ...failure },
      },
      put: {
        tags,
        operationId: `update_${type}`,
        summary: `Change the fields that are given of a ${type}`,
        parameters: [parameter("IfMatch"), parameter("IdempotencyKey"), parameter("DryRun")],
        requestBody: bodyOf(type, `${type}_update`),
        responses: { 200: changed, ...failure },
      },
      delete: {
        tags,
        operationId: `delete_${type}`,
        summary: `Delete a ${type}; it is gone when its jobs are done`,
        parameters: [parameter("IfMatch"), parameter("DryRun")],
        responses: { 200: dry, 204: { description: "The deletion is committed" }, ...failure },
      },
    },
    [`/v2.0/${collection}/{id}/retry`]: {
      parameters: [parameter("Id")],
      post: {
        tags,
        operationId: `retry_${type}`,
        summary: `Start the failed version of a ${type} again`,
        parameters: [parameter("IfMatch"), parameter("DryRun")],
        responses: { 200: changed, ...failure },
      },
    },
    ...historyPath(schema),
  };
}

function bulkResults(type: string): JsonSchema {
  const made = { properties: { status: { const: 201 }, [type]: ref(type) }, required: ["status", type] };
  const refused = { properties: { status: { type: "integer" }, error: ref("Problem") }, required: ["status", "error"] };
  return envelope("results", {
    type: "array",
    items: { oneOf: [made, refused].map((result) => ({ type: "object", ...result, additionalProperties: false })) },
  });
}

function bodyOf(type: string, schema: string): JsonSchema {
  return { required: true, content: { "application/json": { schema: envelope(type, ref(schema)) } } };
}

function envelope(member: string, schema: JsonSchema): JsonSchema {
  return { type: "object", required: [member], properties: { [member]: schema }, additionalProperties: false };
}

function answer(description: string, schema: JsonSchema): JsonSchema {
  return { description, content: { "application/json": { schema } } };
}

function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

function problemSchema(): JsonSchema {
  const text = { type: "string" };
  return {
    type: "object",
    title: "An error (RFC 9457)",
    required: ["type", "title", "status", "detail", "instance", "code", "advice", "request_id"],
    properties: {
      type: { type: "string", format: "uri-reference" },
      title: text,
      status: { type: "integer" },
      detail: text,
      instance: { type: "string", format: "uri-reference" },
      code: { enum: errorTable().map((row) => row.code) },
      advice: text,
      request_id: text,
      errors: {
        type: "array",
        items: {
          type: "object",
          required: ["pointer", "detail"],
          properties: { pointer: { type: "string", format: "json-pointer" }, detail: text },
        },
      },
      device: text,
      statement: text,
    },
  };
}
