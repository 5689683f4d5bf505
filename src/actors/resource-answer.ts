import type { TypeDefinition } from "../catalogue/type-definition.ts";
import { clientStatus } from "../machines/resource/resource-status.ts";
import type { ResourceView } from "./gateway-api.ts";
import type { Json } from "./ports.ts";
import type { IndexEntry } from "./resource-index.ts";
import { troubleOf } from "./trouble.ts";

/** Every field of the type, null where nobody set it unless it is sparse; secrets masked. What failed, or is tried again, says why in `error`. */
export function resourceAnswer(entry: IndexEntry, type: TypeDefinition): ResourceView {
  const status = clientStatus(entry.value, entry.context);
  const view: Record<string, Json> = {};
  for (const [name, schema] of Object.entries(type.fields)) {
    const value = entry.body[name];
    if (name === "status") view[name] = status.status;
    else if (name === "orchestration_state") view[name] = status.orchestrationState;
    else if (name === "operational_state") view[name] = status.operationalState;
    else if (schema.secret && typeof value === "string" && value !== "") view[name] = "***";
    else if (value !== undefined || !schema.sparse)
      view[name] = (value ?? (schema.type === "array" ? [] : null)) as Json;
  }
  const error = troubleOf(entry);
  return error === "" ? view : { ...view, error };
}
