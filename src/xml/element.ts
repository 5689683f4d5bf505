import { type SaxesAttributeNS, SaxesParser } from "saxes";

/**
 * An XML element as plain data: what the catalogue renders, the NETCONF adapter sends and the lab stores.
 * Mixed content is not kept: an element has children or text, as NETCONF data has (RFC 6241 section 3).
 */
export interface XmlElement {
  /** Local name, without prefix. */
  readonly name: string;
  /** Namespace URI of the element, "" when it has none. */
  readonly namespace: string;
  /** Attributes by their name as written (prefix included); namespace declarations are left out. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Character data, trimmed; "" when the element has children. */
  readonly text: string;
}

/** The text is not well-formed XML. `line` and `column` count from 1. */
export class XmlSyntaxError extends Error {
  override readonly name = "XmlSyntaxError";
  readonly line: number;
  readonly column: number;
  constructor(message: string, line: number, column: number) {
    super(`${message} (line ${line}, column ${column})`);
    this.line = line;
    this.column = column;
  }
}

/** Builds an element; `content` is its text or its children. */
export function element(
  name: string,
  content: string | readonly XmlElement[] = "",
  attributes: Readonly<Record<string, string>> = {},
  namespace = "",
): XmlElement {
  return typeof content === "string"
    ? { name, namespace, attributes, children: [], text: content }
    : { name, namespace, attributes, children: content, text: "" };
}

interface OpenElement {
  name: string;
  namespace: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  text: string;
}

/**
 * Parses one XML document.
 * Document type declarations are refused: no NETCONF peer needs one, and entities are how a parser is attacked.
 * @throws XmlSyntaxError when the text is not well-formed, is empty or has a document type.
 */
export function parseXml(text: string): XmlElement {
  const parser = new SaxesParser({ xmlns: true, position: true });
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  parser.on("error", (error) => {
    throw new XmlSyntaxError(error.message.replace(/^\d+:\d+: /, ""), parser.line, parser.column + 1);
  });
  parser.on("doctype", () => {
    throw new XmlSyntaxError("a document type declaration is not allowed", parser.line, parser.column + 1);
  });
  parser.on("opentag", (tag) => {
    const attributes: Record<string, string> = {};
    for (const attribute of Object.values(tag.attributes) as SaxesAttributeNS[]) {
      if (attribute.prefix !== "xmlns" && attribute.name !== "xmlns") attributes[attribute.name] = attribute.value;
    }
    open.push({ name: tag.local, namespace: tag.uri, attributes, children: [], text: "" });
  });
  const addText = (chunk: string) => {
    const top = open.at(-1);
    if (top) top.text += chunk;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("closetag", () => {
    const done = open.pop();
    if (!done) return;
    const finished: XmlElement = { ...done, text: done.children.length > 0 ? "" : done.text.trim() };
    const parent = open.at(-1);
    if (parent) parent.children.push(finished);
    else root = finished;
  });
  parser.write(text).close();
  if (!root) throw new XmlSyntaxError("no element found", 1, 1);
  return root;
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;" };
const escapeXml = (text: string): string => text.replace(/[&<>"\r]/g, (character) => ESCAPES[character] ?? character);

/**
 * Writes an element as XML text without added white space.
 * A namespace is declared where it differs from the parent's.
 * @param inherited the default namespace that is in force where the text will stand
 */
export function serializeXml(node: XmlElement, inherited = ""): string {
  const declaration = node.namespace !== inherited ? ` xmlns="${escapeXml(node.namespace)}"` : "";
  const attributes = Object.entries(node.attributes)
    .map(([name, value]) => ` ${name}="${escapeXml(value)}"`)
    .join("");
  const content =
    node.children.length > 0
      ? node.children.map((child) => serializeXml(child, node.namespace)).join("")
      : escapeXml(node.text);
  return content === ""
    ? `<${node.name}${declaration}${attributes}/>`
    : `<${node.name}${declaration}${attributes}>${content}</${node.name}>`;
}

/** The first child of that local name. */
export function child(node: XmlElement, name: string): XmlElement | undefined {
  return node.children.find((candidate) => candidate.name === name);
}

/** All children of that local name. */
export function childrenNamed(node: XmlElement, name: string): XmlElement[] {
  return node.children.filter((candidate) => candidate.name === name);
}

/** The text of the first child of that name, or undefined when there is none. */
export function childText(node: XmlElement, name: string): string | undefined {
  return child(node, name)?.text;
}

/** Depth-first search for the first element of that local name, `node` included. */
export function findElement(node: XmlElement, name: string): XmlElement | undefined {
  if (node.name === name) return node;
  for (const candidate of node.children) {
    const found = findElement(candidate, name);
    if (found) return found;
  }
  return undefined;
}
