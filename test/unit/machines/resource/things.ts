import type { Job } from "../../../../src/catalogue/plan-jobs.ts";
import type { Body, Handler } from "../../../../src/catalogue/resource-view.ts";
import {
  absentResource,
  type ResourceSnapshot,
  resourceTransition,
} from "../../../../src/machines/resource/resource-machine.ts";
import type { Lifecycle } from "../../../../src/machines/resource/resource-status.ts";
import { NO_CHANGES } from "../../../../src/machines/resource/resource-steps.ts";
import type {
  Effect,
  MonitoringTarget,
  PlannedVersion,
  ResourceEvent,
  TargetStatus,
} from "../../../../src/machines/resource/resource-types.ts";

/** Events of a resource `thing t1`, and the shortest way to each state. */

export const good: TargetStatus = { word: "ACTIVE", published: "UP", verdict: "good" };
export const bad: TargetStatus = { word: "DOWN", published: "DOWN", verdict: "bad" };
export const silent: TargetStatus = {
  word: "MONITORING_UNAVAILABLE",
  published: "MONITORING_UNAVAILABLE",
  verdict: "unavailable",
};
export const target: MonitoringTarget = { name: "port", kind: "snmp_interface", settings: {}, publish: true };

type Step = readonly [Job["action"], Handler];
const chains: Readonly<Record<"create" | "update" | "delete", readonly Step[]>> = {
  create: [
    ["create", "heat_worker"],
    ["create", "monitoring_worker"],
  ],
  update: [
    ["delete", "monitoring_worker"],
    ["modify", "heat_worker"],
    ["create", "monitoring_worker"],
  ],
  delete: [
    ["delete", "monitoring_worker"],
    ["delete", "heat_worker"],
  ],
};

export function jobId(action: Job["action"], handler: Handler, version: number): string {
  return `${action}:${handler}:thing:t1:${version}:aaaaa`;
}

/** The chain of a version as the planner makes it; each job waits for the one before it. */
export function plan(
  action: "create" | "update" | "delete",
  version: number,
  options: { steps?: readonly Step[]; waitsFor?: readonly string[] } = {},
): PlannedVersion {
  const steps = options.steps ?? chains[action];
  const ids = steps.map(([verb, handler]) => jobId(verb, handler, version));
  const jobs = steps.map(
    ([verb, handler], at): Job => ({
      id: ids[at] ?? "",
      action: verb,
      handler,
      job_name: `thing:t1:${version}`,
      resource_type: "thing",
      resource_id: "t1",
      version,
      resource_input: body({}),
      dependency: at === 0 ? (options.waitsFor ?? []) : [ids[at - 1] ?? ""],
      is_first: at === 0,
      is_last: at === steps.length - 1,
      on_failure: verb === "delete" && handler === "monitoring_worker" ? "ignore" : "fail",
      params: [],
    }),
  );
  return { jobs, templates: { heat_worker: "make", monitoring_worker: "watch" } };
}

export const noJobs: PlannedVersion = { jobs: [], templates: {} };

export function body(more: Body): Body {
  return { id: "t1", name: "one", tenant_id: "b3e3095c0a5b4383805efe9cf2a6b5ef", status: "PENDING_CREATE", ...more };
}

const naming = {
  resourceType: "thing",
  collection: "things",
  id: "t1",
  hasStatus: true,
  owner: null,
  claims: [],
  uniques: [{ field: "name", value: "one" }],
  references: [{ type: "base", id: "b1" }],
} as const;

export const propose = (): ResourceEvent => ({ type: "PROPOSE", by: "p", ...naming });
export const admit = (planned = plan("create", 1)): ResourceEvent => ({
  type: "ADMIT",
  proposedSeq: 5,
  body: body({}),
  plan: planned,
  changes: NO_CHANGES,
  dependents: [],
});
/** Of what needs no proposal. */
export const admitAtOnce = (planned?: PlannedVersion): ResourceEvent =>
  ({ ...admit(planned), proposedSeq: 0, named: naming }) as ResourceEvent;
export const create = (planned = plan("create", 1), more: Partial<ResourceEvent> = {}): ResourceEvent =>
  ({
    type: "CREATE",
    ...naming,
    body: body({}),
    plan: planned,
    changes: NO_CHANGES,
    fixedStatus: null,
    ...more,
  }) as ResourceEvent;
export const update = (planned: PlannedVersion | null, set: Body = { name: "two" }): ResourceEvent => ({
  type: "UPDATE",
  set,
  plan: planned,
  changes: NO_CHANGES,
  uniques: [{ field: "name", value: String(set["name"] ?? "one") }],
  references: [],
});
export const remove = (): ResourceEvent => ({ type: "DELETE", changes: NO_CHANGES, dependents: [] });
export const start = (planned: PlannedVersion): ResourceEvent => ({ type: "START", plan: planned });
export const retry = (planned: PlannedVersion): ResourceEvent => ({ type: "RETRY", plan: planned });
export const started = (id: string): ResourceEvent => ({ type: "JOB_STARTED", jobId: id, worker: "w1", at: 1000 });
export const failed = (id: string): ResourceEvent => ({ type: "JOB_FAILED", jobId: id, error: "SB_X: it broke" });
export const monitor = (version: number, status: TargetStatus): ResourceEvent => ({
  type: "MONITOR",
  version,
  statuses: { port: status },
});

/** A job of that handler is done. */
export function finished(id: string): ResourceEvent {
  const [action, handler] = id.split(":");
  if (handler === "heat_worker") {
    const outputs = [{ output_key: "id", output_value: "x1", description: "Its id." }];
    return {
      type: "JOB_FINISHED",
      jobId: id,
      result: { kind: "stack", outputs: action === "delete" ? [] : outputs, applied: null },
    };
  }
  return action === "delete"
    ? { type: "JOB_FINISHED", jobId: id, result: { kind: "monitoring-removed" } }
    : {
        type: "JOB_FINISHED",
        jobId: id,
        result: { kind: "monitoring", targets: [target], statuses: { port: good } },
      };
}

/** Applies events one after the other; each must mean something. */
export function stateAfter(
  events: readonly ResourceEvent[],
  from: ResourceSnapshot = absentResource(),
): ResourceSnapshot {
  return events.reduce((snapshot, event) => {
    const result = resourceTransition(snapshot, event);
    if (!result.taken) throw new Error(`${event.type} means nothing in ${snapshot.value.lifecycle}`);
    return result.snapshot;
  }, from);
}

/** The events by which a chain is worked off. */
export function worked(planned: PlannedVersion): ResourceEvent[] {
  return planned.jobs.flatMap(({ id }) => [started(id), finished(id)]);
}

export const created = [create(), ...worked(plan("create", 1))];

/** The events that lead to each state, by the shortest way. */
export const wayTo: Readonly<Record<Lifecycle, readonly ResourceEvent[]>> = {
  absent: [],
  proposed: [propose()],
  pending_create: [create()],
  create_completed: created,
  create_failed: [create(), failed(jobId("create", "heat_worker", 1))],
  pending_update: [...created, update(plan("update", 2))],
  update_failed: [
    ...created,
    update(plan("update", 2)),
    finished(jobId("delete", "monitoring_worker", 2)),
    failed(jobId("modify", "heat_worker", 2)),
  ],
  pending_delete: [...created, remove(), start(plan("delete", 2))],
  delete_failed: [
    ...created,
    remove(),
    start(plan("delete", 2)),
    finished(jobId("delete", "monitoring_worker", 2)),
    failed(jobId("delete", "heat_worker", 2)),
  ],
  deleted: [...created, remove(), start(plan("delete", 2)), ...worked(plan("delete", 2))],
};

export const written = (effects: readonly Effect[]): Array<readonly [string, unknown]> =>
  effects.flatMap((effect) => (effect.kind === "write" ? [[effect.key, effect.value] as const] : []));
