import type { ResourceRef } from "../catalogue/resource-view.ts";
import { type Naming, SignalboxError } from "../errors.ts";
import type { UniqueValue } from "../machines/resource/resource-types.ts";
import { type IndexEntry, keyOf, type ResourceIndex } from "./resource-index.ts";

/** Who wants a value, and the position of his proposal in the log. */
export interface Proposer {
  readonly id: string;
  readonly seq: number;
}

/**
 * Checks that a value is nobody else's, in its field or in one that shares its values. With a proposer, only who was there before him in the log's order counts; so of those who propose the
 * same value exactly one finds nobody.
 * @throws SB_UNIQUE_TAKEN
 */
export function checkUnique(
  index: ResourceIndex,
  type: string,
  unique: UniqueValue,
  own: { readonly id: string } | Proposer | undefined,
): void {
  const ofType = unique.type ?? type;
  const mine = own === undefined ? new Set<string>() : withOwners(index, { type, id: own.id });
  const holder = (unique.among ?? [unique.field])
    .map((field) => ({ field, value: unique.value }))
    .flatMap((held) => index.holders(ofType, held.field, held.value).map((other) => ({ other, held })))
    .find(
      ({ other, held }) =>
        !mine.has(keyOf(other)) && (own === undefined || !("seq" in own) || heldSince(other, ofType, held) < own.seq),
    )?.other;
  if (holder === undefined) return;
  throw taken(unique, ` by ${holder.type} ${holder.id}`, {
    resources: [{ type: holder.type, id: holder.id }],
    otherwise: taken(unique, ""),
  });
}

/**
 * Checks that no two of the resources that a request makes are to have the same value.
 * @throws SB_UNIQUE_TAKEN
 */
export function checkDistinct(uniques: readonly UniqueValue[]): void {
  const seen = new Set<string>();
  for (const unique of uniques) {
    const key = JSON.stringify([unique.type, unique.field, unique.value]);
    if (seen.has(key)) throw taken(unique, " by another one of the same request");
    seen.add(key);
  }
}

/** The resource and those that it was made along with: they hold its values from their proposal on. */
function withOwners(index: ResourceIndex, ref: ResourceRef): ReadonlySet<string> {
  const keys = new Set<string>();
  for (let next: ResourceRef | null | undefined = ref; next != null && !keys.has(keyOf(next)); ) {
    keys.add(keyOf(next));
    next = index.entry(next)?.context.owner;
  }
  return keys;
}

function taken({ type, field, value }: UniqueValue, by: string, naming?: Naming): SignalboxError {
  const names = field.split("+");
  // A field of what is made along with the resource is none of the request.
  if (type !== undefined)
    return new SignalboxError("SB_UNIQUE_TAKEN", `${field} ${value} of the ${type} that comes with it is taken${by}`, {
      ...(naming && { naming }),
    });
  const same = names.length > 1 ? `, together with ${names.join(", ")}` : "";
  return new SignalboxError("SB_UNIQUE_TAKEN", `${field} ${value} is taken${by}`, {
    fields: names.map((name) => ({ pointer: `/${name}`, detail: `is taken${by}${same}` })),
    ...(naming && { naming }),
  });
}

/** In the log's order somebody else was there before the proposal at `seq`. */
export function wasBefore(other: IndexEntry, seq: number): boolean {
  return proposedAt(other) < seq;
}

function proposedAt(entry: IndexEntry): number {
  return entry.value.lifecycle === "proposed" ? entry.seq : entry.context.proposedSeq;
}

/** The position from which on a resource holds a value: that of its own proposal, or of the change that it proposes. */
function heldSince(entry: IndexEntry, ofType: string, { field, value }: UniqueValue): number {
  const holds = entry.context.uniques.some(
    (unique) => (unique.type ?? entry.type) === ofType && unique.field === field && unique.value === value,
  );
  return holds ? proposedAt(entry) : entry.changeProposedAt;
}
