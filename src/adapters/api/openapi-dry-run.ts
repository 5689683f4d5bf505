import type { JsonSchema } from "./field-json-schema.ts";

const text = { type: "string" };
const texts = { type: "array", items: text };

/** What `?dry_run=true` answers, as schemas by name. */
export function dryRunSchemas(): Record<string, JsonSchema> {
  return {
    DryRun: object("What a change would do; nothing of it is done", {
      resource: { type: "object", description: "As it would be; as it is, when it is deleted" },
      dependents: {
        type: "array",
        items: object("What is made, changed or deleted along with it", { type: text, resource: { type: "object" } }),
      },
      allocations: {
        type: "array",
        items: object("A number or an address of a pool", {
          action: { enum: ["take", "release"] },
          type: text,
          id: text,
          field: text,
          value: true,
          pool: object("Whose pool it is", { type: text, id: text, name: text }),
          chosen: { type: "boolean", description: "The lowest that is free now, not asked for by the client" },
        }),
      },
      jobs: {
        type: "array",
        items: object("A job, in the order in which they are planned", {
          name: { type: "string", description: "By which others name it", examples: ["jobs/0"] },
          type: text,
          id: text,
          version: { type: "integer" },
          action: { enum: ["create", "modify", "delete"] },
          handler: { enum: ["heat_worker", "monitoring_worker"] },
          template: text,
          waits_for: { ...texts, description: "Names of these jobs, and ids of jobs that are under way now" },
          devices: texts,
        }),
      },
      devices: {
        type: "array",
        items: object(
          "What a router would be sent",
          {
            router: { type: "string", description: "Address" },
            job: text,
            configuration: {
              type: "string",
              description:
                "XML to be merged; secrets as `***`, and what comes about only then as a text in parentheses that says what it will be",
            },
          },
          { problem: { type: "string", description: "Why it cannot be rendered: the job would fail with this" } },
        ),
      },
    }),
  };
}

function object(title: string, members: Record<string, unknown>, optional: Record<string, unknown> = {}): JsonSchema {
  return { type: "object", title, required: Object.keys(members), properties: { ...members, ...optional } };
}
