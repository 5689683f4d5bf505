import type { JsonObject } from "../../actors/gateway-api.ts";
import { escapePointer } from "../api/envelope.ts";
import type { ListRequest } from "../api/list-query.ts";
import { invalid, isObject, numberOf, onlyMembers, openObject, textOf } from "./request-bodies.ts";

const MEMBERS = ["filters", "sort_key", "sort_order", "limit", "offset", "marker", "fields"];
const ANY = { least: 0, most: Number.MAX_SAFE_INTEGER };

/**
 * What `{"filters": {"<field>": <value> or [<value>, ...]}, "sort_key": ..., "limit": ...}` asks for; without a body, all.
 * @throws SB_INVALID_BODY
 */
export function openList(body: unknown): ListRequest {
  const members = body === undefined ? {} : openObject(body, '{"filters": {...}, "limit": 100}');
  onlyMembers(members, MEMBERS);
  return {
    filters: filtersOf(members.filters),
    sortKeys: optionalTexts(members, "sort_key"),
    sortOrders: optionalTexts(members, "sort_order"),
    limit: numberOf(members, "limit", ANY),
    offset: numberOf(members, "offset", ANY),
    marker: textOf(members, "marker"),
    fields: optionalTexts(members, "fields"),
  };
}

/** It asks for some of all that match, so that the answer says how many those are. */
export function isPage({ limit, offset, marker }: ListRequest): boolean {
  return limit !== undefined || offset !== undefined || marker !== undefined;
}

function filtersOf(filters: unknown): Record<string, readonly string[]> {
  if (filters === undefined) return {};
  if (!isObject(filters)) throw invalid('"filters" must be an object.', "/filters", "must be an object");
  return Object.fromEntries(
    Object.entries(filters).map(([name, value]) => [name, textsOf(value, `/filters/${escapePointer(name)}`)]),
  );
}

function optionalTexts(members: JsonObject, name: string): readonly string[] {
  return members[name] === undefined ? [] : textsOf(members[name], `/${name}`);
}

function textsOf(value: unknown, pointer: string): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((each) => {
    if (typeof each === "string" || typeof each === "number" || typeof each === "boolean") return String(each);
    const what = pointer.startsWith("/filters/") ? "A filter" : `"${pointer.slice(1)}"`;
    throw invalid(`${what} must be a text, a number, a truth value or a list of them.`, pointer, "is no such value");
  });
}
