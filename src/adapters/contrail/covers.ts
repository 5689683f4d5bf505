import type { Json } from "../../actors/ports.ts";

/** Names that the controller fills in or that are given in another way; never a difference. */
const IDENTITY = new Set(["uuid", "fq_name", "parent_type", "parent_uuid", "parent_href", "href"]);

/**
 * The properties that the controller does not hold as wanted. What it added by itself, such as subnet_uuid or
 * id_perms.created, is no difference.
 */
export function difference(
  wanted: { readonly [key: string]: Json | undefined },
  held: { readonly [key: string]: Json | undefined },
): { [key: string]: Json | undefined } {
  const entries = Object.entries(wanted).filter(([key, value]) => {
    if (value === undefined || IDENTITY.has(key)) return false;
    return key.endsWith("_refs") ? !sameRefs(value, held[key]) : !covers(held[key], value);
  });
  return Object.fromEntries(entries);
}

/** Whether a value holds everything that is wanted; lists must have the same length. */
export function covers(held: Json | undefined, wanted: Json): boolean {
  if (wanted === null) return held === null || held === undefined;
  if (typeof wanted !== "object") return held === wanted;
  if (isList(wanted)) {
    return isList(held) && held.length === wanted.length && wanted.every((value, at) => covers(held[at], value));
  }
  if (typeof held !== "object" || held === null || isList(held)) return false;
  return Object.entries(wanted).every(([key, value]) => value === undefined || covers(held[key], value));
}

/** References are a set: the controller gives them in any order. */
function sameRefs(wanted: Json, held: Json | undefined): boolean {
  if (!isList(wanted)) return false;
  const present = held !== undefined && isList(held) ? held : [];
  if (present.length !== wanted.length) return false;
  return wanted.every((ref) => present.some((other) => covers(other, ref)));
}

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);
