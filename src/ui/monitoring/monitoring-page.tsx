import { useEffect, useRef, useState } from "preact/hooks";
import type { FleetEvent, MonitoringPageAnswer } from "../api-types.ts";
import { followEvents } from "../event-stream.ts";
import { age, words } from "../format.ts";
import { tellStreamState } from "../frame/live-state.tsx";
import { useLoaded, useNow } from "../loaded.ts";
import { onLink, resourcePath, setQuery, useLocation } from "../location.ts";
import { ProblemPanel } from "../problem-panel.tsx";
import { StateChip, toneOf } from "../state-chip.tsx";
import { HistoryStrip } from "./history-strip.tsx";
import { flapsOf } from "./target-history.ts";

const ROWS = 50;
const STATES = ["fail", "unavailable", "unknown", "up"] as const;
const SPANS = [
  ["10", "10 minutes"],
  ["60", "1 hour"],
  ["1440", "1 day"],
  ["10080", "1 week"],
] as const;
const REFRESH_MS = 1_000;

/** What is watched, what it answered last, and how that changed: the worst first. */
export function MonitoringPage() {
  const { query } = useLocation();
  const states = query.getAll("state");
  const text = query.get("q") ?? "";
  const offset = Number(query.get("offset") ?? 0);
  const minutes = Number(query.get("span") ?? 60);
  const wanted = new URLSearchParams({ limit: String(ROWS), offset: String(offset) });
  if (text !== "") wanted.set("q", text);
  for (const state of states) wanted.append("state", state);
  const [turn, setTurn] = useState(0);
  const { value, error } = useLoaded<MonitoringPageAnswer>(`/signalbox/v1/monitoring?${wanted}`, turn);
  useMonitoringEvents(value, () => setTurn((before) => before + 1));
  const now = useNow(1_000);
  const from = now - minutes * 60_000;
  return (
    <>
      <h1>Monitoring</h1>
      <section class="filters" aria-label="Filters">
        <div class="filter-row">
          <label class="search">
            <span class="sr-only">Search names, targets and devices</span>
            <input
              type="search"
              placeholder="Search name, target, device"
              value={text}
              onInput={(event) => setQuery({ q: event.currentTarget.value, offset: "" })}
            />
          </label>
          <label class="choice">
            History
            <select value={String(minutes)} onChange={(event) => setQuery({ span: event.currentTarget.value })}>
              {SPANS.map(([value_, title]) => (
                <option key={value_} value={value_}>
                  {title}
                </option>
              ))}
            </select>
          </label>
          <span class="total" role="status">
            {(value?.total ?? 0).toLocaleString("en")} monitored
          </span>
        </div>
        <div class="state-counts">
          {STATES.map((state) => (
            <button
              key={state}
              type="button"
              class={`count tone-${(value?.states[state] ?? 0) === 0 ? "none" : toneOf(state)}`}
              aria-pressed={states.includes(state)}
              onClick={() =>
                setQuery({
                  state: states.includes(state) ? states.filter((each) => each !== state) : [...states, state],
                  offset: "",
                })
              }
            >
              <span class="dot" aria-hidden="true" />
              {words(state)} <b>{(value?.states[state] ?? 0).toLocaleString("en")}</b>
            </button>
          ))}
        </div>
      </section>
      {error !== undefined && <ProblemPanel error={error} />}
      <div class="monitored">
        {value?.rows.map((row) => (
          <section key={`${row.type}/${row.id}`} class="panel target-row" data-key={`${row.type}/${row.id}`}>
            <header>
              <a href={resourcePath(row.type, row.id)} onClick={onLink}>
                {row.name === "" ? row.id : row.name}
              </a>
              <span class="faint">{row.type}</span>
              <StateChip state={row.operational} />
            </header>
            <ul>
              {row.targets.map((target) => {
                const flaps = flapsOf(target.changes, from);
                return (
                  <li key={target.name}>
                    <span class="what">
                      {target.name} <span class="faint">{target.about}</span>
                    </span>
                    <span class={`answer tone-${toneOf(target.verdict)}`}>
                      {target.word === "" ? "not asked yet" : target.word}
                      {target.since > 0 && <span class="faint"> for {age(now - target.since)}</span>}
                    </span>
                    <HistoryStrip target={target} from={from} to={now} />
                    <span class={`flaps${flaps > 1 ? " many" : ""}`}>
                      {flaps === 0 ? "" : `${flaps} ${flaps === 1 ? "change" : "changes"}`}
                    </span>
                    {target.reason !== "" && <p class="try-error">{target.reason}</p>}
                  </li>
                );
              })}
            </ul>
          </section>
        ))}
        {value?.total === 0 && <p class="faint">Nothing here matches.</p>}
      </div>
      {value !== undefined && value.total > ROWS && (
        <nav class="pages" aria-label="Pages of the list">
          <button
            type="button"
            disabled={offset === 0}
            onClick={() => setQuery({ offset: offset - ROWS <= 0 ? "" : String(offset - ROWS) })}
          >
            Before
          </button>
          <span>
            {offset + 1} to {Math.min(offset + ROWS, value.total)} of {value.total.toLocaleString("en")}
          </span>
          <button
            type="button"
            disabled={offset + ROWS >= value.total}
            onClick={() => setQuery({ offset: String(offset + ROWS) })}
          >
            Next
          </button>
        </nav>
      )}
    </>
  );
}

/** Looks again when something was told that monitoring has found, once per second at most. */
function useMonitoringEvents(value: MonitoringPageAnswer | undefined, onNews: () => void): void {
  const position = useRef<number | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const isLoaded = value !== undefined;
  position.current ??= value?.position;
  // One stream, from the first answer on.
  useEffect(() => {
    if (!isLoaded) return;
    const look = () => {
      timer.current = undefined;
      onNews();
    };
    const stop = followEvents({
      path: `/signalbox/v1/events?from=${(position.current ?? 0) + 1}`,
      onState: tellStreamState,
      onEvent: ({ name, data }) => {
        if (name !== "transition") return;
        const { event, deleted } = data as FleetEvent;
        if (event === "MONITOR" || event === "JOB_FINISHED" || deleted) timer.current ??= setTimeout(look, REFRESH_MS);
      },
    });
    return () => {
      stop();
      clearTimeout(timer.current);
    };
  }, [isLoaded]);
}
