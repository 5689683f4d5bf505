import type { ResourceRef } from "../catalogue/resource-view.ts";
import { keyOf, type ResourceIndex } from "./resource-index.ts";

/** What belongs to a resource, in the order in which it is deleted: what refers to another goes before it. */
export function ownedBy(index: ResourceIndex, ref: ResourceRef): ResourceRef[] {
  let left = index
    .referring(ref.type, ref.id)
    .filter((entry) => entry.owner !== undefined && keyOf(entry.owner) === keyOf(ref));
  const ordered: ResourceRef[] = [];
  while (left.length > 0) {
    const referred = new Set(left.flatMap((entry) => entry.context.references.map(keyOf)));
    const free = left.filter((entry) => !referred.has(keyOf(entry)));
    const next = free.length > 0 ? free : left;
    ordered.push(...next.map(({ type, id }) => ({ type, id })));
    left = left.filter((entry) => !next.includes(entry));
  }
  return ordered;
}

/** The same with what belongs to that, each after its owner. */
export function ownedTree(index: ResourceIndex, ref: ResourceRef): ResourceRef[] {
  return ownedBy(index, ref).flatMap((dependent) => [dependent, ...ownedTree(index, dependent)]);
}
