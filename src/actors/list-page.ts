import type { TypeDefinition } from "../catalogue/type-definition.ts";
import { SignalboxError } from "../errors.ts";
import { type Compare, firstSorted } from "./first-sorted.ts";
import type { ListQuery, ResourcePage, ResourceView, SortKey } from "./gateway-api.ts";
import type { Steps } from "./in-steps.ts";
import type { Json } from "./ports.ts";
import { resourceAnswer, shownField } from "./resource-answer.ts";
import type { IndexEntry } from "./resource-index.ts";

/** An entry with the values that it is sorted by. */
interface Sortable {
  readonly entry: IndexEntry;
  readonly keys: readonly Json[];
}

const NO_KEYS: readonly Json[] = [];
/** So many are looked at, or answered, in one step. */
const IN_ONE_STEP = 250;

/**
 * One page of the resources that there are for the caller and that match. Without a sort key they are in the order of their ids, and ties are
 * broken by it, so that pages of what does not change neither overlap nor leave anything out. Answers are built for the page only. However many
 * there are, the process is not held up: the work is done in steps, on the resources as they were at its begin.
 * @throws SB_MALFORMED_REQUEST when the marker is none of them
 */
export function* listPage(entries: Iterable<IndexEntry>, type: TypeDefinition, query: ListQuery): Steps<ResourcePage> {
  const { sort = [], marker, offset = 0, limit = Number.POSITIVE_INFINITY, fields } = query;
  const matching: Sortable[] = [];
  const isMatching = matcherOf(type, query);
  for (const [at, entry] of [...entries].entries()) {
    if (at % IN_ONE_STEP === IN_ONE_STEP - 1) yield;
    if (!isMatching(entry)) continue;
    const keys = sort.length === 0 ? NO_KEYS : sort.map(({ field }) => shownField(entry, type, field));
    matching.push({ entry, keys });
  }
  const compare = orderOf(sort);
  const rest = marker === undefined ? matching : after(matching, marker, compare, type);
  const page = (yield* firstSorted(rest, Math.min(offset + limit, rest.length), compare)).slice(offset);
  const resources: ResourceView[] = [];
  for (const { entry } of page) {
    resources.push(resourceAnswer(entry, type, fields));
    if (resources.length % IN_ONE_STEP === 0) yield;
  }
  return { total: matching.length, resources };
}

function matcherOf(
  type: TypeDefinition,
  { filters = {}, visible = () => true }: ListQuery,
): (entry: IndexEntry) => boolean {
  const wanted = Object.entries(filters).map(([field, values]) => [field, new Set(values)] as const);
  return (entry) =>
    visible(entry.body) && wanted.every(([field, values]) => fits(shownField(entry, type, field), values));
}

/** The value is one of those; of a list, one of its items is, or has a member that is: `ip_address=10.0.0.1` (as Neutron has it). */
function fits(value: Json, wanted: ReadonlySet<string>): boolean {
  if (wanted.has(textOf(value))) return true;
  if (!Array.isArray(value)) return false;
  return (value as readonly Json[]).some((item) => {
    if (typeof item !== "object" || item === null) return wanted.has(textOf(item));
    return Object.entries(item).some(([name, member]) => wanted.has(`${name}=${textOf(member ?? null)}`));
  });
}

/** Those that come after the one with that id. */
function after(
  sortable: readonly Sortable[],
  marker: string,
  compare: Compare<Sortable>,
  type: TypeDefinition,
): Sortable[] {
  const last = sortable.find(({ entry }) => entry.id === marker);
  if (last === undefined) {
    throw new SignalboxError("SB_MALFORMED_REQUEST", `The marker is the id of none of these ${type.collection}.`, {
      advice: "Take the id of the last one of the page before, with the same filters, or page by offset.",
    });
  }
  return sortable.filter((each) => compare(each, last) > 0);
}

function orderOf(sort: readonly SortKey[]): Compare<Sortable> {
  return (a, b) => {
    for (const [at, { descending }] of sort.entries()) {
      const order = compareValues(a.keys[at] ?? null, b.keys[at] ?? null);
      if (order !== 0) return descending ? -order : order;
    }
    return compareTexts(a.entry.id, b.entry.id);
  };
}

/** Nothing before truth values before numbers before texts before the rest; texts by their UTF-16 units, the same everywhere. */
export function compareValues(a: Json, b: Json): number {
  const [rankA, rankB] = [rankOf(a), rankOf(b)];
  if (rankA !== rankB) return rankA - rankB;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return compareTexts(textOf(a), textOf(b));
}

function rankOf(value: Json): number {
  if (value === null) return 0;
  const rank = ["boolean", "number", "string"].indexOf(typeof value);
  return rank === -1 ? 4 : rank + 1;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A value as a filter names it. */
function textOf(value: Json): string {
  return typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
}
