import { quoteWord } from "./config-words.ts";
import { configuration } from "./schema.ts";
import { scramble } from "./secret-scramble.ts";
import type { Statement } from "./statement.ts";

/**
 * A statement of a configuration. Trees are never changed: an edit makes new nodes along its path and shares the rest,
 * so that candidate, running and rollback configurations cost little and compare fast.
 */
export interface ConfigNode {
  readonly statement: Statement;
  /** XML name, which is the keyword of most statements. */
  readonly name: string;
  /** Key of a list entry, value of a leaf (plain when it is a secret); "" for others. */
  readonly value: string;
  readonly children: readonly ConfigNode[];
  /** Deactivated: shown, but not in effect. */
  readonly inactive: boolean;
}

export const emptyConfiguration: ConfigNode = {
  statement: configuration,
  name: "configuration",
  value: "",
  children: [],
  inactive: false,
};

export function newNode(name: string, statement: Statement, value = ""): ConfigNode {
  return { statement, name, value, children: [], inactive: false };
}

/** Are these the same statement of their parent, whatever they contain? */
export function sameIdentity(a: ConfigNode, b: ConfigNode): boolean {
  return a.name === b.name && (a.value === b.value || (a.statement.kind === "leaf" && b.statement.kind === "leaf"));
}

/** The first child of that XML name (and key or value). */
export function childNode(node: ConfigNode | undefined, name: string, value?: string): ConfigNode | undefined {
  return node?.children.find((child) => child.name === name && (value === undefined || child.value === value));
}

/** All children of that XML name. */
export function childNodes(node: ConfigNode | undefined, name: string): ConfigNode[] {
  return node?.children.filter((child) => child.name === name) ?? [];
}

/** Follows XML names down from a node. */
export function descend(node: ConfigNode | undefined, ...names: string[]): ConfigNode | undefined {
  return names.reduce<ConfigNode | undefined>((at, name) => childNode(at, name), node);
}

/** The value of the first child of that name. */
export function leafValue(node: ConfigNode | undefined, name: string): string | undefined {
  return childNode(node, name)?.value;
}

/** The number of `autonomous-system` or `local-as` of a node. */
export function asNumberOf(node: ConfigNode | undefined, name: "autonomous-system" | "local-as"): string | undefined {
  return leafValue(childNode(node, name), "as-number");
}

const BEFORE_APPLY_GROUPS = new Set(["version", "groups", "apply-groups"]);

/**
 * Puts a child into a node: in the place of the one with the same identity, else at the end.
 * `apply-groups` stands first, as Junos shows it.
 */
export function withChild(node: ConfigNode, child: ConfigNode): ConfigNode {
  const at = node.children.findIndex((other) => sameIdentity(other, child));
  if (at >= 0) {
    return node.children[at] === child ? node : { ...node, children: node.children.with(at, child) };
  }
  if (child.name !== "apply-groups") return { ...node, children: [...node.children, child] };
  const after = node.children.findLastIndex((other) => BEFORE_APPLY_GROUPS.has(other.name)) + 1;
  return { ...node, children: node.children.toSpliced(after, 0, child) };
}

/** Leaves children out by a test. */
export function withoutChildren(node: ConfigNode, out: (child: ConfigNode) => boolean): ConfigNode {
  const children = node.children.filter((child) => !out(child));
  return children.length === node.children.length ? node : { ...node, children };
}

/** A container that is empty and means nothing by itself is not there; opaque words neither once their last part went. */
export function vanishes(node: ConfigNode): boolean {
  if (node.children.length > 0) return false;
  return node.statement.kind === "container" && !node.statement.presence;
}

/** The words of a statement by itself, as shown: quoted and, for a secret, scrambled. */
export function shownWords(node: ConfigNode): string[] {
  const keyword = node.statement.keyword ?? node.name;
  const words = keyword === "" ? [] : [keyword === node.name ? quoteWord(keyword) : keyword];
  const { kind, secret } = node.statement;
  if (kind === "list" || kind === "leaf" || kind === "leaf-list") {
    words.push(secret ? `"${scramble(node.value)}"` : quoteWord(node.value));
  }
  return words;
}

/** Path of a statement as Junos writes it: `[edit interfaces ae0 unit 1025]`. */
export function editPath(words: readonly string[]): string {
  return `[${["edit", ...words].join(" ")}]`;
}

/** Do two trees say the same? Only where order has a meaning does it count. */
export function sameConfiguration(a: ConfigNode, b: ConfigNode): boolean {
  if (a === b) return true;
  if (a.name !== b.name || a.value !== b.value || a.inactive !== b.inactive) return false;
  if (a.children.length !== b.children.length) return false;
  if (userOrder(a).join("\n") !== userOrder(b).join("\n")) return false;
  const others = new Map(b.children.map((child) => [identityText(child), child]));
  return a.children.every((child) => {
    const other = others.get(identityText(child));
    return other !== undefined && sameConfiguration(child, other);
  });
}

/** A text that two children of one parent share exactly when they have the same identity. */
export function identityText(node: ConfigNode): string {
  return node.statement.kind === "leaf" ? node.name : `${node.name} ${JSON.stringify(node.value)}`;
}

/** Identities of the children whose order counts; entries of different lists have no order among each other. */
function userOrder(node: ConfigNode): string[] {
  const ordered = node.children.filter((child) => child.statement.userOrdered);
  const names = [...new Set(ordered.map((child) => child.name))].sort();
  return names.flatMap((name) => ordered.filter((child) => child.name === name).map(identityText));
}
