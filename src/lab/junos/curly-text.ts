import { type ConfigNode, editPath, shownWords } from "./config-node.ts";
import { type PathStep, pathWords, putPath, readPaths, removePath } from "./config-path.ts";
import { type Token, tokenize } from "./config-words.ts";
import { type RpcErrorFields, syntaxError } from "./rpc-failure.ts";
import { type EditResult, statementNotFound } from "./set-lines.ts";
import { type Statement, substatement } from "./statement.ts";

/** A node as text shows it: `family` and the like are no level of their own but words before their children. */
export interface ShownNode {
  readonly node: ConfigNode;
  /** Words before the node's own: those of joined containers. */
  readonly joined: readonly ConfigNode[];
}

/** The children that text shows below a node. */
export function shownChildren(node: ConfigNode, joined: readonly ConfigNode[] = []): ShownNode[] {
  return node.children.flatMap((child) =>
    child.statement.join && child.children.length > 0 && !child.inactive
      ? shownChildren(child, [...joined, child])
      : [{ node: child, joined }],
  );
}

export const wordsOf = (shown: ShownNode): string[] => [...shown.joined.flatMap(shownWords), ...shownWords(shown.node)];

const isInactive = (shown: ShownNode): string => (shown.node.inactive ? "inactive: " : "");

/** The one-line form of a statement, without its semicolon; undefined when it takes a block. */
function inline(shown: ShownNode): string | undefined {
  const words = wordsOf(shown).join(" ");
  const { statement, children } = shown.node;
  if (statement.kind === "leaf" || statement.kind === "leaf-list" || children.length === 0) return words;
  const parts = shownChildren(shown.node);
  const short = statement.line || ((statement.collapse || statement.kind === "word") && parts.length === 1);
  if (!short || parts.some((part) => part.node.inactive)) return undefined;
  const texts = parts.map(inline);
  return texts.includes(undefined) ? undefined : [words, ...texts].join(" ");
}

/** The lines of a statement and all below it, indented by four spaces per level. */
export function renderStatement(shown: ShownNode, indent = ""): string[] {
  const text = inline(shown);
  if (text !== undefined) {
    return [`${indent}${isInactive(shown)}${text};${shown.node.statement.secret ? " ## SECRET-DATA" : ""}`];
  }
  return [
    `${indent}${isInactive(shown)}${wordsOf(shown).join(" ")} {`,
    ...renderChildren(shown.node, `${indent}    `),
    `${indent}}`,
  ];
}

/** Writes what a node contains as Junos shows a configuration: braces, lists of values in brackets. */
export function renderChildren(node: ConfigNode, indent = ""): string[] {
  const lines: string[] = [];
  const done = new Set<string>();
  for (const shown of shownChildren(node)) {
    const { name, statement } = shown.node;
    if (statement.block) {
      if (done.has(name)) continue;
      done.add(name);
      const entries = node.children.filter((child) => child.name === name);
      lines.push(`${indent}${name} {`, ...entries.flatMap((entry) => blockEntry(entry, `${indent}    `)), `${indent}}`);
    } else if (statement.kind !== "leaf-list") {
      lines.push(...renderStatement(shown, indent));
    } else if (!done.has(name)) {
      done.add(name);
      const values = node.children.filter((child) => child.name === name).map((child) => shownWords(child).at(-1));
      const value = values.length === 1 ? values[0] : `[ ${values.join(" ")} ]`;
      lines.push(`${indent}${statement.keyword ?? name} ${value};`);
    }
  }
  return lines;
}

/** An entry of a list whose keyword stands before the block of all entries. */
function blockEntry(entry: ConfigNode, indent: string): string[] {
  const keyed: Statement = { kind: "list", keyword: "" };
  return renderStatement({ node: { ...entry, statement: keyed }, joined: [] }, indent);
}

/**
 * Merges configuration text in braces. The tags `replace:`, `delete:` and `inactive:` before a statement are understood.
 * @throws RpcFailure with line and token of what cannot be read
 */
export function applyText(root: ConfigNode, text: string): EditResult {
  const tokens = tokenize(text);
  const warnings: RpcErrorFields[] = [];
  let tree = root;
  let index = 0;
  /** @param keyword the list whose entries the block holds, when they are written without it */
  const block = (path: readonly PathStep[], depth: number, keyword?: Token) => {
    while (index < tokens.length) {
      const first = tokens[index];
      if (isMark(first, "}")) {
        if (depth === 0) throw syntaxError("}", "[edit]", first?.line);
        index++;
        return;
      }
      const tags = new Set<string>();
      for (let tag = tokens[index]; tag && !tag.quoted && TAGS.has(tag.text); tag = tokens[++index]) tags.add(tag.text);
      const start = index;
      while (index < tokens.length && !["{", "}", ";"].some((mark) => isMark(tokens[index], mark))) index++;
      const words = tokens.slice(start, index);
      const end = tokens[index];
      const where = editPath(pathWords(path));
      if (!end || words.length === 0 || isMark(end, "}")) {
        const bad = end ?? tokens.at(-1);
        throw syntaxError(end ? end.text : "unexpected end of text", where, bad?.line);
      }
      index++;
      const parent = path.at(-1)?.statement ?? root.statement;
      const deleting = tags.has("delete:");
      const [only, second] = words;
      if (isMark(end, "{") && only && !second && !keyword && isBlockList(parent, only.text)) {
        block(path, depth + 1, only);
        continue;
      }
      const whole = keyword ? [keyword, ...words] : words;
      const paths = readPaths(parent, whole, where, !deleting).map((each) => [...path, ...each]);
      for (const each of paths) {
        if (deleting || tags.has("replace:")) {
          const without = removePath(tree, each);
          if (without) tree = without;
          else if (deleting) warnings.push(statementNotFound(where));
        }
        if (!deleting) {
          tree = putPath(tree, each, tags.has("inactive:") ? (node) => ({ ...node, inactive: true }) : undefined);
        }
      }
      if (isMark(end, "{")) {
        const [entry] = paths;
        const last = entry?.at(-1);
        if (!entry || !last || paths.length > 1 || last.statement.kind.startsWith("leaf")) {
          throw syntaxError("{", where, end.line);
        }
        block(entry, depth + 1);
      }
    }
    if (depth > 0) throw syntaxError("unexpected end of text", editPath(pathWords(path)), tokens.at(-1)?.line);
  };
  block([], 0);
  return { tree, warnings };
}

function isBlockList(parent: Statement, text: string): boolean {
  const found = substatement(parent, text);
  return found?.statement.kind === "list" && found.statement.keyword !== "" && found.name === text;
}

const TAGS = new Set(["replace:", "delete:", "inactive:", "active:", "protect:"]);

const isMark = (token: Token | undefined, mark: string): boolean =>
  token !== undefined && !token.quoted && token.text === mark;
