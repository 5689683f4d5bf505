import { describe, expect, it } from "vitest";
import { absentResource, resourceTransition } from "../../../../src/machines/resource/resource-machine.ts";
import { changedBody, latestVersion, NO_CHANGES } from "../../../../src/machines/resource/resource-steps.ts";
import type { Effect, ResourceEvent } from "../../../../src/machines/resource/resource-types.ts";
import {
  admit,
  admitAtOnce,
  bad,
  body,
  create,
  created,
  failed,
  finished,
  good,
  jobId,
  monitor,
  noJobs,
  plan,
  propose,
  remove,
  retry,
  start,
  started,
  stateAfter,
  update,
  wayTo,
  worked,
  written,
} from "./things.ts";

const heat = jobId("create", "heat_worker", 1);
const monitoring = jobId("create", "monitoring_worker", 1);
const effectsOf = (events: readonly ResourceEvent[], event: ResourceEvent) =>
  resourceTransition(stateAfter(events), event).effects;
const offers = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.kind === "offer" ? [[effect.queue, effect.jobId]] : []));
const commands = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.kind === "command" ? [[effect.to, effect.event]] : []));

describe("a creation", () => {
  it("writes its config, its jobs and an empty job_state, and offers the job that waits for nothing", () => {
    const effects = effectsOf([], create());
    const planned = plan("create", 1);
    expect(written(effects)).toEqual([
      ["/config/v2.0/things/t1", { body: body({}), version: 1, marked_for_deletion: false }],
      [`/jobs/all/${heat}`, ["heat_worker", planned.jobs[0], 0]],
      [`/jobs/ready/${heat}`, "heat_worker"],
      [`/jobs/all/${monitoring}`, ["monitoring_worker", planned.jobs[1], 0]],
      [`/jobs/waiting/${monitoring}`, "monitoring_worker"],
      ["/esi-worker/job_state/v2.0/things/t1", {}],
    ]);
    expect(offers(effects)).toEqual([["heat_worker", heat]]);
  });

  it("without a proposal is what it is with one, but for its place in the log", () => {
    const proposed = stateAfter([propose(), admit()]);
    const atOnce = stateAfter([admitAtOnce()]);
    expect(atOnce).toEqual({ ...proposed, context: { ...proposed.context, proposedSeq: 0 } });
    expect(effectsOf([], admitAtOnce())).toEqual(effectsOf([propose()], admit()));
  });

  it("that waits for others offers nothing until all of them are done", () => {
    const waiting = create(plan("create", 1, { waitsFor: ["a", "b"] }));
    const done = (dependency: string): ResourceEvent => ({ type: "DEPENDENCY_FINISHED", dependency });
    expect(offers(effectsOf([], waiting))).toEqual([]);
    expect(offers(effectsOf([waiting], done("a")))).toEqual([]);
    const effects = effectsOf([waiting, done("b")], done("a"));
    expect(offers(effects)).toEqual([["heat_worker", heat]]);
    expect(written(effects)).toEqual([
      [`/jobs/waiting/${heat}`, null],
      [`/jobs/ready/${heat}`, "heat_worker"],
    ]);
  });

  it("is complete at once without jobs", () => {
    expect(written(effectsOf([], create(noJobs)))).toEqual([
      ["/config/v2.0/things/t1", { body: body({}), version: 1, marked_for_deletion: false }],
      ["/state/v2.0/things/t1", { state: { worker_state: "READ_COMPLETE" }, version: 1, error: "" }],
      ["/esi-worker/job_state/v2.0/things/t1", null],
    ]);
  });

  it("goes on with the monitoring when the stack is there, and keeps its outputs", () => {
    const snapshot = stateAfter([create(), started(heat)]);
    const { effects } = resourceTransition(snapshot, finished(heat));
    const outputs = [{ output_key: "id", output_value: "x1", description: "Its id." }];
    expect(written(effects)).toEqual([
      [`/jobs/ready/${heat}`, null],
      [`/jobs/working/${heat}`, null],
      [`/jobs/finished/${heat}`, ""],
      [
        "/esi-worker/heat_stacks/v2.0/things/t1",
        {
          stack_id: "thing_t1",
          tenant_id: "b3e3095c0a5b4383805efe9cf2a6b5ef",
          stack_status: "CREATE_COMPLETE",
          status_reason: "Stack CREATE completed successfully",
          output: outputs,
          id: "thing:t1",
        },
      ],
      ["/esi-worker/job_state/v2.0/things/t1", { heat_outputs: outputs }],
      [`/jobs/waiting/${monitoring}`, null],
      [`/jobs/ready/${monitoring}`, "monitoring_worker"],
    ]);
    expect(offers(effects)).toEqual([["monitoring_worker", monitoring]]);
  });

  it("says in /state what came of it, and leaves nothing of its jobs", () => {
    const before = stateAfter([create(), ...worked({ jobs: plan("create", 1).jobs.slice(0, 1), templates: {} })]);
    const effects = written(resourceTransition(before, finished(monitoring)).effects);
    expect(new Map(effects).get("/state/v2.0/things/t1")).toEqual({
      state: {
        worker_state: "CREATE_COMPLETED",
        state_monitoring: '{"port":"ACTIVE"}',
        heat_outputs: '[{"output_key":"id","output_value":"x1","description":"Its id."}]',
      },
      version: 1,
      error: "",
    });
    const left = new Map(effects);
    for (const id of [heat, monitoring])
      for (const phase of ["all", "waiting", "ready", "working", "finished"])
        expect(left.get(`/jobs/${phase}/${id}`)).toBeNull();
    expect(left.get("/esi-worker/job_state/v2.0/things/t1")).toBeNull();
  });

  it("by proposal is stored with its place in the log, and calls its dependents and changes into being", () => {
    const dependent = { to: { type: "port", id: "p1" }, event: create() as Extract<ResourceEvent, { type: "CREATE" }> };
    const change = { to: { type: "gateway", id: "g1" }, set: { connected: "t1" } };
    const later = { to: { type: "gateway", id: "g1" }, set: { connected: "later" } };
    const event: ResourceEvent = {
      ...(admit() as Extract<ResourceEvent, { type: "ADMIT" }>),
      changes: { now: [change], onComplete: [later], onDeleted: [] },
      dependents: [dependent],
    };
    const { snapshot, effects } = resourceTransition(stateAfter([propose()]), event);
    expect(snapshot.context.proposedSeq).toBe(5);
    const update_ = { type: "UPDATE", plan: null, changes: NO_CHANGES, uniques: [], references: [] };
    expect(commands(effects)).toEqual([
      [dependent.to, dependent.event],
      [change.to, { ...update_, set: change.set }],
    ]);
    const last = resourceTransition(stateAfter([started(heat), finished(heat)], snapshot), finished(monitoring));
    expect(commands(last.effects)).toEqual([[later.to, { ...update_, set: later.set }]]);
  });
});

describe("a job", () => {
  it("is working at a worker, and counts its tries", () => {
    const first = stateAfter([create(), started(heat)]);
    expect(first.context.jobs[0]).toMatchObject({ phase: "working", worker: "w1", attempt: 1, startedAt: 1000 });
    const again = resourceTransition(first, { type: "JOB_RETRIED", jobId: heat, error: "SB_X: busy" });
    expect(again.snapshot.context.jobs[0]).toMatchObject({ phase: "ready", attempt: 1, error: "SB_X: busy" });
    expect(written(again.effects)).toEqual([
      [`/jobs/working/${heat}`, null],
      [`/jobs/all/${heat}`, ["heat_worker", plan("create", 1).jobs[0], 1]],
      [`/jobs/ready/${heat}`, "heat_worker"],
    ]);
    // Whoever takes it next, at a later time: the first start stays.
    const second = stateAfter([{ type: "JOB_STARTED", jobId: heat, worker: "w2", at: 2000 }], again.snapshot);
    expect(second.context.jobs[0]).toMatchObject({ phase: "working", worker: "w2", attempt: 2, startedAt: 1000 });
    // Why the try before failed can be seen until this one is over.
    expect(second.context.jobs[0]).toMatchObject({ error: "SB_X: busy" });
  });

  it("that is done is done: a second report of it changes nothing", () => {
    const done = stateAfter([create(), started(heat), finished(heat)]);
    for (const event of [started(heat), finished(heat), failed(heat)])
      expect(resourceTransition(done, event).taken).toBe(false);
  });

  it("that waits cannot start before its turn", () => {
    const snapshot = stateAfter([create()]);
    for (const event of [started(monitoring), finished(monitoring), failed(monitoring)])
      expect(resourceTransition(snapshot, event).taken).toBe(false);
  });
});

describe("a failure", () => {
  it("fails the version, says so everywhere, and leaves nothing of its jobs", () => {
    const { snapshot, effects } = resourceTransition(stateAfter([create(), started(heat)]), failed(heat));
    const left = new Map(written(effects));
    expect(left.get("/esi-worker/heat_stacks/v2.0/things/t1")).toMatchObject({
      stack_status: "CREATE_FAILED",
      status_reason: "SB_X: it broke",
    });
    expect(left.get("/state/v2.0/things/t1")).toEqual({
      state: { worker_state: "CREATE_FAILED" },
      version: 1,
      error: "SB_X: it broke",
    });
    expect([...left].filter(([key, value]) => key.startsWith("/jobs/") && value !== null)).toEqual([]);
    expect(snapshot.context).toMatchObject({ action: null, error: "SB_X: it broke" });
    expect(snapshot.context.jobs.map(({ phase }) => phase)).toEqual(["failed", "waiting"]);
  });

  it("keeps what a job may have left behind, to take it away later", () => {
    const applied = { routers: [], objects: [{ action: "ensure", kind: "vm", uuid: "u" }] } as const;
    const event: ResourceEvent = { type: "JOB_FAILED", jobId: heat, error: "SB_X", applied };
    const { snapshot } = resourceTransition(stateAfter([create(), started(heat)]), event);
    expect(snapshot.context.applied).toEqual(applied);
  });

  it("of what it waits for fails it, with that error", () => {
    const waiting = stateAfter([create(plan("create", 1, { waitsFor: ["a"] }))]);
    const { snapshot, effects } = resourceTransition(waiting, {
      type: "DEPENDENCY_FAILED",
      dependency: "a",
      error: "SB_DEPENDENCY_FAILED: base b1 failed",
    });
    expect(snapshot.value.lifecycle).toBe("create_failed");
    expect(new Map(written(effects)).get("/state/v2.0/things/t1")).toMatchObject({
      error: "SB_DEPENDENCY_FAILED: base b1 failed",
    });
  });

  it("is forgotten by a retry, which has jobs of its own", () => {
    const again = plan("create", 1, { steps: [["create", "heat_worker"]] });
    const snapshot = stateAfter([...wayTo.create_failed, retry(again)]);
    expect(snapshot.context).toMatchObject({ version: 1, error: "", action: "create" });
    expect(snapshot.context.jobs.map(({ phase, attempt }) => [phase, attempt])).toEqual([["ready", 0]]);
    expect(stateAfter(worked(again), snapshot).value.lifecycle).toBe("create_completed");
  });

  it("to end a monitoring is no failure: the version goes on, and nothing is watched any more", () => {
    const ending = jobId("delete", "monitoring_worker", 2);
    const before = stateAfter([...created, monitor(1, good), update(plan("update", 2))]);
    expect(before.value.operational).toBe("up");
    const { snapshot, effects } = resourceTransition(before, failed(ending));
    expect(snapshot.value).toEqual({ lifecycle: "pending_update", operational: "unknown" });
    expect(snapshot.context).toMatchObject({ monitoring: null, stateMonitoring: null, statuses: {} });
    expect(offers(effects)).toEqual([["heat_worker", jobId("modify", "heat_worker", 2)]]);
    expect(written(effects)).toContainEqual(["/monitoring/v2.0/things/t1", null]);
  });
});

describe("versions", () => {
  it("take effect in order, each written when it is accepted and planned in its turn", () => {
    const queued = resourceTransition(stateAfter([create()]), update(null, { name: "two" }));
    expect(written(queued.effects)).toEqual([
      [
        "/config/v2.0/things/t1",
        { body: body({ name: "two", status: "PENDING_CREATE" }), version: 2, marked_for_deletion: false },
      ],
    ]);
    const third = stateAfter([update(null, { color: "red" })], queued.snapshot);
    expect(latestVersion(third.context)).toBe(3);
    // A later version builds on the one before it, whichever has had its turn.
    expect(third.context.queue.map(({ version, body: wanted }) => [version, wanted["name"], wanted["color"]])).toEqual([
      [2, "two", undefined],
      [3, "two", "red"],
    ]);
    expect(third.context.body["name"]).toBe("one");
    const complete = stateAfter(worked(plan("create", 1)), third);
    expect(complete.context.effective?.["name"]).toBe("one");
    const second = resourceTransition(complete, start(plan("update", 2)));
    expect(second.snapshot.context).toMatchObject({ version: 2, action: "update" });
    expect(second.snapshot.context.queue).toHaveLength(1);
    // Its config was written already; writing it now would hide version 3.
    expect(written(second.effects).map(([key]) => key)).not.toContain("/config/v2.0/things/t1");
  });

  it("show what a client was promised as their status", () => {
    expect(changedBody(stateAfter(created).context, { name: "x" })["status"]).toBe("PENDING_UPDATE");
    expect(changedBody(stateAfter([create()]).context, { name: "x" })["status"]).toBe("PENDING_CREATE");
    const without = stateAfter([create(plan("create", 1), { hasStatus: false })]).context;
    expect(changedBody({ ...without, body: { id: "t1" } }, { name: "x" })).toEqual({ id: "t1", name: "x" });
  });

  it("hold the new unique values and references from the moment they are accepted", () => {
    for (const before of [stateAfter(created), stateAfter([create()])]) {
      const { context } = stateAfter([update(null, { name: "two" })], before);
      expect([context.uniques, context.references]).toEqual([[{ field: "name", value: "two" }], []]);
    }
    const { context } = stateAfter([update(plan("update", 2), { name: "two" })], stateAfter(created));
    expect([context.uniques, context.references]).toEqual([[{ field: "name", value: "two" }], []]);
  });

  it("that were never built are created, not updated", () => {
    const snapshot = stateAfter([...wayTo.create_failed, update(plan("create", 2))]);
    expect([snapshot.value.lifecycle, snapshot.context.action]).toEqual(["pending_create", "create"]);
  });

  it("that cannot be planned fail, and keep what was there", () => {
    const before = stateAfter([...created, update(null, { name: "two" })]);
    const { snapshot, effects } = resourceTransition(before, { type: "START_FAILED", error: "SB_X: no plan" });
    expect(snapshot.value.lifecycle).toBe("update_failed");
    expect(snapshot.context).toMatchObject({ version: 2, queue: [], error: "SB_X: no plan" });
    expect(snapshot.context.effective?.["name"]).toBe("one");
    expect(written(effects)).toEqual([
      ["/state/v2.0/things/t1", expect.objectContaining({ version: 2, error: "SB_X: no plan" })],
    ]);
  });
});

describe("a deletion", () => {
  it("is written at once, waits for its turn, and tells what belongs to it", () => {
    const event: ResourceEvent = { type: "DELETE", changes: NO_CHANGES, dependents: [{ type: "port", id: "p1" }] };
    const { snapshot, effects } = resourceTransition(stateAfter(created), event);
    expect(snapshot.context).toMatchObject({ markedForDeletion: true, deletionProposed: false });
    expect(written(effects)).toEqual([
      ["/config/v2.0/things/t1", { body: body({ status: "PENDING_DELETE" }), version: 2, marked_for_deletion: true }],
    ]);
    expect(commands(effects)).toEqual([
      [
        { type: "port", id: "p1" },
        { type: "DELETE", changes: NO_CHANGES, dependents: [] },
      ],
    ]);
  });

  it("comes after the versions before it, which still have their turn", () => {
    const snapshot = stateAfter([create(), update(null), remove()]);
    expect(snapshot.context.queue.map(({ action, version }) => [action, version])).toEqual([
      ["update", 2],
      ["delete", 3],
    ]);
    const next = stateAfter([...worked(plan("create", 1)), start(plan("update", 2))], snapshot);
    expect(next.value.lifecycle).toBe("pending_update");
  });

  it("tells others when it is over", () => {
    const change = { to: { type: "gateway", id: "g1" }, set: { connected: "" } };
    const event: ResourceEvent = {
      type: "DELETE",
      changes: { now: [], onComplete: [], onDeleted: [change] },
      dependents: [],
    };
    const before = stateAfter([
      ...created,
      event,
      start(plan("delete", 2)),
      finished(jobId("delete", "monitoring_worker", 2)),
    ]);
    const { snapshot, effects } = resourceTransition(before, finished(jobId("delete", "heat_worker", 2)));
    expect(snapshot.value.lifecycle).toBe("deleted");
    expect(commands(effects)).toMatchObject([[change.to, { type: "UPDATE", set: change.set }]]);
  });
});

describe("what monitoring sees", () => {
  it("decides how the resource is, as long as it is about the version in force", () => {
    const snapshot = stateAfter(created);
    const states = [good, bad].map(
      (status) => resourceTransition(snapshot, monitor(1, status)).snapshot.value.operational,
    );
    expect(states).toEqual(["up", "fail"]);
    expect(resourceTransition(snapshot, monitor(2, bad)).taken).toBe(false);
    expect(written(resourceTransition(snapshot, monitor(1, bad)).effects)).toEqual([
      ["/monitoring/v2.0/things/t1", { version: 1, port: "DOWN" }],
    ]);
  });

  it("is unavailable when one cannot be asked and none is bad", () => {
    const silent = {
      word: "MONITORING_UNAVAILABLE",
      published: "MONITORING_UNAVAILABLE",
      verdict: "unavailable",
    } as const;
    const of = (statuses: Record<string, typeof good>) =>
      resourceTransition(stateAfter(created), { type: "MONITOR", version: 1, statuses }).snapshot.value.operational;
    expect(of({ port: good, other: silent })).toBe("unavailable");
    expect(of({ port: bad, other: silent })).toBe("fail");
  });

  it("is published only while it is bad for a target that is not to be published", () => {
    const quiet: ResourceEvent = {
      type: "JOB_FINISHED",
      jobId: monitoring,
      result: {
        kind: "monitoring",
        targets: [{ name: "port", kind: "resource_status", settings: {}, publish: false }],
        statuses: { port: good },
      },
    };
    const snapshot = stateAfter([create(), finished(heat), quiet]);
    expect(written(resourceTransition(snapshot, monitor(1, bad)).effects)).toEqual([
      ["/monitoring/v2.0/things/t1", { version: 1, port: "DOWN" }],
    ]);
    expect(written(resourceTransition(snapshot, { ...monitor(1, good) }).effects)).toEqual([
      ["/monitoring/v2.0/things/t1", null],
    ]);
  });
});

describe("a command that comes twice", () => {
  it("is known by its id, of which the last thirty-two are kept", () => {
    const commands = Array.from(
      { length: 36 },
      (_, at): ResourceEvent => ({ ...update(null, { name: `n${at}` }), messageId: `m${at}` }),
    );
    const { context } = stateAfter([create(plan("create", 1), { messageId: "m" }), ...commands]);
    expect(context.seen).toEqual(commands.slice(4).map(({ messageId }) => messageId));
  });
});

describe("the state before the first event", () => {
  it("is the same every time", () => {
    expect(absentResource()).toEqual(absentResource());
    expect(absentResource().value).toEqual({ lifecycle: "absent", operational: "unknown" });
  });
});
