import { createHash } from "node:crypto";
import type { ResourceRef } from "../../catalogue/resource-view.ts";

/**
 * Two keys of each entry: the entry itself stands in the order of time, and a short document beside it in the order of its resource's records.
 * Both orders are the newest first, so that each question is a range of keys.
 */
export const AUDIT_PREFIX = "/signalbox/audit/";
export const BY_TIME = `${AUDIT_PREFIX}at/`;
/** When and how far entries were deleted last because of their age: `{ time, index }`. */
export const SWEPT = "/signalbox/audit-swept";
const BY_RESOURCE = `${AUDIT_PREFIX}of/`;

const DIGITS = 16;
const PLACE = /^([0-9]{16})\.([0-9]{16})$/;

/** Greater numbers come first. */
function backwards(number: number): string {
  return String(Number.MAX_SAFE_INTEGER - number).padStart(DIGITS, "0");
}

/**
 * Where an entry stands among all.
 * @param time milliseconds since the epoch
 * @param seq position of the resource's record before: no two writes have the same
 */
export function placeOf(time: number, seq: number): string {
  return `${backwards(time)}.${backwards(seq)}`;
}

/**
 * The same for an entry without a record before it, such as a creation's: two of one millisecond are told apart by what is written, and come
 * before all that has a position.
 * @param unique text that no other entry of the millisecond has
 */
export function placeOfFirst(time: number, unique: string): string {
  const number = createHash("sha256").update(unique).digest().readUIntBE(0, 6);
  return `${backwards(time)}.${BigInt(Number.MAX_SAFE_INTEGER) + 1n + BigInt(number)}`;
}

/** When the entry at a place was written, milliseconds since the epoch. */
export function timeOf(place: string): number {
  return Number.MAX_SAFE_INTEGER - Number(place.slice(0, DIGITS));
}

export function isPlace(text: string): boolean {
  return PLACE.test(text);
}

/** Comes before every place of that time and of earlier ones. */
export function placeBefore(time: number): string {
  return backwards(time);
}

/** Comes after every place of that time and of later ones. */
export function placeAfter(time: number): string {
  // The character that follows the dot.
  return `${backwards(time)}/`;
}

/** What the keys of a resource's entries start with. */
export function resourcePrefix({ type, id }: ResourceRef): string {
  return `${BY_RESOURCE}${type}/${id}/`;
}

/** Key of the short document that tells the place of a resource's entry. */
export function resourceKey(ref: ResourceRef, place: string): string {
  return `${resourcePrefix(ref)}${place.slice(DIGITS + 1)}`;
}
