/** What stands for a character that cannot be read (Unicode section 23.8). */
export const REPLACEMENT = "\uFFFD";

/** A code point outside `Char` of XML 1.0 section 2.2; lone surrogates are among them. */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;
const REFERENCE = /&#(?:x([0-9a-fA-F]+)|([0-9]+));/g;
/** Where something begins that holds no markup and no references, and what it ends with. */
const VERBATIM = /<!\[CDATA\[|<!--|<\?/g;
const ENDS: Readonly<Record<string, string>> = { "<![CDATA[": "]]>", "<!--": "-->", "<?": "?>" };

/**
 * The text with every character that XML 1.0 does not allow replaced by U+FFFD, written as itself or as a character reference.
 * What allowed text says stays as it is: in CDATA sections and comments `&#1;` is no reference.
 */
export function replaceForbidden(text: string): string {
  const plain = text.replace(FORBIDDEN, REPLACEMENT);
  if (!plain.includes("&#")) return plain;
  return mapMarkup(plain, (part) =>
    part.replace(REFERENCE, (reference: string, hex: string | undefined, decimal: string | undefined) =>
      isAllowed(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)) ? reference : REPLACEMENT,
    ),
  );
}

/** Changes what stands outside of CDATA sections, comments and processing instructions; those stay as they are. */
export function mapMarkup(text: string, change: (part: string) => string): string {
  const parts: string[] = [];
  let from = 0;
  for (;;) {
    VERBATIM.lastIndex = from;
    const open = VERBATIM.exec(text);
    const stop = open === null ? -1 : text.indexOf(ENDS[open[0]] ?? "", open.index + open[0].length);
    // One that does not end is no such section, and there can be none behind it that does.
    if (open === null || stop < 0) break;
    const end = stop + (ENDS[open[0]] ?? "").length;
    parts.push(change(text.slice(from, open.index)), text.slice(open.index, end));
    from = end;
  }
  parts.push(change(text.slice(from)));
  return parts.join("");
}

function isAllowed(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  if (code >= 0xd800 && code <= 0xdfff) return false;
  return code !== 0xfffe && code !== 0xffff && code <= 0x10ffff;
}
