import type { FieldSchema } from "../catalogue/field-schema.ts";
import type { Body } from "../catalogue/resource-view.ts";
import type { TypeDefinition } from "../catalogue/type-definition.ts";
import { clientStatus } from "../machines/resource/resource-status.ts";
import { latestVersion } from "../machines/resource/resource-steps.ts";
import type { ResourceView } from "./gateway-api.ts";
import type { Json } from "./ports.ts";
import type { IndexEntry } from "./resource-index.ts";
import { MASK } from "./sealed-form.ts";
import { troubleOf } from "./trouble.ts";

type Statuses = ReturnType<typeof clientStatus>;

/** Kept beside the answers: what a resource looks like is its fields and nothing else. */
const versions = new WeakMap<ResourceView, number>();

/**
 * Every field of the type, null where nobody set it unless it is sparse; secrets masked. What failed, or is tried again, says why in `error`.
 * @param only these fields; undefined: all
 */
export function resourceAnswer(entry: IndexEntry, type: TypeDefinition, only?: readonly string[]): ResourceView {
  const status = clientStatus(entry.value, entry.context);
  const view: Record<string, Json> = {};
  for (const [name, schema] of Object.entries(type.fields)) {
    if (isLeftOut(schema, entry.body, name)) continue;
    if (only === undefined || only.includes(name)) view[name] = fieldOf(entry, type, name, () => status);
  }
  const error = only === undefined || only.includes("error") ? troubleOf(entry) : "";
  return error === "" ? view : { ...view, error };
}

/** The same of one resource, with its version to be had by `versionOf`. */
export function versionedAnswer(entry: IndexEntry, type: TypeDefinition): ResourceView {
  const answer = resourceAnswer(entry, type);
  versions.set(answer, latestVersion(entry.context));
  return answer;
}

/** One field as the answer has it. */
export function shownField(entry: IndexEntry, type: TypeDefinition, name: string): Json {
  return fieldOf(entry, type, name, () => clientStatus(entry.value, entry.context));
}

/** The version that an answer shows; undefined for what is no such answer. */
export function versionOf(answer: ResourceView): number | undefined {
  return versions.get(answer);
}

function fieldOf(entry: IndexEntry, type: TypeDefinition, name: string, status: () => Statuses): Json {
  const schema = type.fields[name];
  const value = entry.body[name];
  if (name === "status") return status().status;
  if (name === "orchestration_state") return status().orchestrationState;
  if (name === "operational_state") return status().operationalState;
  return shownValue(schema, value);
}

/** A sparse field is left out where nobody set it. */
export function isLeftOut({ sparse }: FieldSchema, body: Body, name: string): boolean {
  return sparse === true && body[name] === undefined;
}

/** A field's value as clients see it: null, or an empty list, where nobody set it; secrets masked. */
export function shownValue(schema: FieldSchema | undefined, value: unknown): Json {
  if (schema?.secret && typeof value === "string" && value !== "") return MASK;
  return (value ?? (schema?.type === "array" ? [] : null)) as Json;
}
