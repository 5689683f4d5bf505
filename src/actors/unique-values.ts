import { type Naming, SignalboxError } from "../errors.ts";
import type { UniqueValue } from "../machines/resource/resource-types.ts";
import type { IndexEntry, ResourceIndex } from "./resource-index.ts";

/** Who wants a value, and the position of his proposal in the log. */
export interface Proposer {
  readonly id: string;
  readonly seq: number;
}

/**
 * Checks that a value is nobody else's. With a proposer, only who was there before him in the log's order counts; so of those who propose the
 * same value exactly one finds nobody.
 * @throws SB_UNIQUE_TAKEN
 */
export function checkUnique(
  index: ResourceIndex,
  type: string,
  unique: UniqueValue,
  own: { readonly id: string } | Proposer | undefined,
): void {
  const holder = index
    .holders(type, unique.field, unique.value)
    .find(
      (other) => other.id !== own?.id && (own === undefined || !("seq" in own) || heldSince(other, unique) < own.seq),
    );
  if (holder === undefined) return;
  throw taken(unique, ` by ${type} ${holder.id}`, {
    resources: [{ type, id: holder.id }],
    otherwise: taken(unique, ""),
  });
}

function taken({ field, value }: UniqueValue, by: string, naming?: Naming): SignalboxError {
  const names = field.split("+");
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
function heldSince(entry: IndexEntry, { field, value }: UniqueValue): number {
  const holds = entry.context.uniques.some((unique) => unique.field === field && unique.value === value);
  return holds ? proposedAt(entry) : entry.changeProposedAt;
}
