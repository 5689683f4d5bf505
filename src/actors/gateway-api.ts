import type { TypeSchema } from "../catalogue/field-schema.ts";
import type { Body } from "../catalogue/resource-view.ts";
import type { Caller } from "./access/caller.ts";
import type { AuditPage, AuditQuery } from "./audit/audit-view.ts";
import type { AuditExport } from "./audit/verify-audit.ts";
import type { DryRun, DryRunRequest } from "./dry-run/dry-run.ts";
import type { DocumentChange, Json, StoredDocument } from "./ports.ts";
import type { Reseal, SealedReport } from "./secrets/sealed-report.ts";

export type JsonObject = { readonly [key: string]: Json | undefined };

/**
 * A resource as a client sees it: every field of its type (null when nobody set it, or left out; secrets as "***"), and `status`,
 * `orchestration_state`, `operational_state` where the type has them (seed 004, section 13.8). While a version has failed or is being
 * tried again there is `error`: which device, which statement, what to do.
 */
export type ResourceView = JsonObject;

export interface ListQuery {
  /** Field name to wanted values (text); a resource matches when each named field equals one of its values. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
  /** Which resources there are for the caller, by their fields. */
  readonly visible?: (body: Body) => boolean;
  /** The first one counts most; what is equal in all of them is in the order of the ids. */
  readonly sort?: readonly SortKey[];
  /** How many of them to leave out, from the first on. */
  readonly offset?: number;
  /** How many to answer at most. */
  readonly limit?: number;
  /** Id of the last one of the page before: only what comes after it. */
  readonly marker?: string;
  /** The fields to answer, `error` among them; undefined: all. */
  readonly fields?: readonly string[];
}

export interface SortKey {
  readonly field: string;
  readonly descending: boolean;
}

export interface ResourcePage {
  readonly resources: readonly ResourceView[];
  /** How many match, on all pages together. */
  readonly total: number;
}

export type JobPhase = "waiting" | "ready" | "working" | "finished" | "failed";

export interface JobView {
  readonly id: string;
  readonly action: "create" | "modify" | "delete";
  readonly handler: "heat_worker" | "monitoring_worker";
  readonly phase: JobPhase;
  /** Ids of the jobs it still waits for. */
  readonly waitsFor: readonly string[];
  readonly attempt: number;
  readonly worker?: string;
  /** Addresses of the devices that it works on, as far as known. */
  readonly devices: readonly string[];
  readonly error?: string;
}

/** One committed transition of a resource, for timelines and live views. */
export interface TransitionView {
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly version: number;
  /** The event that caused it, such as CREATE or JOB_FINISHED. */
  readonly event: string;
  /** State value of the machine, dot-separated: `create.working`, `create_completed`, ... */
  readonly state: string;
  readonly status: string | null;
  readonly orchestrationState: string;
  readonly operationalState: string;
  readonly jobs: readonly JobView[];
  /** "" or why the version failed. */
  readonly error: string;
  /** True when the resource is gone with this transition. */
  readonly deleted: boolean;
}

export interface RequestOptions {
  /** Chosen by the client, the same when it sends a request again whose answer it has not seen. */
  readonly key?: string;
  /** Only if this is what its version is, one of several; as the client names them. Undefined: whatever it is. */
  readonly onlyVersions?: readonly string[];
  /** Who asks for it. What he does not see is not there for what he asks. */
  readonly by?: Caller;
  /** Of an update: throws when the resource as it is when it is decided may not be changed so. */
  readonly requireChange?: (before: Body) => void;
}

export interface TransitionsQuery {
  /** Position in the log. */
  readonly from: number;
  /** To go on live until aborted. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Which resources' there are for the caller. */
  readonly visible?: (type: string, body: Body) => boolean;
}

/**
 * Everything that a client can ask for, whatever the transport. The transports (HTTP, later NATS) only translate.
 * Types are named in the singular (`gw_interface`). Failures are SignalboxErrors with the offending fields in `fields`
 * (pointers are relative to the resource, such as `/vrid`).
 */
export interface GatewayApi {
  readonly types: readonly TypeSchema[];
  /**
   * Resolves when the creation is committed: it will happen whatever crashes afterwards. With a key, the same request again answers what the
   * first one made.
   * @throws SB_KEY_REUSED when the key came with other fields before, or what it made is deleted
   */
  create(type: string, fields: JsonObject, options?: RequestOptions): Promise<ResourceView>;
  get(type: string, id: string): Promise<ResourceView>;
  /** The version of what `create`, `get`, `update` or `retry` has answered: each accepted change makes the next one. */
  versionOf(answer: ResourceView): number | undefined;
  /** @throws SB_MALFORMED_REQUEST when the marker is none of those that match */
  list(type: string, query: ListQuery): Promise<ResourcePage>;
  /**
   * With a key, the same request again changes nothing.
   * @throws SB_VERSION_CONFLICT, as `remove` and `retry` do, when the version is none of `onlyVersions`
   */
  update(type: string, id: string, fields: JsonObject, options?: RequestOptions): Promise<ResourceView>;
  /** Resolves when the deletion is committed; the resource is gone when its jobs are done. */
  remove(type: string, id: string, options?: RequestOptions): Promise<void>;
  /** Starts the failed version of a resource again. */
  retry(type: string, id: string, options?: RequestOptions): Promise<ResourceView>;
  /** What a change would do, without doing it. @throws what the change itself would throw */
  dryRun(type: string, request: DryRunRequest, options?: RequestOptions): Promise<DryRun>;
  /**
   * Who did what: the accepted writes of clients, the newest first, of one resource (gone ones too) or of all.
   * @throws SB_NOT_FOUND when there never was such a resource, or it was long ago
   */
  audit(query: AuditQuery): Promise<AuditPage>;
  /** All that is kept of who did what, for operators: to be checked (`verifyAudit`) and put away. */
  auditExport(): Promise<AuditExport>;
  /** Transitions from a position of the log on. */
  transitions(query: TransitionsQuery): AsyncIterable<TransitionView>;
  documents(prefix: string): Promise<StoredDocument[]>;
  /** Document writes in order: from the oldest kept when `fromStart`, else from now on. */
  watchDocuments(prefix: string, options: { fromStart: boolean; signal: AbortSignal }): AsyncIterable<DocumentChange>;
  /** What is sealed with which key; with `change` after it was sealed with the present one, as far as that can be done now. */
  sealed(change?: Reseal): Promise<SealedReport>;
  readiness(): Promise<{ ready: boolean; checks: Readonly<Record<string, string>> }>;
}
