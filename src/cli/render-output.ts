import { stringify } from "yaml";
import type { JsonObject, TransitionView } from "../actors/gateway-api.ts";

export type OutputFormat = "json" | "table" | "yaml" | "ndjson";

/** The same value with the members of its objects in alphabetical order, as Gohan's client shows them. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}

/** JSON with four spaces, as Gohan's client indents it; ends with a line end. */
export function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 4)}\n`;
}

export function asYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}

/** Rows under their headings, columns as wide as their widest cell; the last one is not padded. */
export function asTable(headings: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return `${[line(headings), rule, ...rows.map(line)].join("\n")}\n`;
}

/** A value in a cell: text as it is, nothing for null, JSON for the rest. Control characters do not reach a terminal. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(/\p{Cc}/gu, " ");
}

/** One resource: its fields below each other. */
export function resourceTable(resource: JsonObject): string {
  return asTable(
    ["FIELD", "VALUE"],
    Object.keys(resource)
      .sort()
      .map((name) => [name, cell(resource[name])]),
  );
}

/** The job that a resource is at: the one that is worked on, else the next. */
export function currentJob(transition: TransitionView): { name: string; devices: string } {
  const order = ["working", "failed", "ready", "waiting"];
  const open = transition.jobs
    .filter((job) => job.phase !== "finished")
    .sort((a, b) => order.indexOf(a.phase) - order.indexOf(b.phase));
  const job = open[0];
  if (job === undefined) return { name: "", devices: "" };
  const phase = job.phase === "working" ? "" : ` (${job.phase})`;
  return { name: `${job.action} ${job.handler}${phase}`, devices: job.devices.join(",") };
}

/** One transition on one line: time of day (UTC), resource, version, state, status, job and device. */
export function transitionLine(transition: TransitionView): string {
  const time = new Date(transition.time).toISOString().slice(11, 23);
  const job = currentJob(transition);
  const words = [
    time,
    transition.type.padEnd(22),
    (transition.name === "" ? transition.id : transition.name).padEnd(28),
    `v${transition.version}`.padEnd(4),
    transition.state.padEnd(20),
    (transition.status ?? "-").padEnd(14),
    transition.operationalState.padEnd(8),
    job.name,
    job.devices,
    transition.error,
  ];
  return cell(words.join(" ")).trimEnd();
}
