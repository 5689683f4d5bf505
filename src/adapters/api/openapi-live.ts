import type { JsonSchema } from "./field-json-schema.ts";

/** Every error has the same form, whatever its status. */
export function failures(): JsonSchema {
  const problem = { $ref: "#/components/responses/Problem" };
  return { "4XX": problem, default: problem };
}

const failure = failures();
const open = { security: [] };

/** Paths that are the same whatever resource types there are. */
export function livePaths(): Record<string, JsonSchema> {
  return {
    "/signalbox/v1/transitions": {
      get: {
        tags: ["live"],
        operationId: "transitions",
        summary: "Committed transitions in order: lines of JSON, or server-sent events when asked for",
        parameters: [
          query("from", { type: "integer", minimum: 0, default: 1 }, "Log position of the first one"),
          query("follow", { type: "boolean", default: false }, "Go on live until the client leaves"),
          {
            name: "Last-Event-ID",
            in: "header",
            required: false,
            description: "Resume server-sent events after this position",
            schema: { type: "integer" },
          },
        ],
        responses: {
          200: {
            description: "The transitions",
            content: {
              "application/x-ndjson": { schema: reference("Transition") },
              "text/event-stream": { schema: { type: "string" } },
            },
          },
          ...failure,
        },
      },
    },
    "/signalbox/v1/documents": {
      get: {
        tags: ["live"],
        operationId: "documents",
        summary: "The stored documents whose keys start with a prefix",
        parameters: [query("prefix", { type: "string", default: "" }, "Start of the keys")],
        responses: {
          200: {
            description: "The documents in key order",
            content: { "application/json": { schema: { type: "array", items: reference("Document") } } },
          },
          ...failure,
        },
      },
    },
    "/signalbox/v1/documents/watch": {
      get: {
        tags: ["live"],
        operationId: "watch_documents",
        summary: "Document writes in order, live until the client leaves; value null is a delete",
        parameters: [
          query("prefix", { type: "string", default: "" }, "Start of the keys"),
          query("from_start", { type: "boolean", default: false }, "Begin with the oldest write that is kept"),
        ],
        responses: {
          200: { description: "The writes", content: { "application/x-ndjson": { schema: reference("Document") } } },
          ...failure,
        },
      },
    },
    "/livez": page("livez", "Is the process alive"),
    "/v2.0/extensions": page("extensions", "None: for OpenStack's clients, which ask before they make a port"),
    "/readyz": {
      get: {
        ...open,
        tags: ["service"],
        operationId: "readyz",
        summary: "Can the service take requests",
        responses: {
          200: { description: "Ready", content: { "application/json": { schema: reference("Readiness") } } },
          503: { description: "Not ready", content: { "application/json": { schema: reference("Readiness") } } },
          ...failure,
        },
      },
    },
    "/openapi.json": page("openapi", "This document"),
    "/gohan/v0.1/schemas": page("schemas", "The resource types as Gohan describes them"),
    "/problems": page("problems", "All kinds of errors"),
  };
}

export function liveSchemas(): Record<string, JsonSchema> {
  const text = { type: "string" };
  return {
    Job: {
      type: "object",
      required: ["id", "action", "handler", "phase", "waitsFor", "attempt", "devices"],
      properties: {
        id: text,
        action: { enum: ["create", "modify", "delete"] },
        handler: { enum: ["heat_worker", "monitoring_worker"] },
        phase: { enum: ["waiting", "ready", "working", "finished", "failed"] },
        waitsFor: { type: "array", items: text },
        attempt: { type: "integer" },
        worker: text,
        devices: { type: "array", items: text },
        error: text,
      },
    },
    Transition: {
      type: "object",
      required: [
        "seq",
        "time",
        "type",
        "id",
        "name",
        "version",
        "event",
        "state",
        "status",
        "jobs",
        "error",
        "deleted",
      ],
      properties: {
        seq: { type: "integer", description: "Position in the log" },
        time: { type: "integer", description: "Milliseconds since the epoch" },
        type: text,
        id: text,
        name: text,
        version: { type: "integer" },
        event: text,
        state: text,
        status: { type: ["string", "null"] },
        orchestrationState: text,
        operationalState: text,
        jobs: { type: "array", items: reference("Job") },
        error: text,
        deleted: { type: "boolean" },
      },
    },
    Document: {
      type: "object",
      required: ["key", "value", "revision"],
      properties: { key: text, value: true, revision: { type: "integer" } },
    },
    Readiness: {
      type: "object",
      required: ["status", "checks"],
      properties: {
        status: { enum: ["ready", "not ready"] },
        checks: { type: "object", additionalProperties: text },
      },
    },
  };
}

function page(operationId: string, summary: string): JsonSchema {
  return {
    get: {
      ...open,
      tags: ["service"],
      operationId,
      summary,
      responses: {
        200: { description: summary, content: { "application/json": { schema: { type: "object" } } } },
        ...failure,
      },
    },
  };
}

function query(name: string, schema: JsonSchema, description: string): JsonSchema {
  return { name, in: "query", required: false, description, schema };
}

function reference(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}
