import {
  type ConfigNode,
  childNodes,
  newNode,
  shownWords,
  vanishes,
  withChild,
  withoutChildren,
} from "./config-node.ts";
import type { Token } from "./config-words.ts";
import { rpcFailure, syntaxError } from "./rpc-failure.ts";
import { unscramble } from "./secret-scramble.ts";
import { isBranch, type Statement, substatement } from "./statement.ts";

/** One level of a path into the tree. Without a value, all entries of the name are meant (deletes only). */
export interface PathStep {
  readonly name: string;
  readonly statement: Statement;
  readonly value: string | undefined;
}

/** The value as it is kept: plain, and within what the statement allows. */
export function acceptValue(statement: Statement, value: string, path: string): string {
  if (statement.secret) return unscramble(value);
  const { range } = statement;
  const wildcard = value.startsWith("<");
  if (range && !wildcard && !(/^[0-9]+$/.test(value) && Number(value) >= range[0] && Number(value) <= range[1])) {
    throw rpcFailure("invalid-value", `invalid value '${value}', must be in the range ${range[0]}..${range[1]}`, {
      path,
      badElement: value,
    });
  }
  return value;
}

/**
 * Reads the words of one statement below `parent`: usually one path, several for `[ a b ]` and for statements that
 * hold more than one value on a line.
 * @param complete false when values may be missing, as in `delete ... description`
 * @throws RpcFailure naming the word that cannot be read
 */
export function readPaths(parent: Statement, tokens: readonly Token[], where: string, complete = true): PathStep[][] {
  const paths: PathStep[][] = [];
  let path: PathStep[] = [];
  let at: Statement | undefined = parent;
  /** Length of the path at the innermost container that holds several values on one line. */
  let lineLength = -1;
  let open = true;
  let index = 0;
  const fail = (token: Token | undefined): never => {
    const last = token ?? tokens.at(-1);
    throw syntaxError(token?.text ?? `missing argument after '${last?.text ?? ""}'`, where, last?.line);
  };
  /** One value, or those in brackets; undefined when there is none. */
  const values = (): string[] | undefined => {
    const token = tokens[index];
    if (!token) return undefined;
    index++;
    if (token.quoted || token.text !== "[") return [token.text];
    const found: string[] = [];
    for (let item = tokens[index++]; item && (item.quoted || item.text !== "]"); item = tokens[index++]) {
      found.push(item.text);
    }
    return found;
  };
  while (index < tokens.length) {
    const token: Token | undefined = tokens[index];
    if (!token) break;
    if (at === undefined) {
      if (lineLength < 0) return fail(token);
      path = path.slice(0, lineLength);
      at = path.at(-1)?.statement ?? parent;
    }
    if (!token.quoted && token.text === "[" && at.kind === "word") {
      const above = path;
      paths.push(...(values() ?? []).map((text) => [...above, step(substatement({ kind: "word" }, text), text)]));
      open = false;
      at = undefined;
      continue;
    }
    const found = substatement(at, token.text);
    if (!found) return fail(token);
    const { name, statement } = found;
    const noKeyword = statement.keyword === "";
    if (!noKeyword) index++;
    open = true;
    if (statement.kind === "leaf" || statement.kind === "leaf-list") {
      const read = values();
      if (!read && complete) return fail(undefined);
      const above = path;
      const whole = statement.kind === "leaf" && read && read.length > 1 ? [read.join(" ")] : (read ?? [undefined]);
      paths.push(
        ...whole.map((value) => [
          ...above,
          { name, statement, value: value === undefined ? value : acceptValue(statement, value, where) },
        ]),
      );
      open = false;
      at = undefined;
    } else if (statement.kind === "list") {
      const [key] = values() ?? [];
      if (key === undefined && complete) return fail(undefined);
      path = [...path, { name, statement, value: key === undefined ? key : acceptValue(statement, key, where) }];
      at = statement;
    } else {
      path = [...path, { name, statement, value: "" }];
      at = isBranch(statement) ? statement : undefined;
      if (!at) {
        paths.push(path);
        open = false;
      }
    }
    if (statement.line) lineLength = path.length;
  }
  if (open && path.length > 0) paths.push(path);
  return paths;
}

function step(found: { name: string; statement: Statement } | undefined, text: string): PathStep {
  return { name: found?.name ?? text, statement: found?.statement ?? { kind: "word" }, value: "" };
}

/** Adds a path to the tree; what is there stays. */
export function putPath(
  node: ConfigNode,
  path: readonly PathStep[],
  change?: (leaf: ConfigNode) => ConfigNode,
): ConfigNode {
  const [first, ...rest] = path;
  if (!first) return change ? change(node) : node;
  const wanted = newNode(first.name, first.statement, first.value ?? "");
  const existing = node.children.find(
    (child) => child.name === first.name && (first.statement.kind === "leaf" || child.value === wanted.value),
  );
  const base =
    existing === undefined ? wanted : first.statement.kind === "leaf" ? { ...existing, value: wanted.value } : existing;
  const child = putPath(base, rest, change);
  if (
    existing &&
    child.value === existing.value &&
    child.children === existing.children &&
    child.inactive === existing.inactive
  ) {
    return node;
  }
  return vanishes(child) ? node : withChild(node, child);
}

/** Takes what the path names out of the tree; undefined when it is not there. */
export function removePath(node: ConfigNode, path: readonly PathStep[]): ConfigNode | undefined {
  const [first, ...rest] = path;
  if (!first) return undefined;
  const matches = childNodes(node, first.name).filter(
    (child) => first.value === undefined || first.statement.kind === "leaf" || child.value === first.value,
  );
  const [match] = matches;
  if (!match) return undefined;
  if (rest.length === 0) return withoutChildren(node, (child) => matches.includes(child));
  const below = removePath(match, rest);
  if (!below) return undefined;
  const gone = vanishes(below) || (below.statement.kind === "word" && below.children.length === 0);
  return gone ? withoutChildren(node, (child) => child === match) : withChild(node, below);
}

/** The words of a path, for messages. */
export function pathWords(path: readonly PathStep[]): string[] {
  return path.flatMap((each) => shownWords(newNode(each.name, each.statement, each.value ?? "")));
}
