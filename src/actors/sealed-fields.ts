import { invalidBody } from "../catalogue/mistakes.ts";
import type { Body } from "../catalogue/resource-view.ts";
import type { TypeDefinition } from "../catalogue/type-definition.ts";
import type { Secrets } from "./ports.ts";
import { SEAL } from "./sealed-form.ts";
import { sealPlace } from "./secrets/seal-places.ts";

/**
 * A client's fields with the secret ones sealed for that resource.
 * @throws SB_INVALID when it brings along what is sealed already
 */
export function sealFields(
  type: TypeDefinition,
  fields: Body,
  { secrets, id }: { secrets: Secrets; id: string },
): Body {
  refuseSealed(type, fields, secrets);
  const sealed: Record<string, unknown> = { ...fields };
  for (const [name, schema] of Object.entries(type.fields)) {
    const value = sealed[name];
    if (schema.secret && typeof value === "string" && value !== "")
      sealed[name] = secrets.seal(value, sealPlace({ type: type.type, id }, name));
  }
  return sealed;
}

/** A sealed value is opened wherever it stands: nobody may bring one along. */
export function refuseSealed(type: TypeDefinition, fields: Body, secrets: Secrets): void {
  const problems = Object.entries(fields)
    .filter(([, value]) => containsSealed(value, secrets))
    .map(([name]) => ({ pointer: `/${name}`, detail: "must not contain a sealed value" }));
  if (problems.length > 0) throw invalidBody(type.type, problems);
}

function containsSealed(value: unknown, secrets: Secrets): boolean {
  if (typeof value === "string") return secrets.isSealed(value) || SEAL.test(value);
  return (
    typeof value === "object" && value !== null && Object.values(value).some((inner) => containsSealed(inner, secrets))
  );
}
