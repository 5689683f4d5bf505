/** What is known of a JSON text without parsing it. */
export interface JsonMeasures {
  /** Members of all its objects, those that an object has twice counted twice. */
  readonly members: number;
  /** How deeply objects and lists are nested, 0 for a scalar. */
  readonly depth: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
/** Texts longer than this are searched for their end, shorter ones are walked through: a search costs as much as so many steps. */
const WALKED = 32;

/**
 * Counts members and levels, byte by byte: in UTF-8 none of the characters that matter is a part of another one. Of a text that is not JSON
 * the figures mean nothing.
 * @param bytes JSON in UTF-8
 */
export function measureJson(bytes: Buffer): JsonMeasures {
  let members = 0;
  let depth = 0;
  let open = 0;
  const { length } = bytes;
  for (let at = 0; at < length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === COLON) members += 1;
    else if (byte === OBJECT || byte === LIST) {
      open += 1;
      if (open > depth) depth = open;
    } else if (byte === OBJECT_END || byte === LIST_END) open -= 1;
  }
  return { members, depth };
}

/**
 * The place after a value: where the comma or the bracket stands that follows it. A value that is not JSON may end anywhere.
 * @param from where the value may begin
 * @returns the length of the bytes when nothing follows
 */
export function endOfValue(bytes: Buffer, from: number): number {
  let open = 0;
  const { length } = bytes;
  for (let at = from; at < length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte !== undefined && OPENING.has(byte)) open += 1;
    else if (byte === OBJECT_END || byte === LIST_END) {
      if (open === 0) return at;
      open -= 1;
    } else if (byte === 0x2c && open === 0) return at;
  }
  return length;
}

/** The place of the quote that ends a string; the length of the bytes when none does. */
export function endOfString(bytes: Buffer, from: number): number {
  const { length } = bytes;
  let at = from + 1;
  for (;;) {
    for (const stop = at + WALKED; at < stop; at += 1) {
      const byte = bytes[at];
      if (byte === QUOTE || at >= length) return Math.min(at, length);
      if (byte === BACKSLASH) at += 1;
    }
    const quote = bytes.indexOf(QUOTE, at);
    if (quote === -1) return length;
    let backslashes = 0;
    while (quote - backslashes > at && bytes[quote - backslashes - 1] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
    at = quote + 1;
  }
}
