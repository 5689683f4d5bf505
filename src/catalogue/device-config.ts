import { childText, element, type XmlElement } from "../xml/element.ts";

/**
 * Configuration trees of routers: what to load to make them so, and what to load to take away what a resource owns.
 * In a rendered tree the attribute `own` marks what the resource owns; all above it is only the way there. `own="last"` marks an entry on that
 * way that several resources share: it goes with the last thing in it.
 */

/** Junos statements that hold several values; each value is an element of its own. All others hold one. */
const LEAF_LISTS = new Set([
  "apply-groups",
  "apply-groups-except",
  "virtual-address",
  "next-hop",
  "import",
  "export",
  "instance-import",
  "instance-export",
  "nat-rules",
  "protocol",
  "port",
]);

/** The tree to merge: as rendered, without the marks. */
export function mergeTree(rendered: XmlElement): XmlElement {
  const { own: _own, ...attributes } = rendered.attributes;
  return { ...rendered, attributes, children: rendered.children.map(mergeTree) };
}

/**
 * The tree that deletes what the resource owns and nothing else; undefined when it owns nothing. Shared entries keep their mark in it
 * (`sharedEntries`).
 */
export function deleteTree(rendered: XmlElement): XmlElement | undefined {
  if (isOwned(rendered)) return deletion(rendered);
  const children = rendered.children.flatMap((child) => deleteTree(child) ?? []);
  return children.length === 0 ? undefined : wayTo(rendered, children);
}

/**
 * The tree that changes a router from one rendered configuration to another: only the difference. Undefined when there is none.
 * What only the former has is deleted where the resource owns it.
 */
export function changeTree(former: XmlElement, current: XmlElement): XmlElement | undefined {
  return difference(former, current, false, true);
}

/**
 * The part of `changeTree` that takes away: what only the former has and the resource owns. For a router of which nobody knows whether the
 * former is on it. Undefined when there is nothing to take away.
 */
export function removalTree(former: XmlElement, current: XmlElement): XmlElement | undefined {
  return difference(former, current, false, false);
}

/** @param adds false leaves out what the current has and the former has not */
function difference(former: XmlElement, current: XmlElement, owned: boolean, adds: boolean): XmlElement | undefined {
  const inside = owned || isOwned(current);
  const edits: XmlElement[] = [];
  for (const child of former.children) {
    if (isKey(child) || counterpart(child, current) !== undefined) continue;
    const removal = inside ? deletion(child) : deleteTree(child);
    if (removal) edits.push(removal);
  }
  for (const child of current.children) {
    if (isKey(child)) continue;
    const before = counterpart(child, former);
    if (before !== undefined && (child.children.length > 0 || before.children.length > 0)) {
      const change = difference(before, child, inside, adds);
      if (change) edits.push(change);
    } else if (adds && before?.text !== child.text) edits.push(mergeTree(child));
  }
  return edits.length === 0 ? undefined : wayTo(current, edits);
}

/** The element that stands for the same thing: same name, and same key or value where there can be several. */
function counterpart(node: XmlElement, parent: XmlElement): XmlElement | undefined {
  return parent.children.find(
    (other) =>
      other.name === node.name &&
      (isListEntry(node)
        ? childText(other, "name") === childText(node, "name")
        : !LEAF_LISTS.has(node.name) || other.text === node.text),
  );
}

function deletion(node: XmlElement): XmlElement {
  const attributes = { operation: "delete" };
  if (isListEntry(node))
    return element(node.name, node.children.filter(isKey).map(mergeTree), attributes, node.namespace);
  return element(node.name, LEAF_LISTS.has(node.name) ? node.text : "", attributes, node.namespace);
}

function wayTo(node: XmlElement, children: readonly XmlElement[]): XmlElement {
  const mark = isShared(node) ? { own: SHARED } : {};
  return element(node.name, [...node.children.filter(isKey).map(mergeTree), ...children], mark, node.namespace);
}

/**
 * The shared entries out of which a tree takes something, inner ones first: for each the tree that leads to it and stops there. Whether anything
 * is left in them only the router knows.
 */
export function sharedEntries(tree: XmlElement): XmlElement[] {
  const below = tree.children.flatMap((child) =>
    sharedEntries(child).map((path) =>
      element(tree.name, [...tree.children.filter(isKey).map(mergeTree), path], {}, tree.namespace),
    ),
  );
  if (!isShared(tree) || !takesAway(tree)) return below;
  return [...below, element(tree.name, tree.children.filter(isKey).map(mergeTree), {}, tree.namespace)];
}

/** What a router answered has the entry at the end of the path, with nothing in it. */
export function isBare(answer: XmlElement, path: XmlElement): boolean {
  const found = counterpart(path, { ...answer, children: [answer] });
  const next = path.children.find((child) => !isKey(child));
  if (found === undefined) return false;
  if (next === undefined) return found.children.every(isKey);
  return found.children.some((child) => isBare(child, next));
}

/** The tree that deletes the entry at the end of a path. */
export function deleteAt(path: XmlElement): XmlElement {
  const next = path.children.find((child) => !isKey(child));
  return next === undefined ? deletion(path) : wayTo(path, [deleteAt(next)]);
}

const SHARED = "last";

function isShared(node: XmlElement): boolean {
  return node.attributes["own"] === SHARED;
}

function isOwned(node: XmlElement): boolean {
  return node.attributes["own"] !== undefined && !isShared(node);
}

function takesAway(tree: XmlElement): boolean {
  return tree.attributes["operation"] === "delete" || tree.children.some(takesAway);
}

/** Junos keys a list entry by its `<name>` (Junos XML Protocol: "identifier"). */
function isKey(node: XmlElement): boolean {
  return node.name === "name";
}

function isListEntry(node: XmlElement): boolean {
  return node.children.some(isKey);
}

/** Applies a function to every text of a tree, such as opening sealed values. */
export function mapText(node: XmlElement, change: (text: string) => string): XmlElement {
  return {
    ...node,
    text: node.text === "" ? "" : change(node.text),
    children: node.children.map((child) => mapText(child, change)),
  };
}
