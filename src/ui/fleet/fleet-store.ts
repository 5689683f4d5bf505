import { getJson } from "../api.ts";
import type { FleetEvent, FleetPageAnswer, FleetRow } from "../api-types.ts";
import { followEvents, type StreamState } from "../event-stream.ts";
import { type FleetFilters, fleetPath } from "./fleet-query.ts";

export const PAGE_ROWS = 100;
/** Pages that are kept: what is far from the view is asked for again when the reader comes back to it. */
const KEPT_PAGES = 20;
/** Between two looks at the counts while things happen, milliseconds. */
const REFRESH_MS = 1_000;

export interface FleetStoreOptions {
  readonly filters: FleetFilters;
  /** Something that is shown has changed. Called once per frame at most. */
  readonly onChange: () => void;
  readonly onState: (state: StreamState) => void;
}

/**
 * The rows of the fleet as far as they were looked at, kept live. Events change rows where they are; rows that came or went are put in only
 * when the reader is not in the middle of the list, so that nothing jumps.
 */
export class FleetStore {
  counts: Pick<FleetPageAnswer, "states" | "types" | "tenants"> = { states: {}, types: {}, tenants: {} };
  total = 0;
  error: Error | undefined;
  /** The first answer is there. */
  isLoaded = false;
  /** Resources that came, went or left the filters since the rows were asked for. */
  news = 0;
  /** The reader is in the middle of the list: rows stay where they are. */
  held = false;
  readonly #options: FleetStoreOptions;
  readonly #pages = new Map<number, FleetRow[]>();
  /** By key: where a row is. */
  readonly #places = new Map<string, { readonly page: number; readonly at: number }>();
  readonly #asked = new Set<number>();
  readonly #leaving = new AbortController();
  #stopEvents: () => void = () => {};
  #frame = 0;
  #refreshing: ReturnType<typeof setTimeout> | undefined;
  #view: readonly [first: number, last: number] = [0, 0];

  constructor(options: FleetStoreOptions) {
    this.#options = options;
    void this.#open();
  }

  close(): void {
    this.#leaving.abort();
    this.#stopEvents();
    clearTimeout(this.#refreshing);
    cancelAnimationFrame(this.#frame);
  }

  row(index: number): FleetRow | undefined {
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
  }

  /** The reader sees these rows: those that are missing are asked for. */
  show(first: number, last: number): void {
    this.#view = [first, last];
    for (let page = Math.floor(first / PAGE_ROWS); page <= Math.floor(last / PAGE_ROWS); page += 1) {
      if (!this.#pages.has(page) && page * PAGE_ROWS < Math.max(this.total, 1)) void this.#load(page);
    }
  }

  /** Puts in the rows that came and takes out those that went. */
  refresh(): void {
    this.news = 0;
    const [first, last] = this.#view;
    const [from, to] = [Math.floor(first / PAGE_ROWS), Math.floor(last / PAGE_ROWS)];
    for (const page of this.#pages.keys()) if (page < from || page > to) this.#drop(page);
    for (let page = from; page <= to; page += 1) void this.#load(page);
  }

  async #open(): Promise<void> {
    const first = await this.#load(0);
    if (this.#leaving.signal.aborted) return;
    if (first === undefined) {
      this.#refreshing = setTimeout(() => void this.#open(), REFRESH_MS);
      this.#options.onState("lost");
      return;
    }
    this.#stopEvents = followEvents({
      path: `/signalbox/v1/events?from=${first.position + 1}`,
      onEvent: ({ name, data }) => {
        if (name === "transition") this.#take(data as FleetEvent);
      },
      onState: (state) => this.#options.onState(state),
    });
  }

  async #load(page: number): Promise<FleetPageAnswer | undefined> {
    if (this.#asked.has(page)) return undefined;
    this.#asked.add(page);
    try {
      const path = fleetPath(this.#options.filters, page * PAGE_ROWS, PAGE_ROWS);
      const answer = await getJson<FleetPageAnswer>(path, this.#leaving.signal);
      this.#drop(page);
      this.#pages.set(page, [...answer.rows]);
      for (const [at, row] of answer.rows.entries()) this.#places.set(keyOf(row), { page, at });
      this.#count(answer);
      this.#forgetFar(page);
      return answer;
    } catch (error) {
      if (!this.#leaving.signal.aborted) this.error = error as Error;
      return undefined;
    } finally {
      this.#asked.delete(page);
      this.#changed();
    }
  }

  #count({ total, states, types, tenants }: FleetPageAnswer): void {
    this.total = total;
    this.counts = { states, types, tenants };
    this.error = undefined;
    this.isLoaded = true;
  }

  #take({ row, deleted, before }: FleetEvent): void {
    const place = this.#places.get(keyOf(row));
    const shown = place === undefined ? undefined : this.#pages.get(place.page)?.[place.at];
    if (place !== undefined && shown !== undefined) {
      // A row that was read later than the event happened knows better.
      if (row.seq <= shown.seq) return;
      this.#pages.get(place.page)?.splice(place.at, 1, row);
      if (deleted || row.state !== shown.state) this.news += 1;
      this.#changed();
    } else if (deleted || before === "absent" || before === "proposed") this.news += 1;
    this.#refreshing ??= setTimeout(() => void this.#catchUp(), REFRESH_MS);
  }

  /** The counts are the server's: only it knows all. The rows too, unless the reader is in the middle of them. */
  async #catchUp(): Promise<void> {
    if (this.news > 0 && !this.held) this.refresh();
    else {
      const path = fleetPath(this.#options.filters, 0, 0);
      await getJson<FleetPageAnswer>(path, this.#leaving.signal).then(
        (answer) => {
          const { total } = this;
          this.#count(answer);
          // The list does not grow under the reader; the news say that it would.
          this.total = this.held ? total : answer.total;
        },
        () => undefined,
      );
    }
    this.#refreshing = undefined;
    this.#changed();
  }

  #drop(page: number): void {
    for (const row of this.#pages.get(page) ?? []) {
      if (this.#places.get(keyOf(row))?.page === page) this.#places.delete(keyOf(row));
    }
    this.#pages.delete(page);
  }

  #forgetFar(from: number): void {
    const far = [...this.#pages.keys()].sort((a, b) => Math.abs(b - from) - Math.abs(a - from));
    for (const page of far.slice(0, Math.max(0, far.length - KEPT_PAGES))) this.#drop(page);
  }

  /** However much happens, the page is drawn once per frame. */
  #changed(): void {
    if (this.#frame !== 0 || this.#leaving.signal.aborted) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#options.onChange();
    });
  }
}

export function keyOf(row: { readonly type: string; readonly id: string }): string {
  return `${row.type}/${row.id}`;
}
