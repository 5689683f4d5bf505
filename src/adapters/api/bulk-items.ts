import { setImmediate as othersFirst } from "node:timers/promises";
import type { Json } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { locateJsonError } from "./locate-json-error.ts";
import { endOfString, endOfValue } from "./measure-json.ts";
import { invalidPart, type JsonPart, parseJson, textOf, unexpected } from "./parse-json.ts";

/** Most resources of one request. */
export const BULK_MOST = 1000;
/** So much is parsed in one go, bytes; what else there is to do comes between. */
const IN_ONE_GO = 64 * 1024;

const SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
/** The bytes that a value may begin with, and those between values: what else stands somewhere is no JSON. */
const OF_JSON: ReadonlySet<number> = new Set(Buffer.from('{}[]",:-0123456789tfn'));
const code = (character: string) => character.charCodeAt(0);

/**
 * Reads the items of `{"<collection>": [{...}, ...]}`. A body that is larger than one resource may be is taken apart first and its items are
 * parsed one by one, so that no body keeps the process from anything else for longer than one resource does.
 * @param itemBytes the most that one resource may have
 * @throws SB_INVALID_JSON, also for an empty body; SB_INVALID_BODY unless it is that, with at most 1,000 items; SB_BODY_TOO_LARGE naming the
 *   item that is; what `parseJson` throws
 */
export async function readBulkItems(bytes: Buffer, collection: string, itemBytes: number): Promise<readonly Json[]> {
  if (bytes.length <= itemBytes) return openBulk(bytes.length === 0 ? undefined : parseJson(bytes), collection);
  const items: Json[] = [];
  let parsed = 0;
  for (const { start, end } of partsOf(bytes, collection)) {
    const at = items.length;
    if (end - start > itemBytes) throw tooLarge(at, end - start, itemBytes);
    if (parsed > IN_ONE_GO) {
      await othersFirst();
      parsed = 0;
    }
    parsed += end - start;
    items.push(parseJson(bytes.subarray(start, end), partAt(bytes, collection, at, start)));
  }
  return items;
}

/**
 * The items of a body that is parsed.
 * @throws SB_INVALID_JSON without a body, SB_INVALID_BODY
 */
export function openBulk(body: Json | undefined, collection: string): readonly Json[] {
  if (body === undefined) {
    throw new SignalboxError("SB_INVALID_JSON", `The request has no body; it must be ${exampleOf(collection)}.`);
  }
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  const members = isObject ? Object.keys(body) : [];
  const items = isObject ? (body as Readonly<Record<string, Json>>)[collection] : undefined;
  if (members.length !== 1 || !Array.isArray(items)) throw otherForm(collection, members.includes(collection));
  if (items.length > BULK_MOST) throw tooMany(collection, String(items.length));
  return items as readonly Json[];
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** The places of the items. */
function partsOf(bytes: Buffer, collection: string): Range[] {
  let at = bytes.subarray(0, 3).equals(Buffer.from("\ufeff")) ? 3 : 0;
  const skipSpace = () => {
    while (SPACE.has(bytes[at] ?? 0)) at += 1;
  };
  /** Goes on behind a character that must stand here. */
  const pass = (character: string, named: boolean) => {
    skipSpace();
    if (bytes[at] !== code(character)) throw refusal(bytes, at, `"${character}"`, collection, named);
    at += 1;
  };
  // Before anything is said of a place in it.
  textOf(bytes);
  pass("{", false);
  skipSpace();
  const nameEnd = endOfString(bytes, at);
  const isNamed = bytes.toString("utf8", at, nameEnd + 1) === JSON.stringify(collection);
  if (!isNamed) throw refusal(bytes, at, `"${collection}"`, collection, false);
  at = nameEnd + 1;
  pass(":", true);
  pass("[", true);
  const ranges: Range[] = [];
  skipSpace();
  while (ranges.length > 0 || bytes[at] !== code("]")) {
    const end = endOfValue(bytes, at);
    if (end === bytes.length) throw unfinished(bytes, partAt(bytes, collection, ranges.length, at));
    let last = end;
    while (last > at && SPACE.has(bytes[last - 1] ?? 0)) last -= 1;
    ranges.push({ start: at, end: last });
    if (ranges.length > BULK_MOST) throw tooMany(collection, `more than ${BULK_MOST}`);
    at = end;
    if (bytes[at] !== code(",")) break;
    at += 1;
    skipSpace();
  }
  pass("]", true);
  pass("}", true);
  skipSpace();
  if (at < bytes.length) throw refusal(bytes, at, "the end", collection, true);
  return ranges;
}

function partAt(whole: Buffer, collection: string, at: number, start: number): JsonPart {
  return { pointer: `/${collection}/${at}`, depth: 2, whole, start, next: '"," or "]"' };
}

/** An item that goes on to the end of the body: the mistake is in its beginning, or the body was cut off. */
function unfinished(bytes: Buffer, part: JsonPart): SignalboxError {
  const beginning = bytes.subarray(part.start, part.start + IN_ONE_GO).toString("utf8");
  const isLonger = part.start + IN_ONE_GO < bytes.length;
  const place = locateJsonError(beginning);
  const isInside = place !== undefined && place.found !== "the end" && place.expected !== "a well-formed string";
  if (!isLonger || isInside) return invalidPart(beginning, part);
  const text = textOf(bytes);
  return unexpected(text, text.length, part.next);
}

function refusal(bytes: Buffer, at: number, expected: string, collection: string, named: boolean): SignalboxError {
  const byte = bytes[at];
  if (byte !== undefined && OF_JSON.has(byte)) return otherForm(collection, named);
  return unexpected(textOf(bytes), textOf(bytes.subarray(0, at)).length, expected);
}

function otherForm(collection: string, named: boolean): SignalboxError {
  const example = exampleOf(collection);
  const detail = named ? "must be a list, and the only member" : `must be ${example}`;
  return new SignalboxError("SB_INVALID_BODY", `The body must be ${example} and nothing else.`, {
    fields: [{ pointer: named ? `/${collection}` : "", detail }],
  });
}

function tooMany(collection: string, count: string): SignalboxError {
  return new SignalboxError("SB_INVALID_BODY", `There are ${count} resources; at most ${BULK_MOST} are taken.`, {
    fields: [{ pointer: `/${collection}`, detail: `must have at most ${BULK_MOST} items` }],
    advice: "Send them in several requests.",
  });
}

function tooLarge(at: number, bytes: number, most: number): SignalboxError {
  return new SignalboxError("SB_BODY_TOO_LARGE", `Item ${at} has ${bytes} bytes, over the limit of ${most} for each.`, {
    advice: "Send less in this item; nothing was created.",
  });
}

function exampleOf(collection: string): string {
  return `{"${collection}": [{...}, ...]}`;
}
