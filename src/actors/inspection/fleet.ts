import type { Clock } from "../ports.ts";
import type { IndexEntry, IndexListener, ResourceIndex } from "../resource-index.ts";
import { isAccepted, keyOf } from "../resource-index.ts";
import { fleetState, nameOf, rowOfEntry, tenantOf } from "./fleet-row.ts";
import {
  FLEET_SORTS,
  type FleetPage,
  type FleetQuery,
  type FleetSort,
  type FleetState,
  type ReadAccess,
} from "./inspection-api.ts";

/** What is kept of each resource: what it is found and ordered by. The rest is in the index. */
interface Item {
  entry: IndexEntry;
  name: string;
  tenant: string;
  state: FleetState;
  changedAt: number;
  /** Made when somebody searches, and again after a change. */
  searched: string | undefined;
  /** False once the resource is gone: it leaves the orders when they are next put right. */
  here: boolean;
}

interface Order {
  items: Item[];
  /** Something that it goes by has changed. */
  isStale: boolean;
}

interface Match {
  readonly items: readonly Item[];
  readonly counts: Pick<FleetPage, "states" | "types" | "tenants">;
  /** Position of the log up to which it is true. */
  readonly position: number;
}

/** How long a list may be behind while things happen, milliseconds: events after its position make up for it. */
const KEPT_MS = 300;
const KEPT_LISTS = 8;

/** States that call for somebody come first. */
const STATE_ORDER: Readonly<Record<FleetState, number>> = {
  create_failed: 0,
  update_failed: 1,
  delete_failed: 2,
  down: 3,
  unavailable: 4,
  pending_create: 5,
  pending_update: 6,
  pending_delete: 7,
  unwatched: 8,
  up: 9,
};

const byName = (a: Item, b: Item) => compare(a.name, b.name) || compare(a.entry.id, b.entry.id);
const COMPARE: Readonly<Record<FleetSort, (a: Item, b: Item) => number>> = {
  name: byName,
  type: (a, b) => compare(a.entry.type, b.entry.type) || byName(a, b),
  tenant: (a, b) => compare(a.tenant, b.tenant) || byName(a, b),
  state: (a, b) => STATE_ORDER[a.state] - STATE_ORDER[b.state] || byName(a, b),
  changed: (a, b) => b.changedAt - a.changedAt || b.entry.seq - a.entry.seq,
};

/**
 * All resources in the orders that lists are shown in. An order is put right when it is asked for: it is nearly right then, which sorting
 * takes advantage of, so a page of 100,000 resources costs one pass over them and no view of any but those shown.
 */
export class Fleet {
  readonly #items = new Map<string, Item>();
  readonly #orders = new Map<FleetSort, Order>();
  /** By query: what was found last. */
  readonly #found = new Map<string, Match & { readonly at: number }>();
  readonly #index: ResourceIndex;
  readonly #clock: Clock;
  readonly #mask: (text: string) => string;

  /** Make it before the index starts. */
  constructor(index: ResourceIndex, clock: Clock, mask: (text: string) => string) {
    this.#index = index;
    this.#clock = clock;
    this.#mask = mask;
    index.onChange((change) => this.#changed(change));
  }

  /** A page of those that match, and how many there are by state, type and tenant. */
  page(access: ReadAccess, query: FleetQuery): FleetPage {
    const { limit, offset } = query;
    const { items, counts, position } = this.#matching(access, query);
    const rows = items.slice(offset, offset + limit);
    return {
      total: items.length,
      offset,
      rows: rows.map(({ entry, changedAt }) => rowOfEntry(entry, changedAt, this.#mask)),
      ...counts,
      position,
    };
  }

  /** What was found a moment ago is good enough for the next page of the same list: whoever scrolls asks for many. */
  #matching(access: ReadAccess, query: FleetQuery): Match {
    const { limit: _limit, offset: _offset, ...wanted } = query;
    // What others may see is theirs to decide each time.
    if (!access.everything) return this.#find(access, query);
    const key = JSON.stringify(wanted);
    const now = this.#clock.monotonic();
    const known = this.#found.get(key);
    const isGood = known !== undefined && (known.position === this.#index.seen || now - known.at < KEPT_MS);
    if (isGood) return known;
    const found = this.#find(access, query);
    this.#found.delete(key);
    this.#found.set(key, { ...found, at: now });
    for (const oldest of this.#found.keys()) {
      if (this.#found.size <= KEPT_LISTS) break;
      this.#found.delete(oldest);
    }
    return found;
  }

  #find(access: ReadAccess, query: FleetQuery): Match {
    const { types, states, tenants, descending } = query;
    const text = query.text.toLowerCase();
    const counts = { states: new Map<string, number>(), types: new Map<string, number>(), tenants: new Map() };
    const matching: Item[] = [];
    const items = this.#ordered(query.sort);
    for (let at = 0; at < items.length; at += 1) {
      const item = items[descending ? items.length - 1 - at : at];
      if (item === undefined) continue;
      const { entry, state, tenant } = item;
      const { type } = entry;
      if (!access.everything && !access.mayRead(type, entry.context.body)) continue;
      // Who may not see errors and devices may not search them either.
      if (!(access.everything ? matchesText(item, text) : matchesName(item, text))) continue;
      const isType = types.length === 0 || types.includes(type);
      const isState = states.length === 0 || states.includes(state);
      const isTenant = tenants.length === 0 || tenants.includes(tenant);
      if (isType && isTenant) count(counts.states, state);
      if (isState && isTenant) count(counts.types, type);
      if (isType && isState) count(counts.tenants, tenant);
      if (isType && isState && isTenant) matching.push(item);
    }
    return {
      items: matching,
      counts: {
        states: Object.fromEntries(counts.states),
        types: Object.fromEntries(counts.types),
        tenants: Object.fromEntries(counts.tenants),
      },
      position: this.#index.seen,
    };
  }

  #changed({ stored, ref, entry }: Parameters<IndexListener>[0]): void {
    const key = keyOf(ref);
    const known = this.#items.get(key);
    // What is only proposed may be refused, and leaves nothing behind then.
    if (entry === undefined || !isAccepted(entry)) {
      if (known === undefined) return;
      known.here = false;
      this.#items.delete(key);
      this.#stale(FLEET_SORTS);
      return;
    }
    const { context } = entry;
    const next = { name: nameOf(context.body), tenant: tenantOf(context.body), state: fleetState(entry.value) };
    if (known === undefined) {
      const item: Item = { entry, ...next, changedAt: stored.time, searched: undefined, here: true };
      this.#items.set(key, item);
      for (const order of this.#orders.values()) order.items.push(item);
      this.#stale(FLEET_SORTS);
      return;
    }
    if (known.name !== next.name) this.#stale(["name", "type", "tenant", "state"]);
    if (known.tenant !== next.tenant) this.#stale(["tenant"]);
    if (known.state !== next.state) this.#stale(["state"]);
    this.#stale(["changed"]);
    Object.assign(known, next, { entry, changedAt: stored.time, searched: undefined });
  }

  #stale(sorts: readonly FleetSort[]): void {
    for (const sort of sorts) {
      const order = this.#orders.get(sort);
      if (order !== undefined) order.isStale = true;
    }
  }

  #ordered(sort: FleetSort): readonly Item[] {
    const order = this.#orders.get(sort) ?? { items: [...this.#items.values()], isStale: true };
    if (order.isStale) {
      order.items = order.items.filter((item) => item.here).sort(COMPARE[sort]);
      order.isStale = false;
    }
    this.#orders.set(sort, order);
    return order.items;
  }
}

function matchesText(item: Item, text: string): boolean {
  if (text === "") return true;
  item.searched ??= searchedText(item);
  return item.searched.includes(text);
}

function matchesName({ name, entry: { id } }: Item, text: string): boolean {
  return name.toLowerCase().includes(text) || id.includes(text);
}

/** What a text is looked for in, in lower case. */
function searchedText({ name, entry: { id, context, jobs } }: Item): string {
  const devices = [
    ...jobs.flatMap((job) => job.devices),
    ...(context.monitoring?.targets ?? []).map(({ settings }) => settings["device"] ?? ""),
  ];
  return [name, id, context.error, ...devices].join("\n").toLowerCase();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
