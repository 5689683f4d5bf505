import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { tellStreamState } from "../frame/live-state.tsx";
import { setQuery, useLocation } from "../location.ts";
import { ProblemPanel } from "../problem-panel.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { filtersOf } from "./fleet-query.ts";
import { FleetStore } from "./fleet-store.ts";
import { FleetTable } from "./fleet-table.tsx";

/** All resources: what there is, how it is, and what wants looking at. */
export function FleetPage() {
  const { query } = useLocation();
  const wanted = query.toString();
  // The text says all of the query.
  const filters = useMemo(() => filtersOf(query), [wanted]);
  const [, setTurn] = useState(0);
  const [store, setStore] = useState<FleetStore>();
  // While another list loads, the one before stays.
  const former = useRef<FleetStore | undefined>(undefined);
  useEffect(() => {
    const next = new FleetStore({
      filters,
      onChange: () => setTurn((turn) => turn + 1),
      onState: tellStreamState,
    });
    setStore(next);
    return () => {
      former.current = next;
      next.close();
    };
  }, [filters]);
  const shown = store?.isLoaded === true || former.current === undefined ? store : former.current;
  return (
    <>
      <h1 class="sr-only">Fleet</h1>
      <FilterBar filters={filters} store={shown} />
      {store?.error !== undefined && <ProblemPanel error={store.error} />}
      {shown !== undefined && (
        <FleetTable
          store={shown}
          sort={filters.sort}
          onSort={(sort) => setQuery({ sort: sort === "name" ? "" : sort })}
        />
      )}
    </>
  );
}
