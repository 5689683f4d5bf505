import { mapMarkup, replaceForbidden } from "../../xml/characters.ts";
import { parseXml, type XmlElement, XmlSyntaxError } from "../../xml/element.ts";

/** `&` that begins no reference that XML knows, `<` that begins no markup, `]]>` that ends nothing (XML 1.0 section 2.4). */
const STRAY_AMPERSAND = /&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)/g;
const STRAY_BRACKET = /<(?![\p{L}_:/!?\uFFFD])/gu;
const STRAY_END = /\]\]>/g;

/**
 * Reads a device's message as one XML document. Devices put text into replies that they do not look at, such as the comments
 * of old commits: characters that XML does not allow are read as U+FFFD, and a bare `&` or `<` in text as itself. What
 * stands before or behind the root element is left out.
 * @throws XmlSyntaxError when it cannot be read all the same, with what is wrong in the text as it came
 */
export function readReply(text: string): XmlElement {
  const allowed = replaceForbidden(text.trim());
  try {
    return parseXml(allowed);
  } catch (error) {
    if (!(error instanceof XmlSyntaxError)) throw error;
    try {
      return parseXml(withoutStrays(rootOnly(allowed)));
    } catch {
      throw error;
    }
  }
}

function withoutStrays(text: string): string {
  return mapMarkup(text, (part) =>
    part.replace(STRAY_AMPERSAND, "&amp;").replace(STRAY_BRACKET, "&lt;").replace(STRAY_END, "]]&gt;"),
  );
}

const ROOT = /<((?:[\w.-]+:)?(?:rpc-reply|hello|rpc-error))(?=[\s/>])/;

/** From the start tag of the first message element to its end tag, as far as they are there. */
function rootOnly(text: string): string {
  const start = ROOT.exec(text);
  if (start?.[1] === undefined) return text;
  const close = new RegExp(`</${start[1].replaceAll(".", "\\.")}\\s*>`, "g");
  close.lastIndex = start.index;
  const end = close.exec(text);
  return text.slice(start.index, end === null ? undefined : end.index + end[0].length);
}

/** The part of a text around the place that a syntax error names, for messages. */
export function around(text: string, { line, column }: XmlSyntaxError, width = 60): string {
  const lines = text.split("\n", line);
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const at = Math.min(text.length, before + column);
  return text.slice(Math.max(0, at - width), at + width / 2);
}
