import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { FleetRow } from "../api-types.ts";
import { age, handlerWord, short } from "../format.ts";
import { useNow } from "../loaded.ts";
import { onLink, resourcePath } from "../location.ts";
import { StateChip } from "../state-chip.tsx";
import type { FleetStore } from "./fleet-store.ts";

const COLUMNS: ReadonlyArray<readonly [title: string, sort: string | undefined]> = [
  ["Name", "name"],
  ["Type", "type"],
  ["State", "state"],
  ["Job", undefined],
  ["Device", undefined],
  ["Tenant", "tenant"],
  ["Age", "changed"],
  ["Error", undefined],
];
/** Rows beyond the edges of the view that are there already. */
const SPARE = 12;
/** No screen shows more at once, pixels. */
const TALLEST = 5_000;

export interface FleetTableProps {
  readonly store: FleetStore;
  readonly sort: string;
  readonly onSort: (sort: string) => void;
}

/** The rows in view, of as many as there are: the others are only room. */
export function FleetTable({ store, sort, onSort }: FleetTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const isNarrow = useNarrow();
  const rowHeight = isNarrow ? 76 : 34;
  const now = useNow(1_000);
  const first = Math.max(0, Math.floor(view.top / rowHeight) - SPARE);
  const last = Math.min(store.total - 1, Math.ceil((view.top + view.height) / rowHeight) + SPARE);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const look = () => setView({ top: element.scrollTop, height: Math.min(TALLEST, element.clientHeight) });
    look();
    const watch = new ResizeObserver(look);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => store.show(first, Math.max(first, last)), [store, first, last, store.total]);
  const hold = (held: boolean) => {
    store.held = held || (scroller.current?.scrollTop ?? 0) > 0;
  };
  const onScroll = () => {
    const element = scroller.current;
    if (element === null) return;
    setView({ top: element.scrollTop, height: Math.min(TALLEST, element.clientHeight) });
    if (element.scrollTop > 0) store.held = true;
  };
  const onKey = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const element = scroller.current;
    if (by === undefined || element === null) return;
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-row]")?.dataset["row"];
    const next = at === undefined ? first + (view.top > 0 ? SPARE : 0) : Number(at) + by;
    const link = element.querySelector<HTMLElement>(`[data-row="${next}"] a`);
    if (link === null) return;
    event.preventDefault();
    link.focus();
  };
  const rows = [];
  for (let index = first; index <= last; index += 1) {
    const row = store.row(index);
    const top = index * rowHeight;
    rows.push(
      row === undefined ? (
        <div key={index} class="row loading" role="row" aria-rowindex={index + 2} style={{ top: `${top}px` }}>
          <span role="cell">…</span>
        </div>
      ) : (
        <Row key={index} row={row} index={index} top={top} now={now} />
      ),
    );
  }
  return (
    <section class="fleet" aria-label="Resources">
      {store.news > 0 && store.held && (
        <button type="button" class="news" onClick={() => store.refresh()}>
          {store.news} changes to the list: show them
        </button>
      )}
      <div
        class="table"
        role="table"
        aria-label="Resources"
        aria-rowcount={store.total + 1}
        onMouseEnter={() => hold(true)}
        onMouseLeave={() => hold(false)}
        onFocusIn={() => hold(true)}
        onFocusOut={() => hold(false)}
      >
        <div role="rowgroup" class="head">
          <div role="row" aria-rowindex={1} class="columns">
            {COLUMNS.map(([title, by]) => (
              <Heading key={title} title={title} by={by} sort={sort} onSort={onSort} />
            ))}
          </div>
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys. */}
        <div role="rowgroup" class="rows" ref={scroller} tabIndex={0} onScroll={onScroll} onKeyDown={onKey}>
          <div class="room" role="presentation" style={{ height: `${store.total * rowHeight}px` }}>
            {rows}
          </div>
          {store.isLoaded && store.total === 0 && (
            <p class="empty">Nothing here matches. Clear the filters to see all.</p>
          )}
        </div>
      </div>
    </section>
  );
}

interface HeadingProps {
  readonly title: string;
  readonly by: string | undefined;
  readonly sort: string;
  readonly onSort: (sort: string) => void;
}

function Heading({ title, by, sort, onSort }: HeadingProps) {
  const isOwn = by !== undefined && sort.replace(/^-/, "") === by;
  const isDown = sort.startsWith("-");
  return (
    <span role="columnheader" aria-sort={isOwn ? (isDown ? "descending" : "ascending") : undefined}>
      {by === undefined ? (
        title
      ) : (
        <button type="button" class="sort" onClick={() => onSort(isOwn && !isDown ? `-${by}` : by)}>
          {title}
          <span aria-hidden="true">{isOwn ? (isDown ? " ↓" : " ↑") : ""}</span>
        </button>
      )}
    </span>
  );
}

function Row({ row, index, top, now }: { row: FleetRow; index: number; top: number; now: number }) {
  const { type, id, name, tenant, state, job, devices, changedAt, error } = row;
  return (
    <div
      class="row columns"
      role="row"
      aria-rowindex={index + 2}
      data-row={index}
      data-key={`${type}/${id}`}
      style={{ top: `${top}px` }}
    >
      <span role="cell" class="name">
        <a href={resourcePath(type, id)} onClick={onLink} title={id}>
          {name === "" ? short(id) : name}
        </a>
      </span>
      <span role="cell">{type}</span>
      <span role="cell">
        <StateChip state={state} />
      </span>
      <span role="cell" class="job">
        {job === null ? "" : `${job.action} ${handlerWord(job.handler)}: ${job.phase}`}
      </span>
      <span role="cell" class="device" title={devices.join(", ")}>
        {devices.join(", ")}
      </span>
      <span role="cell" class="tenant" title={tenant}>
        {short(tenant)}
      </span>
      <span role="cell" class="age" title={new Date(changedAt).toISOString()}>
        {age(now - changedAt)}
      </span>
      <span role="cell" class="error" title={error}>
        {error}
      </span>
    </div>
  );
}

function useNarrow(): boolean {
  const query = "(max-width: 760px)";
  const [isNarrow, setNarrow] = useState(matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const look = () => setNarrow(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, []);
  return isNarrow;
}
