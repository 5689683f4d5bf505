/** The start tag of a message, read without parsing the rest. */
export interface RootTag {
  /** Local name. */
  readonly name: string;
  readonly messageId: string | undefined;
}

const START_TAG = /<(?:[\w.-]+:)?([\w.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*\/?>/y;
const MESSAGE_ID = /\smessage-id\s*=\s*(?:"([^"]*)"|'([^']*)')/;

/**
 * Finds the root element of a message behind declaration, comments and white space.
 * A message of comments only (Junos says good-bye with one) has none.
 */
export function rootTag(message: string): RootTag | undefined {
  START_TAG.lastIndex = rootStart(message);
  const match = START_TAG.exec(message);
  if (match?.[1] === undefined) return undefined;
  const id = MESSAGE_ID.exec(match[2] ?? "");
  return { name: match[1], messageId: id?.[1] ?? id?.[2] };
}

/** True when the message holds nothing but white space, declarations and comments. */
export function isEmptyMessage(message: string): boolean {
  return rootStart(message) >= message.length;
}

/** Where the message goes on behind white space, declarations and comments. */
function rootStart(message: string): number {
  let at = 0;
  for (;;) {
    at = skipWhite(message, at);
    const end = message.startsWith("<!--", at) ? "-->" : message.startsWith("<?", at) ? "?>" : undefined;
    const stop = end === undefined ? -1 : message.indexOf(end, at + 2);
    if (end === undefined || stop < 0) return at;
    at = stop + end.length;
  }
}

function skipWhite(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[\s\uFEFF]/.test(text.charAt(at))) at += 1;
  return at;
}
