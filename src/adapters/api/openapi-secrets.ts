import type { JsonSchema } from "./field-json-schema.ts";
import { failures } from "./openapi-live.ts";

const count = { type: "integer" };
const texts = { type: "array", items: { type: "string" } };
const responses = {
  200: {
    description: "What is sealed with which key",
    content: { "application/json": { schema: { $ref: "#/components/schemas/SealedReport" } } },
  },
  ...failures(),
};

/** Paths about the key that secrets are sealed with. */
export function secretPaths(): Record<string, JsonSchema> {
  const purge = {
    name: "purge",
    in: "query",
    required: false,
    description: "Take the records out of the log that another key has sealed and that nothing needs any more",
    schema: { type: "boolean", default: false },
  };
  return {
    "/signalbox/v1/secrets": {
      get: { tags: ["service"], operationId: "sealed", summary: "Count what is sealed with which key", responses },
    },
    "/signalbox/v1/secrets/reseal": {
      post: {
        tags: ["service"],
        operationId: "reseal",
        summary: "Seal every secret with the present key, while the system runs",
        parameters: [purge],
        responses,
      },
    },
  };
}

export function secretSchemas(): Record<string, JsonSchema> {
  const counts = { records: count, documents: count, history: count };
  const properties = {
    key: { type: "string", description: "Id of the key that seals" },
    keys: {
      type: "object",
      description: "Sealed values by the id of their key: in last records, in documents, in what is over",
      additionalProperties: { type: "object", required: Object.keys(counts), properties: counts },
    },
    needed: { ...texts, description: "Other keys that are still needed" },
    inHistory: { ...texts, description: "Other keys that only what is over is sealed with" },
    resealed: {
      type: "object",
      required: ["resources", "secrets"],
      properties: { resources: count, secrets: count },
    },
    purged: { ...count, description: "Records that were taken out of the log" },
    left: { ...texts, description: "What could not be done now, and why" },
  };
  return { SealedReport: { type: "object", required: Object.keys(properties), properties } };
}
