import type { Body } from "../../catalogue/resource-view.ts";
import { devicesOf } from "./job-devices.ts";
import { renewed } from "./renewed-tokens.ts";
import {
  allRemoved,
  clearedJobDocuments,
  configDocument,
  jobFinishedDocuments,
  jobReadyDocuments,
  jobRetriedDocuments,
  jobStateDocument,
  jobWorkingDocuments,
  monitoringDocument,
  monitoringRemoved,
  plannedJobDocuments,
  stackDocument,
  stackRemoved,
  stateDocument,
} from "./resource-documents.ts";
import type {
  Action,
  ChangeCommand,
  ChangeCommands,
  Creating,
  Effect,
  JobState,
  PlannedVersion,
  ResourceContext,
  ResourceEvent,
  Step,
} from "./resource-types.ts";

/** What each event does to a resource: pure functions from context and event to the next context and what to ask of the host. */

type EventOf<T extends ResourceEvent["type"]> = Extract<ResourceEvent, { type: T }>;

const SEEN_COMMANDS = 32;
const NO_BODY = {};

export function propose(context: ResourceContext, event: EventOf<"PROPOSE">): Step {
  return {
    context: {
      ...identity(event),
      ...seen(context, event),
      proposedBy: event.by,
      request: event.request ?? null,
      body: event.body ?? NO_BODY,
    },
    effects: [],
  };
}

/** A dependent comes into being: its owner was admitted, so it is. */
export function create(context: ResourceContext, event: EventOf<"CREATE">): Step {
  const named = { ...context, ...identity(event) };
  return begin(
    { ...named, ...seen(context, event), changes: event.changes, fixedStatus: event.fixedStatus },
    { action: "create", version: 1, body: event.body, plan: event.plan },
  );
}

/** What takes nothing that others could want needs no proposal: then the event says what it is. */
export function admit(context: ResourceContext, event: EventOf<"ADMIT">): Step {
  const { named } = event;
  const identified = named && { ...identity(named), ...seen(context, event), request: named.request ?? null };
  const step = begin(
    { ...context, ...identified, proposedSeq: event.proposedSeq, proposedBy: "", changes: event.changes },
    { action: "create", version: 1, body: event.body, plan: event.plan },
  );
  const dependents: Effect[] = event.dependents.map((dependent) => ({
    kind: "command",
    to: dependent.to,
    event: dependent.event,
  }));
  return { context: step.context, effects: [...step.effects, ...dependents, ...send(event.changes.now)] };
}

function identity(creating: Creating): Partial<ResourceContext> {
  const { resourceType: type, collection, id, hasStatus, owner, claims, uniques, references } = creating;
  return { type, collection, id, hasStatus, owner, claims, uniques, references };
}

/** The body that a change leads to: the latest accepted version with the fields set. */
export function changedBody(context: ResourceContext, set: Body): Body {
  const latest = latestBody(context);
  const status = context.hasStatus ? { status: context.wasActive ? "PENDING_UPDATE" : "PENDING_CREATE" } : {};
  return { ...latest, ...set, ...status };
}

/** The latest accepted body, of a version that still waits for its turn included: what the config document says. */
export function latestBody(context: Pick<ResourceContext, "queue" | "body">): Body {
  return context.queue.findLast((version) => version.action === "update")?.body ?? context.body;
}

export function latestVersion(context: Pick<ResourceContext, "queue" | "version">): number {
  return context.queue.at(-1)?.version ?? context.version;
}

/** A new version: it starts now when its plan comes along, else it waits for its turn. */
export function update(context: ResourceContext, event: EventOf<"UPDATE">): Step {
  const version = latestVersion(context) + 1;
  const body = changedBody(context, event.set);
  const proposed = event.token === context.proposed?.token ? null : context.proposed;
  const holds = { ...seen(context, event), uniques: event.uniques, references: event.references, proposed };
  if (event.plan === null) {
    const queued = { action: "update", version, body, changes: event.changes } as const;
    return {
      context: { ...holds, queue: [...context.queue, queued] },
      effects: [configDocument(context, body, version, false)],
    };
  }
  const action: Action = context.effective === null ? "create" : "update";
  const step = begin({ ...context, ...holds, changes: event.changes }, { action, version, body, plan: event.plan });
  return { context: step.context, effects: [...step.effects, ...send(event.changes.now)] };
}

export function proposeUpdate(_context: ResourceContext, event: EventOf<"PROPOSE_UPDATE">): Step {
  const { by, token, uniques, references, tenant } = event;
  const proposed = { by, token, uniques, references, ...(tenant === undefined ? {} : { tenant }) };
  return { context: { proposed }, effects: [] };
}

export function withdrawUpdate(): Step {
  return { context: { proposed: null }, effects: [] };
}

export function proposeDelete(_context: ResourceContext, event: EventOf<"PROPOSE_DELETE">): Step {
  return { context: { deletionProposed: true, proposedBy: event.by }, effects: [] };
}

export function withdrawDelete(): Step {
  return { context: { deletionProposed: false, proposedBy: "" }, effects: [] };
}

export function remove(context: ResourceContext, event: EventOf<"DELETE">): Step {
  const version = latestVersion(context) + 1;
  const status = context.hasStatus ? { status: "PENDING_DELETE" } : {};
  const body = { ...changedBody(context, {}), ...status };
  const marked = { ...seen(context, event), markedForDeletion: true, deletionProposed: false, proposedBy: "" };
  const queued = { action: "delete", version, body, changes: event.changes } as const;
  const dependents: Effect[] = event.dependents.map((to) => ({
    kind: "command",
    to,
    event: { type: "DELETE", changes: NO_CHANGES, dependents: [] },
  }));
  return {
    context: { ...marked, queue: [...context.queue, queued] },
    effects: [configDocument(context, body, version, true), ...dependents, ...send(event.changes.now)],
  };
}

/** The turn of the next queued version. Its config document was written when it was accepted. */
export function start(context: ResourceContext, event: EventOf<"START">): Step {
  const [next, ...queue] = context.queue;
  if (next === undefined) return { context: {}, effects: [] };
  const action: Action = next.action === "delete" ? "delete" : context.effective === null ? "create" : "update";
  const step = begin(
    { ...context, queue, changes: next.changes },
    { action, version: next.version, body: next.body, plan: event.plan },
  );
  const effects = step.effects.filter(
    (effect) => !(effect.kind === "write" && effect.key.startsWith("/config/") && effect.value !== null),
  );
  return { context: step.context, effects: [...effects, ...(next.action === "update" ? send(next.changes.now) : [])] };
}

/** The next queued version cannot even be planned. */
export function startFailed(context: ResourceContext, event: EventOf<"START_FAILED">): Step {
  const [next, ...queue] = context.queue;
  if (next === undefined) return { context: {}, effects: [] };
  const action: Action = next.action === "delete" ? "delete" : context.effective === null ? "create" : "update";
  return {
    context: { queue, version: next.version, body: next.body, action: null, error: event.error },
    effects: [
      stateDocument(
        context,
        next.version,
        `${action.toUpperCase()}_FAILED`,
        context.outputs,
        context.stateMonitoring,
        event.error,
      ),
    ],
  };
}

/** The failed version once more, as a new chain of jobs. */
export function retry(context: ResourceContext, event: EventOf<"RETRY">): Step {
  const action: Action = context.markedForDeletion ? "delete" : context.effective === null ? "create" : "update";
  return begin(context, { action, version: context.version, body: context.body, plan: event.plan });
}

/** Every token in the resource becomes what it is to become; nothing else changes. */
export function reseal(context: ResourceContext, event: EventOf<"RESEAL">): Step {
  const writes = event.documents.map(
    ({ key, value }): Effect => ({ kind: "write", key, value: renewed(value, event.tokens) }),
  );
  return { context: renewed(context, event.tokens), effects: writes };
}

interface Begin {
  readonly action: Action;
  readonly version: number;
  readonly body: Body;
  readonly plan: PlannedVersion;
}

function begin(context: ResourceContext, { action, version, body, plan }: Begin): Step {
  const jobs = plan.jobs.map(
    (job): JobState => ({
      job,
      phase: job.dependency.length === 0 ? "ready" : "waiting",
      waitsFor: job.dependency,
      attempt: 0,
    }),
  );
  const next: ResourceContext = { ...context, action, version, body, jobs, templates: plan.templates, error: "" };
  const config = configDocument(next, body, version, action === "delete");
  if (jobs.length === 0) {
    const done = complete(next);
    return { context: { ...next, ...done.context }, effects: [config, ...done.effects] };
  }
  return {
    context: next,
    effects: [
      config,
      ...plan.jobs.flatMap(plannedJobDocuments),
      { kind: "write", key: `/esi-worker/job_state/v2.0/${next.collection}/${next.id}`, value: {} },
      ...jobs.filter((job) => job.phase === "ready").map(offer),
    ],
  };
}

/** A job of another resource is done; jobs that waited for nothing else become ready. */
export function dependencyFinished(context: ResourceContext, event: EventOf<"DEPENDENCY_FINISHED">): Step {
  if (!context.jobs.some(({ waitsFor }) => waitsFor.includes(event.dependency))) return { context: {}, effects: [] };
  return release(context, context.jobs, event.dependency);
}

function release(context: ResourceContext, jobs: readonly JobState[], finished: string): Step {
  const effects: Effect[] = [];
  const next = jobs.map((state): JobState => {
    if (state.phase !== "waiting" || !state.waitsFor.includes(finished)) return state;
    const waitsFor = state.waitsFor.filter((id) => id !== finished);
    if (waitsFor.length > 0) return { ...state, waitsFor };
    const ready: JobState = { ...state, phase: "ready", waitsFor };
    effects.push(...jobReadyDocuments(state.job), offer(ready));
    return ready;
  });
  return { context: { ...context, jobs: next }, effects };
}

export function dependencyFailed(context: ResourceContext, event: EventOf<"DEPENDENCY_FAILED">): Step {
  const waiting = context.jobs.find((state) => state.phase === "waiting" && state.waitsFor.includes(event.dependency));
  if (waiting === undefined) return { context: {}, effects: [] };
  return fail(context, waiting, event.error);
}

/** Its turn has come and it is not done: only such a job can be started, tried again, or end. */
export function isInHand(context: ResourceContext, jobId: string): boolean {
  return jobInHand(context, jobId) !== undefined;
}

function jobInHand(context: ResourceContext, jobId: string): JobState | undefined {
  return context.jobs.find(({ job, phase }) => job.id === jobId && (phase === "ready" || phase === "working"));
}

export function jobStarted(context: ResourceContext, event: EventOf<"JOB_STARTED">): Step {
  const state = jobInHand(context, event.jobId);
  if (state === undefined) return { context: {}, effects: [] };
  // The error of the try before stays until this one is over: somebody may be looking for it.
  const working: JobState = {
    ...state,
    phase: "working",
    worker: event.worker,
    startedAt: state.startedAt ?? event.at,
    attempt: state.attempt + 1,
  };
  return { context: { jobs: replace(context.jobs, working) }, effects: jobWorkingDocuments(state.job, event.worker) };
}

export function jobRetried(context: ResourceContext, event: EventOf<"JOB_RETRIED">): Step {
  const state = jobInHand(context, event.jobId);
  if (state === undefined) return { context: {}, effects: [] };
  const ready: JobState = { ...state, phase: "ready", error: event.error };
  return { context: { jobs: replace(context.jobs, ready) }, effects: jobRetriedDocuments(state.job, state.attempt) };
}

export function jobFinished(context: ResourceContext, event: EventOf<"JOB_FINISHED">): Step {
  const state = jobInHand(context, event.jobId);
  if (state === undefined) return { context: {}, effects: [] };
  const finished: JobState = { ...withoutError(state), phase: "finished" };
  const result = applyResult(context, finished, event.result);
  const released = release(result.context, replace(context.jobs, finished), event.jobId);
  const effects = [...jobFinishedDocuments(state.job), ...result.effects, ...released.effects];
  const next = { ...result.context, ...released.context };
  if (!isLast(next.jobs ?? [])) return { context: next, effects };
  const done = complete(next);
  return { context: { ...next, ...done.context }, effects: [...effects, ...done.effects] };
}

function applyResult(
  context: ResourceContext,
  state: JobState,
  result: EventOf<"JOB_FINISHED">["result"],
): { context: ResourceContext; effects: Effect[] } {
  switch (result.kind) {
    case "stack": {
      const deleting = state.job.action === "delete";
      const next = { ...context, outputs: deleting ? null : result.outputs, applied: result.applied };
      const documents = deleting
        ? [stackRemoved(context)]
        : [
            stackDocument(context, state.job.action, result.outputs, undefined),
            jobStateDocument(context, result.outputs, null),
          ];
      return { context: next, effects: documents };
    }
    case "monitoring": {
      const stateMonitoring = Object.fromEntries(
        Object.entries(result.statuses).map(([name, status]) => [name, status.word]),
      );
      return {
        context: {
          ...context,
          stateMonitoring,
          statuses: result.statuses,
          monitoring: { version: context.version, targets: result.targets },
        },
        effects: [jobStateDocument(context, context.outputs, stateMonitoring)],
      };
    }
    case "monitoring-removed":
      return {
        context: { ...context, monitoring: null, stateMonitoring: null, statuses: {} },
        effects: [monitoringRemoved(context)],
      };
    default:
      return result satisfies never;
  }
}

/** All jobs of the version are done. */
function complete(context: ResourceContext): { context: Partial<ResourceContext>; effects: Effect[] } {
  if (context.action === "delete") {
    return {
      // What still comes from its monitoring is about nothing.
      context: { action: null, jobs: [], effective: null, queue: [], monitoring: null, statuses: {} },
      effects: [...allRemoved(context), ...send(context.changes.onDeleted)],
    };
  }
  const workerState = context.jobs.length === 0 ? "READ_COMPLETE" : "CREATE_COMPLETED";
  const fixed = context.fixedStatus !== null;
  const active = fixed || context.monitoring === null || context.monitoring.targets.length > 0;
  return {
    context: { action: null, jobs: [], effective: context.body, wasActive: context.wasActive || active },
    effects: [
      stateDocument(context, context.version, workerState, context.outputs, context.stateMonitoring, ""),
      ...clearedJobDocuments(context, context.jobs),
      ...send(context.changes.onComplete),
    ],
  };
}

/** A job failed for good. One whose failure may be ignored counts as finished. */
export function jobFailed(context: ResourceContext, event: EventOf<"JOB_FAILED">): Step {
  const state = jobInHand(context, event.jobId);
  if (state === undefined) return { context: {}, effects: [] };
  if (state.job.on_failure === "ignore") {
    return jobFinished(context, { type: "JOB_FINISHED", jobId: event.jobId, result: { kind: "monitoring-removed" } });
  }
  const known = event.applied === undefined ? context : { ...context, applied: event.applied };
  const step = fail(known, state, event.error);
  return event.applied === undefined ? step : { ...step, context: { ...step.context, applied: event.applied } };
}

function fail(context: ResourceContext, state: JobState, error: string): Step {
  const action = context.action ?? "create";
  const failed: JobState = { ...state, phase: "failed", error };
  const stack =
    state.job.handler === "heat_worker" ? [stackDocument(context, state.job.action, context.outputs ?? [], error)] : [];
  return {
    context: { action: null, jobs: replace(context.jobs, failed), error },
    effects: [
      ...stack,
      stateDocument(
        context,
        context.version,
        `${action.toUpperCase()}_FAILED`,
        context.outputs,
        context.stateMonitoring,
        error,
      ),
      ...clearedJobDocuments(context, context.jobs),
    ],
  };
}

export function monitor(context: ResourceContext, event: EventOf<"MONITOR">): Step {
  const document = monitoringDocument(context, event.statuses);
  const good = Object.values(event.statuses).every((status) => status.verdict === "good");
  return {
    context: { statuses: event.statuses, wasActive: context.wasActive || good },
    effects: [document],
  };
}

export function completes(context: ResourceContext, jobId: string): boolean {
  const others = context.jobs.filter(({ job }) => job.id !== jobId);
  return isInHand(context, jobId) && isLast(others);
}

function isLast(jobs: readonly JobState[]): boolean {
  return jobs.every((state) => state.phase === "finished");
}

function offer(state: JobState): Effect {
  const { id: jobId, handler: queue, params } = state.job;
  return { kind: "offer", queue, jobId, devices: devicesOf(params), delayMs: 0 };
}

function send(changes: readonly ChangeCommand[]): Effect[] {
  return changes.map((change) => ({
    kind: "command",
    to: change.to,
    event: {
      type: "UPDATE",
      set: change.set,
      ...(change.bits && { bits: change.bits }),
      plan: null,
      changes: NO_CHANGES,
      uniques: [],
      references: [],
    },
  }));
}

export const NO_CHANGES: ChangeCommands = { now: [], onComplete: [], onDeleted: [] };

function replace(jobs: readonly JobState[], changed: JobState): JobState[] {
  return jobs.map((state) => (state.job.id === changed.job.id ? changed : state));
}

function withoutError(state: JobState): JobState {
  const { error: _error, ...rest } = state;
  return rest;
}

function seen(context: ResourceContext, event: ResourceEvent): Partial<ResourceContext> {
  return event.messageId === undefined ? {} : { seen: [...context.seen, event.messageId].slice(-SEEN_COMMANDS) };
}
