import type { JsonObject } from "../../actors/gateway-api.ts";
import { SignalboxError } from "../../errors.ts";

const MAX_NAMES = 5;
const MAX_FIELDS = 50;

/**
 * Takes the resource out of `{"<type>": {...}}`, the form in which Gohan's clients send it.
 * @throws SB_INVALID_JSON when there is no body, SB_INVALID_BODY unless the body is an object with exactly that one
 *   member, itself an object
 */
export function openEnvelope(body: unknown, type: string): JsonObject {
  const example = `{"${type}": {...}}`;
  if (body === undefined) {
    throw new SignalboxError("SB_INVALID_JSON", `The request has no body; it must be ${example}.`);
  }
  if (!isObject(body)) throw invalid(`The body must be an object: ${example}.`, "", `must be ${example}`);
  const extra = Object.keys(body).filter((key) => key !== type);
  if (!Object.hasOwn(body, type)) {
    const found = extra.length === 0 ? "it is empty" : `it has ${listed(extra)}`;
    throw invalid(`The body must be ${example}; ${found}.`, `/${type}`, "is missing");
  }
  if (extra.length > 0) {
    throw new SignalboxError(
      "SB_INVALID_BODY",
      `The body must hold "${type}" and nothing else; it has ${listed(extra)}.`,
      {
        fields: extra
          .slice(0, MAX_FIELDS)
          .map((key) => ({ pointer: `/${escapePointer(key)}`, detail: "is not allowed here" })),
      },
    );
  }
  const resource = body[type];
  if (!isObject(resource)) throw invalid(`"${type}" must be an object.`, `/${type}`, "must be an object");
  return resource;
}

/** A member name as a token of a JSON pointer (RFC 6901 section 3). */
export function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** The first few names, cut short: a body may have thousands. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => JSON.stringify(name.slice(0, 64)));
  return names.length > shown.length ? `${shown.join(", ")} and ${names.length - shown.length} more` : shown.join(", ");
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(message: string, pointer: string, detail: string): SignalboxError {
  return new SignalboxError("SB_INVALID_BODY", message, { fields: [{ pointer, detail }] });
}
