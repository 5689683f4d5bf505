import { createHash } from "node:crypto";
import type { TypeDefinition } from "../catalogue/type-definition.ts";
import type { RequestKey } from "../machines/resource/resource-types.ts";
import type { JsonObject } from "./gateway-api.ts";

/** A creation that may be sent again: what its key makes, and by what it is known again. */
export interface KeyedRequest {
  readonly id: string;
  readonly request: RequestKey;
}

/**
 * The id of what a key makes is the key's own (a UUID of version 8, RFC 9562), so that every process knows it.
 * @param tenant whose key it is: another tenant's key of the same text is another one
 */
export function keyedRequest(
  { type, fields: schemas }: TypeDefinition,
  key: string,
  fields: JsonObject,
  tenant?: string,
): KeyedRequest {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  // A digest of a password could be guessed at.
  const open = Object.fromEntries(Object.entries(fields).filter(([name]) => schemas[name]?.secret !== true));
  const hex = digest(`${type} ${tenant === undefined ? "" : `${tenant} `}${key}`).toString("hex");
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return { id, request: { key, digest: digest(canonical(open)).toString("base64url").slice(0, 22) } };
}

/** The key of a change, by which the resource knows that it was made: another tenant's key of the same text is another one. */
export function updateKey(key: string | undefined, tenant: string | undefined): string | undefined {
  return key === undefined || tenant === undefined ? key : `${tenant} ${key}`;
}

/** A key as it may stand in a message. */
export function shownKey(key: string): string {
  return key.length > 40 ? `${key.slice(0, 40)}...` : key;
}

/** JSON text in which the order of members does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
