import type { Claim } from "../../catalogue/expand-request.ts";
import type { Job } from "../../catalogue/plan-jobs.ts";
import type { Body, ResourceRef } from "../../catalogue/resource-view.ts";

/** An output of a stack (reference: etcd documents). */
export interface StackOutput {
  readonly output_key: string;
  readonly output_value: unknown;
  readonly description: string;
}

/** What a stack has made outside, so that it can be changed and taken away later whatever the templates say by then. */
export interface Applied {
  readonly routers: readonly AppliedRouter[];
  readonly objects: readonly AppliedObject[];
  /**
   * What jobs that failed may have left on routers, beside `routers` or in place of it: nobody has seen that it is not there. It stays until a
   * job has taken it away. Absent when there is none.
   */
  readonly residue?: readonly AppliedRouter[];
}

export interface AppliedRouter {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** Sealed. */
  readonly password: string;
  /** XML text as rendered, with `own` marks and sealed values. */
  readonly configuration: string;
}

export type AppliedObject =
  | {
      readonly action: "ensure";
      readonly kind: string;
      readonly uuid: string;
      /** It may have been made: no answer has said so. It is the resource's only when it carries its mark. */
      readonly unconfirmed?: true;
    }
  /** It may have been made: a job failed before it knew. Only its name is known, and it is the resource's only when it carries its mark. */
  | { readonly action: "named"; readonly kind: string; readonly fqName: readonly string[] }
  | {
      readonly action: "reference";
      readonly kind: string;
      readonly uuid: string;
      readonly fromKind: string;
      readonly fromUuid: string;
      readonly list: string;
      readonly key: string;
      readonly keyValue: string;
    };

/** A target of monitoring with its settings resolved; secrets stay sealed. */
export interface MonitoringTarget {
  readonly name: string;
  readonly kind: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly publish: boolean;
}

/** Status of a target: the word of the plugin (`ACTIVE`, `master`, `ESTABLISHED`) while it is as wanted. */
export interface TargetStatus {
  /** As `/state` says it. */
  readonly word: string;
  /** As `/monitoring` says it, in upper case. */
  readonly published: string;
  readonly verdict: "good" | "bad" | "unavailable";
  /** Why it is not good. */
  readonly reason?: string;
}

export type JobPhase = "waiting" | "ready" | "working" | "finished" | "failed";

export interface JobState {
  readonly job: Job;
  readonly phase: JobPhase;
  /** Ids of the jobs it still waits for. */
  readonly waitsFor: readonly string[];
  /** Tries so far. */
  readonly attempt: number;
  readonly worker?: string;
  /** When it was started for the first time, in milliseconds since the epoch. */
  readonly startedAt?: number;
  /** The last error, of a failed job or of one that is tried again. */
  readonly error?: string;
}

export type Action = "create" | "update" | "delete";

/** A version that waits for the one before it. */
export interface QueuedVersion {
  readonly action: "update" | "delete";
  readonly version: number;
  readonly body: Body;
  readonly changes: ChangeCommands;
}

/** A new version that another resource gets because of this one. */
export interface ChangeCommand {
  readonly to: ResourceRef;
  readonly set: Body;
  readonly bits?: readonly BitChange[];
}

/** A number of a pool, or a run of them, is given out, or comes back: its owner's bitmap is to show it. Left to the owner's turn, since others change it too. */
export interface BitChange {
  /** Name of the pool's claims. */
  readonly pool: string;
  readonly number: number;
  /** How many, from `number` on; one when it is not said. */
  readonly count?: number;
  readonly taken: boolean;
}

/** Changes to other resources, by when they are sent. */
export interface ChangeCommands {
  readonly now: readonly ChangeCommand[];
  readonly onComplete: readonly ChangeCommand[];
  /** When the deletion is complete. */
  readonly onDeleted: readonly ChangeCommand[];
}

export interface UniqueValue {
  /** Of what is made along with the resource, which holds it for that as well; undefined: of its own type. */
  readonly type?: string;
  readonly field: string;
  readonly value: string;
  /** Fields that share their values, the own one among them; undefined: nobody else may have it in this field. */
  readonly among?: readonly string[];
}

/** Unique values and references that a change is about to take. */
export interface ProposedChange {
  /** The process that announced it. When it dies, the announcement goes. */
  readonly by: string;
  /** Says whose announcement it is. */
  readonly token: string;
  readonly uniques: readonly UniqueValue[];
  readonly references: readonly ResourceRef[];
  /** The tenant that the resource goes to; undefined: it stays where it is. */
  readonly tenant?: string;
}

export interface ResourceContext {
  readonly type: string;
  readonly collection: string;
  readonly id: string;
  /** The type has a `status` field. */
  readonly hasStatus: boolean;
  readonly owner: ResourceRef | null;
  readonly claims: readonly Claim[];
  readonly uniques: readonly UniqueValue[];
  readonly references: readonly ResourceRef[];
  /** Position in the log of the proposal; who was first wins. 0 for a dependent, which competes with nobody. */
  readonly proposedSeq: number;
  /** The version in hand. */
  readonly version: number;
  readonly body: Body;
  /** What the version in hand does; null when the resource rests. */
  readonly action: Action | null;
  /** The body that is in effect on the devices; null until a creation is complete. */
  readonly effective: Body | null;
  readonly jobs: readonly JobState[];
  /** Template names of the version in hand. */
  readonly templates: Readonly<Partial<Record<string, string>>>;
  readonly queue: readonly QueuedVersion[];
  readonly changes: ChangeCommands;
  readonly outputs: readonly StackOutput[] | null;
  readonly applied: Applied | null;
  readonly stateMonitoring: Readonly<Record<string, string>> | null;
  readonly monitoring: { readonly version: number; readonly targets: readonly MonitoringTarget[] } | null;
  readonly statuses: Readonly<Record<string, TargetStatus>>;
  /** "" or why the last version failed. */
  readonly error: string;
  /** It has been ACTIVE at least once, so that a new version is an update to its client. */
  readonly wasActive: boolean;
  /** Ready at once, with this status, for a dependent that nobody has to build. */
  readonly fixedStatus: string | null;
  /** What a change takes that is announced and not yet accepted; null when there is none. */
  readonly proposed: ProposedChange | null;
  /** A deletion that is announced and not yet accepted. */
  readonly deletionProposed: boolean;
  /** The process whose proposal, of a creation or a deletion, is not decided yet; "" without one. When it dies, the proposal goes. */
  readonly proposedBy: string;
  readonly markedForDeletion: boolean;
  /** The client's key of the request that made it and a digest of what it asked for; null without a key. */
  readonly request: RequestKey | null;
  /** Ids of the last commands taken, so that a repeated one does nothing. */
  readonly seen: readonly string[];
}

export interface PlannedVersion {
  readonly jobs: readonly Job[];
  readonly templates: Readonly<Partial<Record<string, string>>>;
}

/** What a dependent needs to come into being. */
export interface DependentCreation {
  readonly to: ResourceRef;
  readonly event: Extract<ResourceEvent, { type: "CREATE" }>;
}

export interface Creating {
  readonly resourceType: string;
  readonly collection: string;
  readonly id: string;
  readonly hasStatus: boolean;
  readonly owner: ResourceRef | null;
  readonly claims: readonly Claim[];
  readonly uniques: readonly UniqueValue[];
  readonly references: readonly ResourceRef[];
}

/** By which a request that is sent again is known. */
export interface RequestKey {
  readonly key: string;
  /** Of the fields that were sent. */
  readonly digest: string;
}

export type ResourceEvent = { readonly messageId?: string } & (
  | ({
      readonly type: "PROPOSE";
      readonly by: string;
      readonly request?: RequestKey;
      /** What of the body counts before it is decided: whose it is. */
      readonly body?: Body;
    } & Creating)
  | {
      readonly type: "ADMIT";
      /** Position of the proposal; 0 when it needed none. */
      readonly proposedSeq: number;
      /** What a proposal would have said. */
      readonly named?: Creating & { readonly request?: RequestKey };
      readonly body: Body;
      readonly plan: PlannedVersion;
      readonly changes: ChangeCommands;
      readonly dependents: readonly DependentCreation[];
    }
  | { readonly type: "REJECT" }
  | ({
      readonly type: "CREATE";
      readonly body: Body;
      readonly plan: PlannedVersion;
      readonly changes: ChangeCommands;
      readonly fixedStatus: string | null;
    } & Creating)
  | {
      readonly type: "UPDATE";
      readonly set: Body;
      /** On its way to the resource only: once it is there they are part of `set`. */
      readonly bits?: readonly BitChange[];
      /** The plan, when the resource rests; else it is made when its turn comes. */
      readonly plan: PlannedVersion | null;
      readonly changes: ChangeCommands;
      readonly uniques: readonly UniqueValue[];
      readonly references: readonly ResourceRef[];
      /** The announcement that it makes good. */
      readonly token?: string;
    }
  | ({ readonly type: "PROPOSE_UPDATE" } & ProposedChange)
  | { readonly type: "WITHDRAW_UPDATE"; readonly token: string }
  | { readonly type: "PROPOSE_DELETE"; readonly by: string }
  | { readonly type: "WITHDRAW_DELETE" }
  /** The deletion is accepted. It is planned when its turn comes and its dependents are told. */
  | { readonly type: "DELETE"; readonly changes: ChangeCommands; readonly dependents: readonly ResourceRef[] }
  | { readonly type: "START"; readonly plan: PlannedVersion }
  | { readonly type: "START_FAILED"; readonly error: string }
  | { readonly type: "RETRY"; readonly plan: PlannedVersion }
  | { readonly type: "DEPENDENCY_FINISHED"; readonly dependency: string }
  | { readonly type: "DEPENDENCY_FAILED"; readonly dependency: string; readonly error: string }
  | { readonly type: "JOB_STARTED"; readonly jobId: string; readonly worker: string; readonly at: number }
  | { readonly type: "JOB_RETRIED"; readonly jobId: string; readonly error: string }
  | { readonly type: "JOB_FINISHED"; readonly jobId: string; readonly result: JobResult }
  | { readonly type: "JOB_FAILED"; readonly jobId: string; readonly error: string; readonly applied?: Applied | null }
  /**
   * Secrets are sealed with another key: tokens as they are to what they become. `documents` are all that the resource has, so that its
   * records before this one are needed no more.
   */
  | {
      readonly type: "RESEAL";
      readonly tokens: Readonly<Record<string, string>>;
      readonly documents: ReadonlyArray<{ readonly key: string; readonly value: unknown }>;
    }
  | { readonly type: "MONITOR"; readonly version: number; readonly statuses: Readonly<Record<string, TargetStatus>> }
);

export type JobResult =
  | { readonly kind: "stack"; readonly outputs: readonly StackOutput[]; readonly applied: Applied | null }
  | {
      readonly kind: "monitoring";
      readonly targets: readonly MonitoringTarget[];
      readonly statuses: Readonly<Record<string, TargetStatus>>;
    }
  | { readonly kind: "monitoring-removed" };

/** What a transition asks the host to do once it is committed. */
export type Effect =
  /** `value: null` deletes the document. */
  | { readonly kind: "write"; readonly key: string; readonly value: unknown }
  | {
      readonly kind: "offer";
      readonly queue: string;
      readonly jobId: string;
      /** Addresses of the devices that it works on. */
      readonly devices: readonly string[];
      readonly delayMs: number;
    }
  | { readonly kind: "command"; readonly to: ResourceRef; readonly event: ResourceEvent };

/** What one event does to a context. */
export interface Step {
  readonly context: Partial<ResourceContext>;
  readonly effects: readonly Effect[];
}
