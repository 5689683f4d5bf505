import { JOURNAL_PREFIX, parseJournal } from "../../src/actors/devices/lane-journal.ts";
import type { KillMoment, Mode } from "./kill-moments.ts";
import type { RunFailed } from "./run-failed.ts";
import type { Run } from "./run-scenario.ts";
import type { Kill } from "./scene.ts";

const columns = [
  ["RUN", 28],
  ["TIMING", 8],
  ["CLIENT", 10],
  ["MOMENT", 16],
  ["REQUESTS", 9],
  ["TRANSITIONS", 12],
  ["FOUND", 6],
  ["AGAIN", 6],
  ["COMMITS", 8],
  ["REDONE", 7],
  ["SECONDS", 8],
  ["RESULT", 8],
] as const;

const row = (cells: readonly string[]): string =>
  columns
    .map(([, width], at) => (cells[at] ?? "").padEnd(width))
    .join(" ")
    .trimEnd();

/** What stands above the lines. */
export function reportTitle(): string {
  return row(columns.map(([name]) => name));
}

export interface Reported {
  readonly name: string;
  readonly mode: Mode;
  readonly kills: readonly KillMoment[];
  readonly ms: number;
  /** Invariants that do not hold. */
  readonly broken?: number;
  readonly run?: Run;
  readonly failed?: RunFailed<Kill>;
}

/**
 * One run in a line: the moment (sightings + milliseconds), how many requests were sent and how many transitions
 * followed at the last kill, resources found after their answer was lost, requests sent again, commits of both routers,
 * and how many transactions of them had to be done once more.
 */
export function reportLine({ name, mode, kills, ms, broken = 1, run, failed }: Reported): string {
  const last = (run ?? failed)?.kills.at(-1);
  const [moment] = kills;
  const commits = run?.outcome.routers.map(({ overview }) => overview.statistics.commits).join("+") ?? "";
  return row([
    name,
    mode.timing,
    `${mode.pace}/${mode.retry}`,
    kills.length === 1 && moment !== undefined ? momentText(moment) : `${kills.length} kills`,
    last === undefined ? "" : String(last.requests),
    last === undefined ? "" : String(last.transitions),
    run === undefined ? "" : String(run.outcome.acknowledged.filter(({ how }) => how === "found").length),
    run === undefined ? "" : String(run.repeated),
    commits,
    run === undefined ? "" : String(redone(run)),
    (ms / 1000).toFixed(1),
    broken === 0 ? "ok" : "BROKEN",
  ]);
}

function momentText({ after, of, delayMs }: KillMoment): string {
  return `${of === "commit" ? "commit " : ""}${after}+${delayMs}ms`;
}

/** Transactions with a job that a later one has again: a kill came before their outcome was kept. */
function redone({ outcome }: Run): number {
  const jobsOf = new Map<string, readonly string[]>();
  for (const record of outcome.records) {
    if (!record.subject.startsWith(JOURNAL_PREFIX)) continue;
    const { tag, jobs } = parseJournal(record);
    jobsOf.set(tag, jobs);
  }
  const transactions = [...jobsOf.values()];
  return transactions.filter((jobs, at) =>
    transactions.slice(at + 1).some((later) => later.some((job) => jobs.includes(job))),
  ).length;
}
