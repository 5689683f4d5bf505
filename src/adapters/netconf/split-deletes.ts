import type { XmlElement } from "../../xml/element.ts";

/** A configuration tree taken apart into what it deletes and what it adds. */
export interface SplitTree {
  /** One tree per deleted element: the element, its ancestors, and their leaves (the list keys are among them). */
  readonly deletes: readonly XmlElement[];
  /** The tree without what it deletes; undefined when nothing would be added by it. */
  readonly rest: XmlElement | undefined;
}

/**
 * Takes a tree with `operation="delete"` apart, for devices that stop at the first delete of something that is not
 * there. Leaves called `name` beside a delete are taken for list keys (the key's name nearly everywhere), so a tree that
 * holds nothing else besides its deletes adds nothing.
 */
export function splitDeletes(tree: XmlElement): SplitTree {
  const rest = withoutDeletes(tree);
  return { deletes: deletesOf(tree), rest: rest !== undefined && addsSomething(tree) ? rest : undefined };
}

/** True when the tree deletes and adds nothing: it can be applied with default-operation none. */
export function onlyDeletes(tree: XmlElement): boolean {
  return hasDelete(tree) && !addsSomething(tree);
}

const isDelete = (node: XmlElement): boolean => {
  const operation = node.attributes.operation ?? node.attributes["nc:operation"];
  return operation === "delete" || operation === "remove";
};
const isLeaf = (node: XmlElement): boolean => node.children.length === 0;
const hasDelete = (node: XmlElement): boolean => isDelete(node) || node.children.some(hasDelete);

function deletesOf(node: XmlElement): XmlElement[] {
  if (isDelete(node)) return [node];
  const leaves = node.children.filter((part) => isLeaf(part) && !isDelete(part));
  return node.children.flatMap(deletesOf).map((part) => ({ ...node, children: [...leaves, part] }));
}

function withoutDeletes(node: XmlElement): XmlElement | undefined {
  if (isDelete(node)) return undefined;
  const children = node.children.flatMap((part) => {
    if (!hasDelete(part)) return [part];
    // An ancestor that is there only to lead to a delete must not be created.
    return addsSomething(part) ? (withoutDeletes(part) ?? []) : [];
  });
  return { ...node, children };
}

function addsSomething(node: XmlElement): boolean {
  if (isDelete(node)) return false;
  if (!hasDelete(node)) return true;
  return node.children.some(
    (part) => !isDelete(part) && !(isLeaf(part) && part.name === "name") && addsSomething(part),
  );
}
