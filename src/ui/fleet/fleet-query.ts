/** What a reader wants to see of the fleet: all of it is in the URL. */
export interface FleetFilters {
  readonly text: string;
  readonly types: readonly string[];
  readonly states: readonly string[];
  readonly tenants: readonly string[];
  /** With "-" before it turned round. */
  readonly sort: string;
}

export const STATES = [
  "create_failed",
  "update_failed",
  "delete_failed",
  "down",
  "unavailable",
  "pending_create",
  "pending_update",
  "pending_delete",
  "unwatched",
  "up",
] as const;

export function filtersOf(query: URLSearchParams): FleetFilters {
  return {
    text: query.get("q") ?? "",
    types: query.getAll("type"),
    states: query.getAll("state"),
    tenants: query.getAll("tenant"),
    sort: query.get("sort") ?? "name",
  };
}

/** The path of a page of the fleet. */
export function fleetPath({ text, types, states, tenants, sort }: FleetFilters, offset: number, limit: number): string {
  const query = new URLSearchParams({ sort, offset: String(offset), limit: String(limit) });
  if (text !== "") query.set("q", text);
  for (const type of types) query.append("type", type);
  for (const state of states) query.append("state", state);
  for (const tenant of tenants) query.append("tenant", tenant);
  return `/signalbox/v1/fleet?${query}`;
}
