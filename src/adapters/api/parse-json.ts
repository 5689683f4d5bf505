import { isAscii, isUtf8 } from "node:buffer";
import type { Json } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { escapePointer } from "./envelope.ts";
import { findDuplicateMember } from "./find-duplicate-member.ts";
import { END, locateJsonError, placeIn } from "./locate-json-error.ts";
import { measureJson } from "./measure-json.ts";

/** Nesting that no resource needs; deeper bodies would only serve to exhaust the stack of whoever walks them. */
const DEEPEST = 32;

const BYTE_ORDER_MARK = "\ufeff";

/** Where a part of a body stands in the whole of it. */
export interface JsonPart {
  /** JSON pointer to it. */
  readonly pointer: string;
  /** Levels around it. */
  readonly depth: number;
  readonly whole: Buffer;
  /** Where it begins in the whole, bytes. */
  readonly start: number;
  /** What may follow it. */
  readonly next: string;
}

/**
 * JSON.parse with the place of a mistake in the message, and with limits. It takes about half as long again as JSON.parse does: whether a
 * member is there twice is seen from their number alone, and only who has one is searched for it.
 * @param bytes JSON in UTF-8
 * @param part what the bytes are of a larger body; all of it when not given
 * @throws SB_INVALID_JSON with line and column, SB_INVALID_BODY for nesting deeper than 32, for members called `__proto__` and for members
 *   that an object has twice
 */
export function parseJson(bytes: Buffer, part?: JsonPart): Json {
  const text = textOf(bytes);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw part === undefined ? invalidJson(text, cause) : invalidPart(text, part, cause);
  }
  const { pointer: around, depth: levels } = part ?? { pointer: "", depth: 0 };
  const { members, depth } = measureJson(bytes);
  const { members: kept, hasForbidden } = countMembers(value);
  if (depth + levels > DEEPEST || hasForbidden) refuseShape(value, around, levels);
  const twice = members === kept ? undefined : findDuplicateMember(bytes);
  if (twice !== undefined) {
    const pointer = `${around}${twice}`;
    throw invalidAt(pointer, `The body has ${pointer} more than once.`, "is there more than once");
  }
  return value;
}

/** @throws SB_INVALID_JSON unless the bytes are UTF-8 */
export function textOf(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString("latin1");
  if (!isUtf8(bytes)) throw new SignalboxError("SB_INVALID_JSON", "The body is not UTF-8 text.");
  const text = bytes.toString("utf8");
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/** What is to be said of a text that is not JSON. */
function invalidJson(text: string, cause: unknown): SignalboxError {
  const place = locateJsonError(text);
  if (place === undefined) return new SignalboxError("SB_INVALID_JSON", "The body is not JSON.", { cause });
  return unexpected(text, place.offset, place.expected, cause);
}

/** The same of a part, with its place in the whole. */
export function invalidPart(text: string, { whole, start, next }: JsonPart, cause?: unknown): SignalboxError {
  const place = locateJsonError(text);
  const before = textOf(whole.subarray(0, start)).length;
  // What is all right by itself is followed by something that is not.
  const { offset, expected } = place ?? { offset: text.length, expected: next };
  return unexpected(textOf(whole), before + offset, expected === END ? next : expected, cause);
}

/** Something else than what was expected stands at an offset of the body. */
export function unexpected(text: string, offset: number, expected: string, cause?: unknown): SignalboxError {
  const { line, column, found } = placeIn(text, offset, expected);
  const message = `Line ${line}, column ${column} (position ${offset}): expected ${expected}, found ${found}.`;
  return new SignalboxError("SB_INVALID_JSON", message, { cause });
}

/** Counts what JSON.parse has kept. Copied by assignment, a member called `__proto__` would change the prototype of the copy. */
function countMembers(root: Json): { readonly members: number; readonly hasForbidden: boolean } {
  let members = 0;
  let hasForbidden = false;
  const open: unknown[] = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    // By index and without a call for each: lists may have millions of items.
    if (Array.isArray(next)) {
      for (let at = 0; at < next.length; at += 1) {
        const item: unknown = next[at];
        if (typeof item === "object" && item !== null) open.push(item);
      }
    } else if (typeof next === "object" && next !== null) {
      const object = next as Readonly<Record<string, unknown>>;
      const names = Object.keys(object);
      members += names.length;
      for (const name of names) {
        if (name === "__proto__") hasForbidden = true;
        const member = object[name];
        if (typeof member === "object" && member !== null) open.push(member);
      }
    }
  }
  return { members, hasForbidden };
}

/** Names what is nested too deeply or has a forbidden name. */
function refuseShape(root: Json, around: string, levels: number): void {
  const open: Array<{ value: Json | undefined; depth: number; pointer: string }> = [
    { value: root, depth: levels + 1, pointer: around },
  ];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth, pointer } = next;
    if (typeof value !== "object" || value === null) continue;
    if (depth > DEEPEST)
      throw invalidAt(pointer, `The body is nested deeper than ${DEEPEST} levels.`, "is nested too deeply");
    for (const [key, member] of Object.entries(value)) {
      const inner = `${pointer}/${escapePointer(key)}`;
      if (key === "__proto__") throw invalidAt(inner, 'No member may be called "__proto__".', "is no possible name");
      open.push({ value: member, depth: depth + 1, pointer: inner });
    }
  }
}

function invalidAt(pointer: string, message: string, detail: string): SignalboxError {
  return new SignalboxError("SB_INVALID_BODY", message, { fields: [{ pointer, detail }] });
}
