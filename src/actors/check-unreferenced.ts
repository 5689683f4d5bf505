import { referencesOf } from "../catalogue/expand-request.ts";
import { SignalboxError } from "../errors.ts";
import { ownedTree } from "./owned-resources.ts";
import { type IndexEntry, keyOf, type ResourceIndex } from "./resource-index.ts";
import type { ResourcePlanner } from "./resource-planner.ts";

const MOST_NAMES = 10;

/** @throws SB_REFERENCED when a resource belongs to one that stays, or others that stay refer to it */
export function checkDeletable(index: ResourceIndex, planner: ResourcePlanner, entry: IndexEntry): void {
  const { type, id, owner } = entry;
  if (owner !== undefined && index.entry(owner)?.markedForDeletion !== true) {
    throw new SignalboxError("SB_REFERENCED", `${type} ${id} belongs to ${owner.type} ${owner.id}`, {
      advice: `Delete ${owner.type} ${owner.id}: what belongs to it goes with it.`,
    });
  }
  checkUnreferenced(index, planner, entry);
}

/** @throws SB_REFERENCED, naming them, when others that stay refer to a resource that is to be deleted */
export function checkUnreferenced(index: ResourceIndex, planner: ResourcePlanner, entry: IndexEntry): void {
  const owned = new Set(ownedTree(index, entry).map(keyOf));
  const referrers = index
    .referring(entry.type, entry.id)
    .filter(
      (referrer) =>
        !referrer.context.markedForDeletion && !owned.has(keyOf(referrer)) && !refersOnlyBack(planner, referrer, entry),
    );
  if (referrers.length === 0) return;
  const resources = referrers.slice(0, MOST_NAMES);
  const names = resources.map((referrer) => `${referrer.type} ${referrer.id}`);
  const more = referrers.length > names.length ? ` and ${referrers.length - names.length} more` : "";
  const used = `${entry.type} ${entry.id} is used by`;
  const count = referrers.length === 1 ? "another resource" : `${referrers.length} other resources`;
  throw new SignalboxError("SB_REFERENCED", `${used} ${names.join(", ")}${more}`, {
    naming: { resources, otherwise: new SignalboxError("SB_REFERENCED", `${used} ${count}`) },
  });
}

/** The referrer names this resource only in fields that this resource's creation has set there and its deletion clears. */
function refersOnlyBack(planner: ResourcePlanner, referrer: IndexEntry, entry: IndexEntry): boolean {
  const rules = planner.definition(entry.type).changes.filter((rule) => rule.type === referrer.type);
  const cleared = new Set(rules.flatMap((rule) => Object.keys(rule.onDelete ?? {})));
  const references = referencesOf(planner.definition(referrer.type), referrer.body).filter(({ id }) => id === entry.id);
  return references.length > 0 && references.every(({ pointer }) => cleared.has(pointer.split("/")[1] ?? ""));
}
