import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { SignalboxError } from "../../errors.ts";
import { type IndexEntry, isAccepted, keyOf, type ResourceIndex } from "../resource-index.ts";
import { resourceOfJob } from "../resource-of-job.ts";
import { fleetState, nameOf } from "./fleet-row.ts";
import type { DependencyGraph, GraphEdge, GraphNode, ReadAccess } from "./inspection-api.ts";

/** Resources that are shown at most: more are no picture any more. */
const MOST_NODES = 60;

/**
 * What a resource waits for and what waits for it, as far as that goes, and what it refers to, belongs to, or is referred to by, one step far.
 * @throws SB_NOT_FOUND
 */
export function dependencyGraph(
  index: ResourceIndex,
  access: ReadAccess,
  ref: ResourceRef,
  mask: (text: string) => string,
): DependencyGraph {
  const root = index.entry(ref);
  const mayRead = (entry: IndexEntry) => isAccepted(entry) && access.mayRead(entry.type, entry.context.body);
  if (root === undefined || !mayRead(root)) throw new SignalboxError("SB_NOT_FOUND", `There is no ${keyOf(ref)}.`);
  const nodes = new Map<string, GraphNode>();
  const edges = new Map<string, GraphEdge>();
  let cut = false;
  const add = (entry: IndexEntry): boolean => {
    const key = keyOf(entry);
    if (nodes.has(key)) return true;
    if (!mayRead(entry)) return false;
    if (nodes.size >= MOST_NODES) {
      cut = true;
      return false;
    }
    const { type, id, value, context } = entry;
    nodes.set(key, { type, id, name: nameOf(context.body), state: fleetState(value), error: mask(context.error) });
    return true;
  };
  const connect = (from: string, to: string, kind: GraphEdge["kind"], jobs: readonly string[] = []) => {
    const key = `${from} ${to}`;
    // Waiting says more than referring.
    if (kind === "waits" || !edges.has(key)) edges.set(key, { from, to, kind, jobs });
  };
  add(root);
  const { references, owner } = root.context;
  for (const target of references) {
    const entry = index.entry(target);
    if (entry !== undefined && add(entry)) connect(keyOf(root), keyOf(entry), "refers");
  }
  const above = owner === null ? undefined : index.entry(owner);
  if (above !== undefined && add(above)) connect(keyOf(root), keyOf(above), "belongs");
  for (const entry of index.referring(root.type, root.id)) {
    if (add(entry)) connect(keyOf(entry), keyOf(root), entry.owner?.id === root.id ? "belongs" : "refers");
  }
  const waits = (entry: IndexEntry) => {
    const by = new Map<string, string[]>();
    for (const job of entry.jobs.flatMap((each) => each.waitsFor)) {
      const target = keyOf(resourceOfJob(job));
      if (target !== keyOf(entry)) by.set(target, [...(by.get(target) ?? []), job]);
    }
    return by;
  };
  // Down: what it waits for, transitively.
  const visited = new Set<string>();
  const down = [root];
  for (let entry = down.pop(); entry !== undefined; entry = down.pop()) {
    if (visited.has(keyOf(entry))) continue;
    visited.add(keyOf(entry));
    for (const [target, jobs] of waits(entry)) {
      const [type = "", id = ""] = target.split("/");
      const next = index.entry({ type, id });
      if (next === undefined || !add(next)) continue;
      connect(keyOf(entry), target, "waits", jobs);
      down.push(next);
    }
  }
  // Up: those that wait for it are among those that refer to it or to what belongs to it.
  const seen = new Set<string>();
  const up = [root];
  for (let entry = up.pop(); entry !== undefined; entry = up.pop()) {
    if (seen.has(keyOf(entry))) continue;
    seen.add(keyOf(entry));
    const around = [...index.referring(entry.type, entry.id), ...referredBy(index, entry)];
    for (const other of around) {
      const jobs = waits(other).get(keyOf(entry));
      if (jobs === undefined || !add(other)) continue;
      connect(keyOf(other), keyOf(entry), "waits", jobs);
      up.push(other);
    }
  }
  return { root: keyOf(root), nodes: [...nodes.values()], edges: [...edges.values()], cut };
}

/** A deletion waits for what refers to it: then the one that waits is the one referred to. */
function referredBy(index: ResourceIndex, entry: IndexEntry): IndexEntry[] {
  return entry.context.references.flatMap((reference) => index.entry(reference) ?? []);
}
