import type { XmlElement } from "../../xml/element.ts";
import {
  type ConfigNode,
  childNodes,
  editPath,
  newNode,
  shownWords,
  vanishes,
  withChild,
  withoutChildren,
} from "./config-node.ts";
import { acceptValue } from "./config-path.ts";
import { type RpcErrorFields, RpcFailure, rpcFailure, syntaxError } from "./rpc-failure.ts";
import { type EditResult, moveEntry, statementNotFound } from "./set-lines.ts";
import { type Statement, substatementByXmlName, word } from "./statement.ts";

/** What to do with an element that has no operation of its own (RFC 6241 section 7.2). */
export type DefaultOperation = "merge" | "replace" | "none";
type Operation = DefaultOperation | "create" | "delete" | "remove";

const OPERATIONS = new Set<string>(["merge", "replace", "create", "delete", "remove"]);

interface EditContext {
  readonly warnings: RpcErrorFields[];
}

/** An edit that failed after some sections had been loaded; `partial` holds what was. */
export class EditFailure extends RpcFailure {
  readonly partial: ConfigNode;
  constructor(failure: RpcFailure, partial: ConfigNode) {
    super(failure.errors);
    this.partial = partial;
  }
}

/**
 * Applies a `<configuration>` element to a tree: merge, replace, create, delete and remove by the `operation` attribute,
 * and Junos' own `delete`, `replace`, `inactive`, `active` and `insert="before" key="[name='x']"`.
 * A delete of what is not there is a warning, as Junos makes it.
 * @throws EditFailure at the first element that cannot be applied
 */
export function applyXml(root: ConfigNode, config: XmlElement, operation: DefaultOperation = "merge"): EditResult {
  const context: EditContext = { warnings: [] };
  let tree = operation === "replace" ? { ...root, children: [] } : root;
  for (const section of config.children) {
    try {
      tree = applyElement(tree, section, operation, [], context);
    } catch (error) {
      if (error instanceof RpcFailure) throw new EditFailure(error, tree);
      throw error;
    }
  }
  return { tree, warnings: context.warnings };
}

function applyElement(
  parent: ConfigNode,
  xml: XmlElement,
  inherited: Operation,
  above: readonly string[],
  context: EditContext,
): ConfigNode {
  const path = editPath(above);
  const statement = substatementByXmlName(parent.statement, xml.name);
  if (!statement) throw syntaxError(xml.name, path);
  const operation = operationOf(xml, inherited, path);
  const { value, content } = readElement(statement, xml, path);
  const matches = childNodes(parent, xml.name).filter(
    (child) => value === undefined || statement.kind === "leaf" || child.value === value,
  );
  const [existing] = matches;
  const wanted = newNode(xml.name, statement, value ?? "");
  const words = [...above, ...shownWords(wanted)];
  if (operation === "delete" || operation === "remove") {
    if (statement.kind === "word" && content.length > 0) return deleteOpaque(parent, xml, words, context);
    if (!existing && operation === "delete") context.warnings.push(statementNotFound(path));
    return withoutChildren(parent, (child) => matches.includes(child));
  }
  if (value === undefined && statement.kind !== "container" && statement.kind !== "flag" && statement.kind !== "word") {
    if (onlyDeletes(xml)) {
      context.warnings.push(statementNotFound(path));
      return parent;
    }
    throw rpcFailure("missing-element", `missing argument for '${xml.name}'`, { path, badElement: xml.name });
  }
  if (operation === "create" && existing) {
    throw rpcFailure("data-exists", `statement already exists: ${words.slice(above.length).join(" ")}`, {
      path,
      badElement: xml.name,
    });
  }
  if (!existing && operation === "none" && !content.some((each) => contains(each))) {
    throw rpcFailure("data-missing", "statement not found", { path, badElement: xml.name });
  }
  if (!existing && content.length > 0 && onlyDeletes(xml)) {
    if (contains(xml, "delete")) context.warnings.push(statementNotFound(path));
    return parent;
  }
  let node = existing === undefined || operation === "replace" ? { ...wanted } : existing;
  if (statement.kind === "leaf" && node.value !== value && operation !== "none") node = { ...node, value: value ?? "" };
  const nextOperation = operation === "create" || operation === "replace" ? "merge" : operation;
  for (const each of content) node = applyElement(node, each, nextOperation, words, context);
  if (xml.attributes.inactive === "inactive") node = { ...node, inactive: true };
  if (xml.attributes.active === "active") node = { ...node, inactive: false };
  if (vanishes(node)) return withoutChildren(parent, (child) => child === existing);
  return place(withChild(parent, node), node, xml, path);
}

/** The value of an element, if it has one, and the elements that stand for substatements. */
function readElement(
  statement: Statement,
  xml: XmlElement,
  path: string,
): { value: string | undefined; content: readonly XmlElement[] } {
  switch (statement.kind) {
    case "container":
      if (xml.text !== "") throw syntaxError(xml.text, path);
      return { value: "", content: xml.children };
    case "flag":
      if (xml.children.length > 0 || xml.text !== "") throw syntaxError(xml.text || xml.name, path);
      return { value: "", content: [] };
    case "word":
      return { value: "", content: opaqueContent(xml) };
    case "leaf":
    case "leaf-list": {
      const text = leafText(xml, path);
      return { value: text === "" ? undefined : acceptValue(statement, text, path), content: [] };
    }
    case "list": {
      const key = xml.children.find((each) => each.name === statement.key) ?? xml.children.find(isName);
      const text = key?.text ?? xml.text;
      return {
        value: text === "" ? undefined : acceptValue(statement, text, path),
        content: xml.children.filter((each) => each !== key),
      };
    }
  }
}

const isName = (xml: XmlElement): boolean => xml.name === "name";

/** The value of a leaf; some leaves wrap it in an element, and choices are written as an empty element. */
function leafText(xml: XmlElement, path: string): string {
  const [only, second] = xml.children;
  if (second) throw syntaxError(second.name, path);
  if (!only) return xml.text;
  return only.text !== "" ? only.text : only.name;
}

/** The parts of an element that the schema does not know, as elements named by their word. */
function opaqueContent(xml: XmlElement): readonly XmlElement[] {
  const bare = (name: string, children: readonly XmlElement[] = []): XmlElement => ({
    name,
    namespace: xml.namespace,
    attributes: {},
    children,
    text: "",
  });
  const [first, ...others] = xml.children;
  if (!first) return xml.text === "" ? [] : [bare(xml.text)];
  if (first.name !== "name" || first.text === "") return xml.children;
  return [bare(first.text, others)];
}

/** Deletes the statement that an unknown element names: the word at the end of its key, and what is left empty. */
function deleteOpaque(parent: ConfigNode, xml: XmlElement, words: readonly string[], context: EditContext): ConfigNode {
  const [key] = opaqueContent(xml);
  const existing = parent.children.find((child) => child.name === xml.name);
  const target = existing?.children.find((child) => child.name === key?.name);
  if (!existing || !target) {
    context.warnings.push(statementNotFound(editPath(words)));
    return parent;
  }
  const rest = withoutChildren(existing, (child) => child === target);
  return rest.children.length === 0
    ? withoutChildren(parent, (child) => child === existing)
    : withChild(parent, { ...rest, statement: word });
}

/** Does the element, or one below it, have an operation of its own (this one)? */
function contains(xml: XmlElement, operation?: string): boolean {
  const own = ownOperation(xml);
  const here = operation === undefined ? own !== undefined : own === operation;
  return here || xml.children.some((each) => contains(each, operation));
}

/** Is there nothing in this element but deletes, so that it must not make what it leads through? */
function onlyDeletes(xml: XmlElement): boolean {
  const operation = ownOperation(xml);
  if (operation !== undefined) return operation === "delete" || operation === "remove";
  const parts = xml.children.filter(
    (each) => each.children.length > 0 || ownOperation(each) !== undefined || each.text === "",
  );
  const plain = xml.children.filter((each) => !parts.includes(each));
  return (
    parts.length > 0 &&
    plain.every((each) => /^(name|address|service-set-name)$/.test(each.name)) &&
    parts.every(onlyDeletes)
  );
}

function ownOperation(xml: XmlElement): string | undefined {
  for (const [name, value] of Object.entries(xml.attributes)) {
    if (name.slice(name.indexOf(":") + 1) === "operation") return value;
  }
  if (xml.attributes.delete === "delete") return "delete";
  if (xml.attributes.replace === "replace") return "replace";
  return undefined;
}

function operationOf(xml: XmlElement, inherited: Operation, path: string): Operation {
  const own = ownOperation(xml);
  if (own === undefined) return inherited;
  if (!OPERATIONS.has(own)) {
    throw rpcFailure("bad-attribute", `invalid operation '${own}'`, { type: "protocol", path, badElement: xml.name });
  }
  return own as Operation;
}

/** Follows the `insert` attribute of an entry; "first" and "last" are understood too. */
function place(parent: ConfigNode, node: ConfigNode, xml: XmlElement, path: string): ConfigNode {
  const insert = xml.attributes.insert;
  if (insert === undefined) return parent;
  const siblings = parent.children.filter((child) => child.name === node.name && child.value !== node.value);
  const key = xml.attributes.key ?? xml.attributes.name ?? "";
  const quoted = /^\s*\[?\s*[\w-]+\s*=\s*(['"])(.*)\1\s*\]?\s*$/.exec(key);
  const anchor =
    insert === "first" ? siblings[0]?.value : insert === "last" ? siblings.at(-1)?.value : (quoted?.[2] ?? key);
  if (anchor === undefined) return parent;
  const where = insert === "before" || insert === "first" ? "before" : "after";
  try {
    return moveEntry(parent, [{ name: node.name, value: node.value }], where, anchor);
  } catch {
    throw rpcFailure("data-missing", `statement '${anchor}' not found`, { path, badElement: xml.name });
  }
}
