import { describe, expect, it } from "vitest";
import type { HistoryStep, Job } from "../../../src/ui/api-types.ts";
import { timelineOf } from "../../../src/ui/resource/job-timeline.ts";

const HEAT = "create:heat_worker:link:l1:1:aaaaa";
const WATCH = "create:monitoring_worker:link:l1:1:bbbbb";
const OTHER = "create:heat_worker:site:s1:1:ccccc";

function job(id: string, phase: Job["phase"], more: Partial<Job> = {}): Job {
  return {
    id,
    action: "create",
    handler: "heat_worker",
    phase,
    waitsFor: [],
    attempt: 0,
    devices: ["10.0.0.1"],
    ...more,
  };
}

function step(time: number, event: string, more: Partial<HistoryStep>): HistoryStep {
  return {
    seq: time,
    time,
    event,
    before: "pending_create",
    after: "pending_create",
    operational: "unknown",
    version: 1,
    action: "create",
    status: null,
    error: "",
    jobs: [],
    queued: 0,
    ...more,
  };
}

const waiting = job(WATCH, "waiting", { waitsFor: [HEAT] });
const creation = [
  step(100, "ADMIT", { before: "proposed", jobs: [job(HEAT, "waiting", { waitsFor: [OTHER] }), waiting] }),
  step(200, "DEPENDENCY_FINISHED", { jobs: [job(HEAT, "ready"), waiting] }),
  step(250, "JOB_STARTED", { jobs: [job(HEAT, "working", { attempt: 1, worker: "w1" }), waiting] }),
  step(400, "JOB_RETRIED", {
    jobs: [job(HEAT, "ready", { attempt: 1, worker: "w1", error: "SB_LOCK_DENIED: locked" }), waiting],
  }),
  step(500, "JOB_STARTED", {
    jobs: [job(HEAT, "working", { attempt: 2, worker: "w2", error: "SB_LOCK_DENIED: locked" }), waiting],
  }),
];

describe("the timeline", () => {
  it("has a row per job: what it waited for, how long each part took, its tries and where they ran", () => {
    const [version] = timelineOf(creation).versions;
    expect(version).toMatchObject({ version: 1, action: "create", from: 100, to: undefined, outcome: "working" });
    const [heat, watch] = version?.jobs ?? [];
    expect(heat).toMatchObject({
      planned: 100,
      waitedFor: [OTHER],
      waitsFor: [],
      attempts: 2,
      outcome: "working",
      devices: ["10.0.0.1"],
    });
    expect(heat?.spans.map(({ phase, from, to, worker, error }) => [phase, from, to, worker, error])).toEqual([
      ["waiting", 100, 200, "", ""],
      ["ready", 200, 250, "", ""],
      ["working", 250, 400, "w1", "SB_LOCK_DENIED: locked"],
      ["ready", 400, 500, "w1", ""],
      ["working", 500, undefined, "w2", ""],
    ]);
    expect(watch).toMatchObject({ waitsFor: [HEAT], outcome: "waiting" });
  });

  it("ends the last job with the version, although its jobs are gone by then", () => {
    const steps = [
      ...creation,
      step(900, "JOB_FINISHED", { jobs: [job(HEAT, "finished", { attempt: 2 }), job(WATCH, "ready")] }),
      step(950, "JOB_STARTED", {
        jobs: [job(HEAT, "finished", { attempt: 2 }), job(WATCH, "working", { attempt: 1, worker: "m" })],
      }),
      step(990, "JOB_FINISHED", { after: "create_completed", action: null, operational: "up" }),
      step(2_000, "MONITOR", {
        before: "create_completed",
        after: "create_completed",
        action: null,
        operational: "fail",
      }),
    ];
    const { versions, changes } = timelineOf(steps);
    expect(versions).toHaveLength(1);
    expect(versions[0]).toMatchObject({ to: 990, outcome: "finished" });
    expect(versions[0]?.jobs.map(({ outcome, ended }) => [outcome, ended])).toEqual([
      ["finished", 900],
      ["finished", 990],
    ]);
    expect(changes.map(({ time, before, after }) => [time, before, after])).toEqual([
      [990, "unknown", "up"],
      [2_000, "up", "fail"],
    ]);
  });

  it("shows why a version failed, and its retry as another run", () => {
    const error = "SB_COMMIT_REJECTED: no";
    const steps = [
      ...creation,
      step(600, "JOB_FAILED", {
        after: "create_failed",
        action: null,
        error,
        jobs: [job(HEAT, "failed", { attempt: 2, error }), waiting],
      }),
      step(700, "RETRY", { before: "create_failed", jobs: [job("create:heat_worker:link:l1:1:ddddd", "ready")] }),
    ];
    const { versions } = timelineOf(steps);
    expect(versions.map(({ outcome, error: why }) => [outcome, why])).toEqual([
      ["failed", error],
      ["working", ""],
    ]);
    expect(versions[0]?.jobs[0]).toMatchObject({ outcome: "failed", error, ended: 600 });
    expect(versions[0]?.jobs[1]).toMatchObject({ outcome: "waiting" });
  });
});
