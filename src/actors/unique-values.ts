import { SignalboxError } from "../errors.ts";
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
  throw new SignalboxError("SB_UNIQUE_TAKEN", `${unique.field} ${unique.value} is taken by ${type} ${holder.id}`, {
    fields: unique.field.split("+").map((field) => ({
      pointer: `/${field}`,
      detail: `is taken by ${type} ${holder.id}${unique.field.includes("+") ? `, which has the same ${unique.field}` : ""}`,
    })),
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
