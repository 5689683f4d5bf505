import { createActor, initialTransition, type StateValue, setup } from "xstate";
import { named } from "../describe-machine.ts";
import type { ResourceStateValue } from "./resource-status.ts";
import * as steps from "./resource-steps.ts";
import type { Effect, ResourceContext, ResourceEvent, Step } from "./resource-types.ts";

/**
 * The machine of one resource instance. Two regions: `lifecycle` (what the system does with it) and `operational` (what monitoring sees).
 * It does no I/O and knows no time: each event carries what is needed, and each transition says what the host shall do (`Effect`).
 */

const EMPTY: ResourceContext = {
  type: "",
  collection: "",
  id: "",
  hasStatus: false,
  owner: null,
  claims: [],
  uniques: [],
  references: [],
  proposedSeq: 0,
  version: 0,
  body: {},
  action: null,
  effective: null,
  jobs: [],
  templates: {},
  queue: [],
  changes: steps.NO_CHANGES,
  outputs: null,
  applied: null,
  stateMonitoring: null,
  monitoring: null,
  statuses: {},
  error: "",
  proposed: null,
  wasActive: false,
  fixedStatus: null,
  deletionProposed: false,
  proposedBy: "",
  request: null,
  markedForDeletion: false,
  seen: [],
};

const machineSetup = setup({
  types: { context: {} as ResourceContext, events: {} as ResourceEvent },
  actions: {
    // The host reads the effects from the transition; nothing happens inside the machine.
    effect: (_, _effect: Effect) => {},
  },
  guards: {
    hasNoJobs: ({ event }) => "plan" in event && event.plan !== null && event.plan.jobs.length === 0,
    queues: ({ context, event }) => "plan" in event && event.plan === null && !context.markedForDeletion,
    isFirstCreation: ({ context }) => context.effective === null && !context.markedForDeletion,
    isMarked: ({ context }) => context.markedForDeletion,
    isNotMarked: ({ context }) => !context.markedForDeletion,
    isItsProposal: ({ context, event }) => event.type === "WITHDRAW_UPDATE" && context.proposed?.token === event.token,
    isOfAProposal: ({ event }) => event.type === "ADMIT" && event.named === undefined,
    isWithoutProposal: ({ event }) => event.type === "ADMIT" && event.named !== undefined,
    nothingWaits: ({ context }) => context.queue.length === 0,
    // A proposal has no fields yet, and is decided as it was made.
    isAccepted: ({ context }) => context.version > 0,
    wasRefused: ({ context }) => context.proposedBy !== "",
    somethingWaits: ({ context }) => context.queue.length > 0,
    nextDeletes: ({ context }) => context.queue[0]?.action === "delete",
    nextDeletesAtOnce: ({ context, event }) =>
      context.queue[0]?.action === "delete" && event.type === "START" && event.plan.jobs.length === 0,
    completes: ({ context, event }) => event.type === "JOB_FINISHED" && steps.completes(context, event.jobId),
    completesIgnored: ({ context, event }) =>
      event.type === "JOB_FAILED" && isIgnored(context, event.jobId) && steps.completes(context, event.jobId),
    ignored: ({ context, event }) => event.type === "JOB_FAILED" && isIgnored(context, event.jobId),
    concernsJob: ({ context, event }) => event.type === "JOB_FAILED" && steps.isInHand(context, event.jobId),
    waitsForFailed: ({ context, event }) =>
      event.type === "DEPENDENCY_FAILED" &&
      context.jobs.some((state) => state.phase === "waiting" && state.waitsFor.includes(event.dependency)),
    isForThisVersion: ({ context, event }) => event.type === "MONITOR" && context.monitoring?.version === event.version,
    allGood: ({ context, event }) =>
      isCurrent(context, event) && verdicts(event).every((verdict) => verdict === "good"),
    someBad: ({ context, event }) => isCurrent(context, event) && verdicts(event).includes("bad"),
    unaskable: ({ context, event }) => isCurrent(context, event) && verdicts(event).includes("unavailable"),
    monitoringStarts: ({ context, event }) =>
      event.type === "JOB_FINISHED" &&
      steps.isInHand(context, event.jobId) &&
      event.result.kind === "monitoring" &&
      event.result.targets.length > 0,
    monitoringEnds: ({ context, event }) =>
      event.type === "JOB_FINISHED" &&
      steps.isInHand(context, event.jobId) &&
      event.result.kind === "monitoring-removed",
  },
});

function isIgnored(context: ResourceContext, jobId: string): boolean {
  return (
    steps.isInHand(context, jobId) && context.jobs.some(({ job }) => job.id === jobId && job.on_failure === "ignore")
  );
}

function isCurrent(context: ResourceContext, event: ResourceEvent): boolean {
  return event.type === "MONITOR" && context.monitoring?.version === event.version;
}

function verdicts(event: ResourceEvent): string[] {
  return event.type === "MONITOR" ? Object.values(event.statuses).map((status) => status.verdict) : [];
}

/** Runs a step: its context is assigned, its effects are handed to the host. */
function run(step: (context: ResourceContext, event: never) => Step) {
  const action = machineSetup.enqueueActions(({ context, event, enqueue }) => {
    // The transition that names the step has narrowed the event to the step's.
    const result = step(context, event as never);
    enqueue.assign(result.context);
    for (const effect of result.effects) enqueue({ type: "effect", params: effect });
  });
  return named(action, step.name);
}

const jobEvents = {
  DEPENDENCY_FINISHED: { actions: run(steps.dependencyFinished) },
  JOB_STARTED: { actions: run(steps.jobStarted) },
  JOB_RETRIED: { actions: run(steps.jobRetried) },
  // What arrives while a version is in hand waits for its turn.
  UPDATE: { guard: "queues", actions: run(steps.update) },
  DELETE: { guard: "isNotMarked", actions: run(steps.remove) },
} as const;

const announcements = {
  PROPOSE_UPDATE: { guard: "isNotMarked", actions: run(steps.proposeUpdate) },
  WITHDRAW_UPDATE: { guard: "isItsProposal", actions: run(steps.withdrawUpdate) },
  PROPOSE_DELETE: { guard: "isNotMarked", actions: run(steps.proposeDelete) },
  WITHDRAW_DELETE: { actions: run(steps.withdrawDelete) },
} as const;

/** How the jobs of a version end: all done, or one failed. */
function working(completed: string, failed: string) {
  return {
    on: {
      ...jobEvents,
      ...announcements,
      JOB_FINISHED: [
        { guard: "completes", target: completed, actions: run(steps.jobFinished) },
        { actions: run(steps.jobFinished) },
      ],
      JOB_FAILED: [
        { guard: "completesIgnored", target: completed, actions: run(steps.jobFailed) },
        { guard: "ignored", actions: run(steps.jobFailed) },
        { guard: "concernsJob", target: failed, actions: run(steps.jobFailed) },
      ],
      DEPENDENCY_FAILED: { guard: "waitsForFailed", target: failed, actions: run(steps.dependencyFailed) },
    },
  } as const;
}

const admitted = [
  { guard: "hasNoJobs", target: "create_completed", actions: run(steps.admit) },
  { target: "pending_create", actions: run(steps.admit) },
] as const;

/** What a resting resource takes: its next version. */
function resting() {
  return {
    on: {
      ...announcements,
      UPDATE: [
        // What is on its way out gets no new versions.
        { guard: "isMarked" },
        { guard: "queues", actions: run(steps.update) },
        { guard: "hasNoJobs", target: "create_completed", actions: run(steps.update) },
        { guard: "isFirstCreation", target: "pending_create", actions: run(steps.update) },
        { target: "pending_update", actions: run(steps.update) },
      ],
      DELETE: { guard: "isNotMarked", actions: run(steps.remove) },
      START: [
        { guard: "nothingWaits" },
        { guard: "nextDeletesAtOnce", target: "deleted", actions: run(steps.start) },
        { guard: "nextDeletes", target: "pending_delete", actions: run(steps.start) },
        { guard: "hasNoJobs", target: "create_completed", actions: run(steps.start) },
        { guard: "isFirstCreation", target: "pending_create", actions: run(steps.start) },
        { target: "pending_update", actions: run(steps.start) },
      ],
      START_FAILED: [
        { guard: "nothingWaits" },
        { guard: "nextDeletes", target: "delete_failed", actions: run(steps.startFailed) },
        { guard: "isFirstCreation", target: "create_failed", actions: run(steps.startFailed) },
        { target: "update_failed", actions: run(steps.startFailed) },
      ],
    },
  } as const;
}

function failed(pending: string) {
  const { on } = resting();
  return {
    on: {
      ...on,
      RETRY: [
        // A newer version has its turn first, or the deletion.
        { guard: "somethingWaits" },
        {
          guard: "hasNoJobs",
          target: pending === "pending_delete" ? "deleted" : "create_completed",
          actions: run(steps.retry),
        },
        { target: pending, actions: run(steps.retry) },
      ],
    },
  } as const;
}

export const resourceMachine = machineSetup.createMachine({
  id: "resource",
  type: "parallel",
  context: EMPTY,
  on: { RESEAL: { guard: "isAccepted", actions: run(steps.reseal) } },
  states: {
    lifecycle: {
      initial: "absent",
      states: {
        absent: {
          on: {
            PROPOSE: { target: "proposed", actions: run(steps.propose) },
            // One of a proposal that is gone comes too late.
            ADMIT: [{ guard: "isOfAProposal" }, ...admitted],
            CREATE: [
              { guard: "hasNoJobs", target: "create_completed", actions: run(steps.create) },
              { target: "pending_create", actions: run(steps.create) },
            ],
          },
        },
        proposed: {
          on: {
            PROPOSE: { actions: run(steps.propose) },
            ADMIT: [{ guard: "isWithoutProposal" }, ...admitted],
            REJECT: { target: "deleted" },
          },
        },
        pending_create: working("create_completed", "create_failed"),
        create_completed: resting(),
        create_failed: failed("pending_create"),
        pending_update: working("create_completed", "update_failed"),
        update_failed: failed("pending_update"),
        pending_delete: working("deleted", "delete_failed"),
        delete_failed: failed("pending_delete"),
        deleted: { on: { PROPOSE: { guard: "wasRefused", target: "proposed", actions: run(steps.propose) } } },
      },
    },
    operational: {
      initial: "unknown",
      on: {
        MONITOR: [
          { guard: "someBad", target: ".fail", actions: run(steps.monitor) },
          { guard: "unaskable", target: ".unavailable", actions: run(steps.monitor) },
          { guard: "allGood", target: ".up", actions: run(steps.monitor) },
        ],
        JOB_FINISHED: [
          { guard: "monitoringStarts", target: ".up" },
          { guard: "monitoringEnds", target: ".unknown" },
        ],
        // A monitoring that could not be ended in order is over all the same.
        JOB_FAILED: { guard: "ignored", target: ".unknown" },
      },
      states: { unknown: {}, up: {}, fail: {}, unavailable: {} },
    },
  },
});

/** What is kept of a resource: versioned, so that every program version can read what an older one wrote. */
export interface ResourceSnapshot {
  readonly v: 1;
  readonly value: ResourceStateValue;
  readonly context: ResourceContext;
}

export interface ResourceTransition {
  readonly snapshot: ResourceSnapshot;
  readonly effects: readonly Effect[];
  /** False when the event means nothing in this state. */
  readonly taken: boolean;
}

const [initial] = initialTransition(resourceMachine);
const absent: ResourceSnapshot = { v: 1, value: initial.value as ResourceStateValue, context: initial.context };

/** The state before the first event. */
export function absentResource(): ResourceSnapshot {
  return absent;
}

const actor = createActor(resourceMachine);
/** On whose behalf the machine is run: nobody's. XState's own pure `transition` makes an actor for this at every call. */
const nobody = {
  self: actor,
  system: actor.system,
  id: "",
  sessionId: "",
  logger: () => {},
  defer: () => {},
  emit: () => {},
  stopChild: () => {},
};

/** Whether there is nothing of that name: there never was, or it was proposed and refused. */
export function isFree({ value, context }: ResourceSnapshot): boolean {
  return value.lifecycle === "absent" || (value.lifecycle === "deleted" && (context.proposedBy ?? "") !== "");
}

/** Applies one event, purely. */
export function resourceTransition(snapshot: ResourceSnapshot, event: ResourceEvent): ResourceTransition {
  const state = resourceMachine.resolveState({
    value: { ...snapshot.value } satisfies StateValue,
    context: { ...EMPTY, ...snapshot.context },
  });
  const effects: Effect[] = [];
  const next = resourceMachine.transition(state, event, {
    ...nobody,
    actionExecutor: ({ type, params }) => {
      if (type === "effect") effects.push(params as Effect);
    },
  });
  const value = next.value as ResourceStateValue;
  const taken =
    effects.length > 0 ||
    !sameContext(next.context, state.context) ||
    JSON.stringify(value) !== JSON.stringify(snapshot.value);
  return { snapshot: taken ? { v: 1, value, context: next.context } : snapshot, effects, taken };
}

function sameContext(a: ResourceContext, b: ResourceContext): boolean {
  return a === b || (Object.keys(a) as Array<keyof ResourceContext>).every((name) => a[name] === b[name]);
}
