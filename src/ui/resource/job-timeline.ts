import type { HistoryStep, Job } from "../api-types.ts";

/** A piece of a job's life, milliseconds since the epoch; `to` is undefined while it lasts. */
export interface Span {
  readonly phase: "waiting" | "ready" | "working";
  readonly from: number;
  readonly to: number | undefined;
  readonly attempt: number;
  readonly worker: string;
  /** Why a try ended, when it was not the last. */
  readonly error: string;
}

export interface JobRow {
  readonly id: string;
  readonly planned: number;
  /** Ids of the jobs that it waited for at first. */
  readonly waitedFor: readonly string[];
  /** Those that it still waits for. */
  readonly waitsFor: readonly string[];
  readonly spans: readonly Span[];
  readonly devices: readonly string[];
  readonly attempts: number;
  readonly outcome: "finished" | "failed" | "waiting" | "ready" | "working";
  readonly ended: number | undefined;
  readonly error: string;
}

/** What a version did, from its acceptance on. */
export interface VersionRow {
  readonly version: number;
  readonly action: string;
  readonly from: number;
  readonly to: number | undefined;
  readonly outcome: "finished" | "failed" | "working";
  readonly jobs: readonly JobRow[];
  readonly error: string;
}

/** What monitoring made of it: not part of any version. */
export interface OperationalChange {
  readonly time: number;
  readonly seq: number;
  readonly before: string;
  readonly after: string;
}

export interface Timeline {
  readonly versions: readonly VersionRow[];
  readonly changes: readonly OperationalChange[];
}

interface OpenJob {
  readonly row: JobRow;
  readonly phase: Job["phase"];
}
interface OpenVersion {
  readonly version: number;
  readonly action: string;
  readonly from: number;
  readonly jobs: Map<string, OpenJob>;
  to: number | undefined;
  outcome: VersionRow["outcome"];
  error: string;
}

/** Groups transitions as a person thinks: a row per job, with what it waited for and how long everything took. */
export function timelineOf(steps: readonly HistoryStep[]): Timeline {
  const versions: OpenVersion[] = [];
  const changes: OperationalChange[] = [];
  let operational = steps[0]?.operational ?? "unknown";
  for (const step of steps) {
    if (step.operational !== operational) {
      changes.push({ time: step.time, seq: step.seq, before: operational, after: step.operational });
      operational = step.operational;
    }
    let open = versions.at(-1);
    const isNew = step.jobs.some(({ id }) => !versions.some(({ jobs }) => jobs.has(id)));
    if (isNew) {
      open = {
        version: step.version,
        action: step.action ?? "create",
        from: step.time,
        jobs: new Map(),
        to: undefined,
        outcome: "working",
        error: "",
      };
      versions.push(open);
    }
    if (open === undefined || open.to !== undefined) continue;
    for (const job of step.jobs) open.jobs.set(job.id, after(open.jobs.get(job.id), job, step.time));
    if (step.action !== null && !step.after.endsWith("_failed")) continue;
    // The version is over: with the last step its jobs are gone.
    const isFailed = step.after.endsWith("_failed");
    open.to = step.time;
    open.outcome = isFailed ? "failed" : "finished";
    open.error = isFailed ? step.error : "";
    for (const [id, { row, phase }] of open.jobs) {
      if (!isFailed && phase !== "finished")
        open.jobs.set(id, { row: ended(row, "finished", step.time, ""), phase: "finished" });
    }
  }
  return {
    versions: versions.map(({ jobs, ...version }) => ({ ...version, jobs: [...jobs.values()].map(({ row }) => row) })),
    changes,
  };
}

function after(before: OpenJob | undefined, job: Job, time: number): OpenJob {
  const { id, phase, waitsFor, devices, attempt, worker = "", error = "" } = job;
  if (before === undefined) {
    const row: JobRow = {
      id,
      planned: time,
      waitedFor: waitsFor,
      waitsFor,
      spans: phase === "finished" || phase === "failed" ? [] : [span(phase, time, attempt, worker)],
      devices,
      attempts: attempt,
      outcome: phase,
      ended: phase === "finished" || phase === "failed" ? time : undefined,
      error: phase === "failed" ? error : "",
    };
    return { row, phase };
  }
  const row: JobRow = { ...before.row, waitsFor, devices, attempts: attempt };
  if (phase === before.phase && attempt === before.row.attempts) return { row, phase };
  if (phase === "finished" || phase === "failed")
    return { row: ended(row, phase, time, phase === "failed" ? error : ""), phase };
  const isRetry = phase === "ready" && before.phase === "working";
  const spans = [...closed(row.spans, time, isRetry ? error : ""), span(phase, time, attempt, worker)];
  return { row: { ...row, spans, outcome: phase, error: isRetry ? error : row.error }, phase };
}

function ended(row: JobRow, outcome: "finished" | "failed", time: number, error: string): JobRow {
  return { ...row, spans: closed(row.spans, time, error), outcome, ended: time, error, waitsFor: [] };
}

function span(phase: Span["phase"], from: number, attempt: number, worker: string): Span {
  return { phase, from, to: undefined, attempt, worker, error: "" };
}

function closed(spans: readonly Span[], time: number, error: string): Span[] {
  return spans.map((each, at) =>
    at === spans.length - 1 && each.to === undefined ? { ...each, to: time, error } : each,
  );
}
