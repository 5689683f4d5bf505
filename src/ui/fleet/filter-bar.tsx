import { useEffect, useRef } from "preact/hooks";
import { short, words } from "../format.ts";
import { setQuery } from "../location.ts";
import { toneOf } from "../state-chip.tsx";
import { type FleetFilters, STATES } from "./fleet-query.ts";
import type { FleetStore } from "./fleet-store.ts";

/** Between the last key and the search, milliseconds. */
const TYPING_MS = 150;

/** Search, and how many there are in each state, of each type and tenant: each count is a filter. */
export function FilterBar({ filters, store }: { filters: FleetFilters; store: FleetStore | undefined }) {
  const search = useRef<HTMLInputElement>(null);
  const typing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      if (event.key !== "/" || isTyping) return;
      event.preventDefault();
      search.current?.focus();
    };
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("keydown", onKey);
      clearTimeout(typing.current);
    };
  }, []);
  const type = (event: Event) => {
    const { value } = event.currentTarget as HTMLInputElement;
    clearTimeout(typing.current);
    typing.current = setTimeout(() => setQuery({ q: value }), TYPING_MS);
  };
  const counts = store?.counts;
  const isFiltered = filters.text !== "" || filters.types.length + filters.states.length + filters.tenants.length > 0;
  const clear = () => {
    if (search.current) search.current.value = "";
    setQuery({ q: "", type: "", state: "", tenant: "" });
  };
  return (
    <section class="filters" aria-label="Filters">
      <div class="filter-row">
        <label class="search">
          <span class="sr-only">Search names, ids, devices and errors</span>
          <input
            ref={search}
            type="search"
            placeholder="Search name, id, device, error  ( / )"
            defaultValue={filters.text}
            onInput={type}
          />
        </label>
        <Choice label="Type" name="type" chosen={filters.types} counts={counts?.types ?? {}} show={(value) => value} />
        <Choice
          label="Tenant"
          name="tenant"
          chosen={filters.tenants}
          counts={counts?.tenants ?? {}}
          show={(value) => (value === "" ? "none" : short(value))}
        />
        <button type="button" class="quiet" onClick={clear} disabled={!isFiltered}>
          Clear
        </button>
        <span class="total" role="status">
          {(store?.total ?? 0).toLocaleString("en")} resources
        </span>
      </div>
      <div class="state-counts">
        {STATES.map((state) => {
          const number = counts?.states[state] ?? 0;
          const isChosen = filters.states.includes(state);
          const toggle = () =>
            setQuery({
              state: isChosen ? filters.states.filter((each) => each !== state) : [...filters.states, state],
            });
          return (
            <button
              key={state}
              type="button"
              class={`count tone-${number === 0 ? "none" : toneOf(state)}`}
              aria-pressed={isChosen}
              onClick={toggle}
            >
              <span class="dot" aria-hidden="true" />
              {words(state)} <b>{number.toLocaleString("en")}</b>
            </button>
          );
        })}
      </div>
    </section>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly name: string;
  readonly chosen: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly show: (value: string) => string;
}

function Choice({ label, name, chosen, counts, show }: ChoiceProps) {
  // What is chosen stays to be seen when nothing of it is left.
  const values = [...new Set([...Object.keys(counts), ...chosen])].sort();
  return (
    <label class="choice">
      {label}
      <select
        value={chosen[0] ?? "*"}
        onChange={(event) => {
          const { value } = event.currentTarget;
          setQuery({ [name]: value === "*" ? "" : value });
        }}
      >
        <option value="*">all</option>
        {values
          .filter((value) => value !== "")
          .map((value) => (
            <option key={value} value={value}>
              {show(value)} ({counts[value] ?? 0})
            </option>
          ))}
      </select>
    </label>
  );
}
