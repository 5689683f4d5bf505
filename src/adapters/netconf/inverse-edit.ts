import { childText, element, type XmlElement } from "../../xml/element.ts";

/**
 * The edit that takes one commit back where others have committed since, so that going back to the configuration before it would take theirs
 * along. Only what the commit has changed and what is still as it left it is put back; what somebody else has put beside it stays.
 * @param before the configuration before the commit
 * @param after the configuration that it led to
 * @param running the configuration now
 * @returns a tree for edit-config; undefined when nothing of the commit is in effect
 */
export function inverseEdit(before: XmlElement, after: XmlElement, running: XmlElement): XmlElement | undefined {
  const edits = [...restored(before, after, running), ...removed(before, after, running)];
  return edits.length === 0 ? undefined : holding(running, edits);
}

/** What the commit has taken away or replaced by another value. */
function restored(before: XmlElement, after: XmlElement, running: XmlElement): XmlElement[] {
  return before.children.flatMap((old) => {
    if (isKeyOf(before, old)) return [];
    const made = counterpart(old, after, before);
    const now = counterpart(old, running, before);
    if (made === undefined) return now === undefined ? [plain(old)] : [];
    if (isLeaf(old) && isLeaf(made)) {
      return old.text !== made.text && now?.text === made.text ? [plain(old)] : [];
    }
    if (now === undefined) return [];
    const inner = inverseEdit(old, made, now);
    return inner === undefined ? [] : [inner];
  });
}

/** What the commit has added. */
function removed(before: XmlElement, after: XmlElement, running: XmlElement): XmlElement[] {
  return after.children.flatMap((made) => {
    if (isKeyOf(after, made) || counterpart(made, before, after) !== undefined) return [];
    const now = counterpart(made, running, after);
    if (now === undefined) return [];
    if (isWithin(now, made)) return [deletion(made, after, running)];
    const inner = inverseEdit({ ...made, children: keysOf(made) }, made, now);
    return inner === undefined ? [] : [inner];
  });
}

/** True when the tree has nothing that the other has not. */
function isWithin(tree: XmlElement, other: XmlElement): boolean {
  if (isLeaf(tree)) return tree.text === other.text;
  return tree.children.every((child) => {
    const same = counterpart(child, other, tree);
    return same !== undefined && isWithin(child, same);
  });
}

/** The element of a parent that stands for the same thing as `node`, which stands in `home`. */
function counterpart(node: XmlElement, parent: XmlElement, home: XmlElement): XmlElement | undefined {
  const key = keyOf(node);
  const several = isLeaf(node) && (hasSeveral(home, node.name) || hasSeveral(parent, node.name));
  return parent.children.find(
    (other) => other.name === node.name && keyOf(other) === key && (!several || other.text === node.text),
  );
}

/** Several leaves of a name are the values of one statement (a leaf-list); each stands for itself. */
function hasSeveral(parent: XmlElement, name: string): boolean {
  return parent.children.filter((child) => child.name === name && isLeaf(child)).length > 1;
}

function deletion(node: XmlElement, ...parents: readonly XmlElement[]): XmlElement {
  const several = parents.some((parent) => hasSeveral(parent, node.name));
  const content = isLeaf(node) ? (several ? node.text : "") : keysOf(node).map(plain);
  return element(node.name, content, { operation: "delete" });
}

function holding(node: XmlElement, edits: readonly XmlElement[]): XmlElement {
  return element(node.name, [...keysOf(node).map(plain), ...edits]);
}

/** Without the attributes and namespaces of the reply it was read from; that a statement is inactive is part of it. */
function plain(node: XmlElement): XmlElement {
  const { inactive } = node.attributes;
  const attributes = inactive === undefined ? {} : { inactive };
  return element(node.name, node.children.length > 0 ? node.children.map(plain) : node.text, attributes);
}

function isLeaf(node: XmlElement): boolean {
  return node.children.length === 0;
}

/** Junos keys a list entry by its `<name>`, but for these, which several entries of a list tell apart by. */
const KEYS: ReadonlySet<string> = new Set(["name", "service-set-name"]);
const KEYS_OF: Readonly<Record<string, string>> = { "route-filter": "address", "source-address-filter": "address" };

function keyOf(node: XmlElement): string | undefined {
  return childText(node, KEYS_OF[node.name] ?? "name") ?? childText(node, "service-set-name");
}

function isKeyOf(parent: XmlElement, { name }: XmlElement): boolean {
  return KEYS.has(name) || KEYS_OF[parent.name] === name;
}

const keysOf = (node: XmlElement): XmlElement[] => node.children.filter((child) => isKeyOf(node, child));
