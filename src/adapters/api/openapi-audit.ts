import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { auditActions, auditOutcomes } from "./audit-query.ts";
import type { JsonSchema } from "./field-json-schema.ts";
import { failures } from "./openapi-live.ts";

const failure = failures();
const text = { type: "string" };
const nullable = { type: ["string", "null"] };

const ofAll = [
  query("who", text, "Only what this caller did"),
  query("action", { enum: [...auditActions] }, "Only this"),
  query("since", text, "Not before this time: RFC 3339, or milliseconds since the epoch"),
  query("until", text, "Not after this time"),
  query("after", text, "The `next` of the page before"),
  query("limit", { type: "integer", minimum: 1, maximum: 1000, default: 100 }, "Entries on the page, at most"),
];

/** The path of a resource's history. */
export function historyPath({ type, collection }: TypeSchema): Record<string, JsonSchema> {
  return {
    [`/v2.0/${collection}/{id}/history`]: {
      parameters: [{ $ref: "#/components/parameters/Id" }],
      get: {
        tags: [type],
        operationId: `history_${type}`,
        summary: `Who did what to a ${type}, the newest first; also when it is deleted`,
        parameters: ofAll,
        responses: { 200: page("history"), ...failure },
      },
    },
  };
}

/** The path of what was done to all resources. */
export function auditPaths(): Record<string, JsonSchema> {
  const tenant = query("tenant", text, "Only what was done to this tenant's resources");
  const type = query("type", text, "Only what was done to resources of this type");
  const outcome = query("outcome", { enum: [...auditOutcomes] }, "Only what ended so");
  return {
    "/signalbox/v1/audit": {
      get: {
        tags: ["live"],
        operationId: "audit",
        summary: "Who did what, the newest first; a tenant's callers see what was done to the tenant's resources",
        parameters: [tenant, type, outcome, ...ofAll],
        responses: { 200: page("audit"), ...failure },
      },
    },
    "/signalbox/v1/audit/export": {
      get: {
        tags: ["live"],
        operationId: "export_audit",
        summary: "All that is kept of who did what, for operators: to be checked and put away",
        responses: {
          200: {
            description:
              "One JSON object a line: first `head`, the last entry of the hash chain, and `sweptTo`, up to which index entries were deleted for their age; then the entries, the newest first, each with its `place`",
            content: { "application/x-ndjson": { schema: { type: "object" } } },
          },
          ...failure,
        },
      },
    },
  };
}

export function auditSchemas(): Record<string, JsonSchema> {
  const by = {
    type: ["object", "null"],
    description: "Null where the caller is not told who it was: what is no tenant's, or another one's",
    required: ["name", "role", "tenant", "from", "via", "requestId"],
    properties: { name: text, role: nullable, tenant: nullable, from: nullable, via: nullable, requestId: nullable },
  };
  return {
    AuditEntry: {
      type: "object",
      title: "What a client asked for, and whether it was accepted",
      required: [
        "time",
        "action",
        "outcome",
        "error",
        "count",
        "type",
        "id",
        "name",
        "target",
        "tenant",
        "shared",
        "version",
        "by",
        "changes",
        "chain",
      ],
      properties: {
        time: { type: "integer", description: "Milliseconds since the epoch" },
        action: { enum: [...auditActions] },
        outcome: { enum: [...auditOutcomes] },
        error: { ...nullable, description: "Code of the refusal" },
        count: { type: "integer", minimum: 1, description: "Requests that it stands for" },
        type: nullable,
        id: nullable,
        name: text,
        target: { ...nullable, description: "What else it was about: a prefix of documents, a path" },
        tenant: { ...nullable, description: "The resource's; of a refusal, the caller's" },
        shared: { type: "boolean" },
        version: { type: ["integer", "null"], description: "The resource's, that the write has led to" },
        by,
        changes: {
          type: "object",
          description: "By field; secrets as ***",
          additionalProperties: {
            type: "object",
            required: ["before", "after"],
            properties: { before: true, after: true },
          },
        },
        chain: {
          type: ["object", "null"],
          description: "Its place in the hash chain; null for an entry from before there was one",
          required: ["index", "previous", "hash"],
          properties: { index: { type: "integer", minimum: 1 }, previous: text, hash: text },
        },
      },
    },
  };
}

function page(member: string): JsonSchema {
  const entries = { type: "array", items: { $ref: "#/components/schemas/AuditEntry" } };
  const next = { ...nullable, description: "`after` of the next page; null when there are no more" };
  const schema = { type: "object", required: [member, "next"], properties: { [member]: entries, next } };
  return { description: "The entries", content: { "application/json": { schema } } };
}

function query(name: string, schema: JsonSchema, description: string): JsonSchema {
  return { name, in: "query", required: false, description, schema };
}
