import { type ConfigNode, editPath, shownWords } from "./config-node.ts";
import { pathWords, putPath, readPaths, removePath } from "./config-path.ts";
import { type Token, tokenize } from "./config-words.ts";
import { type RpcErrorFields, RpcFailure, syntaxError } from "./rpc-failure.ts";

/** Writes a tree as `display set` shows it, without a line feed at the end. */
export function renderSet(root: ConfigNode, prefix: readonly string[] = []): string[] {
  const lines: string[] = [];
  const walk = (node: ConfigNode, above: readonly string[]) => {
    const words = [...above, ...shownWords(node)];
    const { kind } = node.statement;
    if (kind === "leaf" || kind === "leaf-list" || node.children.length === 0) lines.push(`set ${words.join(" ")}`);
    for (const child of node.children) walk(child, words);
    if (node.inactive) lines.push(`deactivate ${words.join(" ")}`);
  };
  for (const child of root.children) walk(child, prefix);
  return lines;
}

/** What an edit left behind: the new tree and what was remarkable. */
export interface EditResult {
  readonly tree: ConfigNode;
  readonly warnings: readonly RpcErrorFields[];
}

export const statementNotFound = (path: string): RpcErrorFields => ({
  tag: "data-missing",
  severity: "warning",
  message: "statement not found",
  path,
});

/**
 * Applies lines of `set`, `delete`, `activate`, `deactivate` and `insert`; empty lines and comments are passed over.
 * @throws RpcFailure with the number of the line that cannot be read
 */
export function applySet(root: ConfigNode, text: string): EditResult {
  const warnings: RpcErrorFields[] = [];
  let tree = root;
  for (const [index, line] of text.split("\n").entries()) {
    const [verb, ...words] = tokenize(line, index + 1);
    if (!verb) continue;
    tree = applyLine(tree, verb, words, warnings);
  }
  return { tree, warnings };
}

function applyLine(tree: ConfigNode, verb: Token, words: Token[], warnings: RpcErrorFields[]): ConfigNode {
  const where = "[edit]";
  const brace = words.find((token) => !token.quoted && /^[{};]$/u.test(token.text));
  if (brace) throw syntaxError(brace.text, where, brace.line);
  if (words.length === 0) throw syntaxError(verb.text, where, verb.line);
  switch (verb.text) {
    case "set":
      return readPaths(tree.statement, words, where).reduce((at, path) => putPath(at, path), tree);
    case "activate":
    case "deactivate": {
      const inactive = verb.text === "deactivate";
      return readPaths(tree.statement, words, where, false).reduce(
        (at, path) => putPath(at, path, (node) => ({ ...node, inactive })),
        tree,
      );
    }
    case "delete": {
      let at = tree;
      for (const path of readPaths(tree.statement, words, where, false)) {
        const without = removePath(at, path);
        if (without) at = without;
        else warnings.push(statementNotFound(editPath(pathWords(path.slice(0, -1)))));
      }
      return at;
    }
    case "insert": {
      const split = words.findLastIndex((token) => token.text === "before" || token.text === "after");
      const [path] = readPaths(tree.statement, words.slice(0, split), where);
      const [place, , anchor] = words.slice(split);
      if (split < 1 || !path || !place || !anchor) throw syntaxError(verb.text, where, verb.line);
      return moveEntry(
        tree,
        path.map((each) => ({ name: each.name, value: each.value ?? "" })),
        place.text,
        anchor.text,
      );
    }
    default:
      throw syntaxError(verb.text, where, verb.line);
  }
}

/** Moves the list entry at the end of the path before or after the entry with key `anchor` of the same list. */
export function moveEntry(
  node: ConfigNode,
  path: ReadonlyArray<{ name: string; value: string }>,
  place: string,
  anchor: string,
): ConfigNode {
  const [first, ...rest] = path;
  const at = node.children.findIndex((child) => child.name === first?.name && child.value === first.value);
  const entry = node.children[at];
  if (!first || !entry) throw new RpcFailure([{ tag: "data-missing", message: "statement not found" }]);
  if (rest.length > 0) return { ...node, children: node.children.with(at, moveEntry(entry, rest, place, anchor)) };
  const others = node.children.toSpliced(at, 1);
  const target = others.findIndex((child) => child.name === first.name && child.value === anchor);
  if (target < 0) {
    throw new RpcFailure([{ tag: "data-missing", message: `statement '${first.name} ${anchor}' not found` }]);
  }
  return { ...node, children: others.toSpliced(place === "before" ? target : target + 1, 0, entry) };
}
