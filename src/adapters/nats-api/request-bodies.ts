import type { JsonObject } from "../../actors/gateway-api.ts";
import { SignalboxError } from "../../errors.ts";
import { escapePointer, openEnvelope } from "../api/envelope.ts";

/**
 * The only member of `{"id": "..."}`.
 * @throws SB_INVALID_JSON without a body, SB_INVALID_BODY for any other one
 */
export function openId(body: unknown): string {
  const members = openObject(body, '{"id": "..."}');
  onlyMembers(members, ["id"]);
  return idOf(members);
}

/**
 * Id and fields of `{"id": "...", "<type>": {...}}`.
 * @throws as `openId`
 */
export function openUpdate(body: unknown, type: string): { id: string; fields: JsonObject } {
  const members = openObject(body, `{"id": "...", "${type}": {...}}`);
  const id = idOf(members);
  const { id: _id, ...rest } = members;
  return { id, fields: openEnvelope(rest, type) };
}

/**
 * Start and length of `{"from": 1, "limit": 100}`, where both may be left out.
 * @throws SB_INVALID_BODY unless `from` is a whole number from 0 on and `limit` one from 1 to `most`
 */
export function openReplay(body: unknown, most: number): { from: number; limit: number } {
  if (body === undefined) return { from: 1, limit: Math.min(100, most) };
  const members = openObject(body, '{"from": 1, "limit": 100}');
  onlyMembers(members, ["from", "limit"]);
  return {
    from: numberOf(members, "from", { least: 0, most: Number.MAX_SAFE_INTEGER }) ?? 1,
    limit: numberOf(members, "limit", { least: 1, most }) ?? Math.min(100, most),
  };
}

export function openObject(body: unknown, example: string): JsonObject {
  if (body === undefined) {
    throw new SignalboxError("SB_INVALID_JSON", `The request has no body; it must be ${example}.`);
  }
  if (!isObject(body)) throw invalid(`The body must be an object: ${example}.`, "", `must be ${example}`);
  return body;
}

export function onlyMembers(body: JsonObject, known: readonly string[]): void {
  const extra = Object.keys(body).filter((name) => !known.includes(name));
  if (extra.length === 0) return;
  const names = known.map((name) => `"${name}"`).join(known.length > 2 ? ", " : " and ");
  throw new SignalboxError("SB_INVALID_BODY", `The body must hold ${names} and nothing else.`, {
    fields: extra.slice(0, 50).map((name) => ({ pointer: `/${escapePointer(name)}`, detail: "is not allowed here" })),
  });
}

function idOf(body: JsonObject): string {
  if (typeof body.id === "string") return body.id;
  throw invalid('"id" must be a string.', "/id", body.id === undefined ? "is missing" : "must be a string");
}

export function numberOf(body: JsonObject, name: string, range: { least: number; most: number }): number | undefined {
  const value = body[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= range.least && value <= range.most) {
    return value;
  }
  const wanted = `must be a whole number from ${range.least} to ${range.most}`;
  throw invalid(`"${name}" ${wanted}.`, `/${name}`, wanted);
}

/** A member that is a text, where it is given. @throws SB_INVALID_BODY */
export function textOf(body: JsonObject, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || typeof value === "string") return value;
  throw invalid(`"${name}" must be a string.`, `/${name}`, "must be a string");
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function invalid(message: string, pointer: string, detail: string): SignalboxError {
  return new SignalboxError("SB_INVALID_BODY", message, { fields: [{ pointer, detail }] });
}
