import type { Body } from "../../catalogue/resource-view.ts";
import type { ErrorJson } from "../../errors.ts";
import type { MachineDescription } from "../../machines/describe-machine.ts";
import type { DeviceSessionState } from "../../machines/device-session/device-session-machine.ts";
import type { Lifecycle, Operational } from "../../machines/resource/resource-status.ts";
import type { JobView } from "../gateway-api.ts";
import type { Json } from "../ports.ts";

/** What one reader may see. Every answer is made with it; what may not be read is as if it were not there. */
export interface ReadAccess {
  /** It may read every resource, and also what is none: whole lanes, names of processes. */
  readonly everything: boolean;
  mayRead(type: string, body: Body): boolean;
}

/**
 * The state of a resource in one word, for lists: its lifecycle, and once it is there what monitoring says (`unwatched`: nothing is
 * monitored yet).
 */
export type FleetState =
  | "pending_create"
  | "pending_update"
  | "pending_delete"
  | "create_failed"
  | "update_failed"
  | "delete_failed"
  | "up"
  | "down"
  | "unavailable"
  | "unwatched";

export interface FleetJob {
  readonly id: string;
  readonly action: string;
  readonly handler: string;
  readonly phase: JobView["phase"];
}

/** A resource as a list shows it. */
export interface FleetRow {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly state: FleetState;
  readonly version: number;
  /** Versions that wait for their turn. */
  readonly queued: number;
  /** The job in hand, the next one, or the one that failed. */
  readonly job: FleetJob | null;
  /** Addresses of the devices that its jobs or its monitoring are about. */
  readonly devices: readonly string[];
  /** Milliseconds since the epoch: its last transition. */
  readonly changedAt: number;
  readonly error: string;
  readonly seq: number;
}

export const FLEET_SORTS = ["name", "type", "tenant", "state", "changed"] as const;
export type FleetSort = (typeof FLEET_SORTS)[number];

export interface FleetQuery {
  /** Empty lists mean any. */
  readonly types: readonly string[];
  readonly states: readonly string[];
  readonly tenants: readonly string[];
  /** Part of a name, an id, a device or an error, in any case. */
  readonly text: string;
  readonly sort: FleetSort;
  readonly descending: boolean;
  readonly limit: number;
  readonly offset: number;
}

export interface FleetPage {
  /** Resources that match. */
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly FleetRow[];
  /** By state: how many match the other filters. In the same way by type and by tenant. */
  readonly states: Readonly<Record<string, number>>;
  readonly types: Readonly<Record<string, number>>;
  readonly tenants: Readonly<Record<string, number>>;
  /** Position of the log up to which the page is true: events after it are news. */
  readonly position: number;
}

/** A committed transition, with the resource as a list shows it after it. */
export interface FleetEvent {
  readonly kind: "transition";
  readonly seq: number;
  readonly time: number;
  readonly event: string;
  readonly before: Lifecycle;
  readonly after: Lifecycle;
  readonly deleted: boolean;
  readonly row: FleetRow;
}

/** Sent when a filtered feed had nothing to tell for a while: how far it has read. */
export interface FeedPosition {
  readonly kind: "position";
  readonly seq: number;
}

/** One transition of a resource's history. */
export interface HistoryStep {
  readonly seq: number;
  readonly time: number;
  readonly event: string;
  readonly before: Lifecycle;
  readonly after: Lifecycle;
  readonly operational: Operational;
  readonly version: number;
  /** What the version in hand does; null when the resource rests. */
  readonly action: "create" | "update" | "delete" | null;
  readonly status: string | null;
  readonly error: string;
  readonly jobs: readonly JobView[];
  /** Versions that wait. */
  readonly queued: number;
}

export interface ResourceHistory {
  readonly resource: {
    readonly type: string;
    readonly id: string;
    /** "" when it is nobody's. */
    readonly tenant: string;
    readonly name: string;
    readonly deleted: boolean;
  };
  readonly steps: readonly HistoryStep[];
  /** There are older ones than asked for. */
  readonly more: boolean;
  /** Seq of its last transition. */
  readonly last: number;
}

export interface DocumentVersion {
  readonly seq: number;
  readonly time: number;
  readonly version: number;
  /** null: deleted. Secrets are "***". */
  readonly value: Json;
}

export interface DocumentHistory {
  readonly key: string;
  /** Oldest first. */
  readonly writes: readonly DocumentVersion[];
}

export interface RouterConfiguration {
  readonly host: string;
  /** XML, one element per line; secrets are "***". */
  readonly text: string;
}

/** What a resource owned on routers and on the controller from a transition on. */
export interface ConfigurationVersion {
  readonly seq: number;
  readonly time: number;
  readonly version: number;
  readonly routers: readonly RouterConfiguration[];
  /** Objects of the controller: kind and uuid. */
  readonly objects: readonly string[];
}

export interface GraphNode {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly state: FleetState;
  readonly error: string;
}

/** `waits`: a job of `from` waits for jobs of `to`. `refers` and `belongs`: as the fields say. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: "waits" | "refers" | "belongs";
  /** Ids of the jobs waited for. */
  readonly jobs: readonly string[];
}

export interface DependencyGraph {
  /** Keys of nodes are `type/id`. */
  readonly root: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** There are more than are shown. */
  readonly cut: boolean;
}

export interface LaneJobView {
  readonly id: string;
  readonly type: string;
  readonly resource: string;
  readonly name: string;
}

export interface CommitView {
  readonly time: number;
  readonly tag: string;
  readonly outcome: "committing" | "confirming" | "confirmed" | "taken_back";
  /** From the first write in the journal to the last, milliseconds; null while it goes on. */
  readonly durationMs: number | null;
  readonly jobs: readonly LaneJobView[];
}

export interface LaneReport {
  readonly id: string;
  readonly hosts: readonly string[];
  /** The process whose lane it is; "" for a reader who may not know. */
  readonly process: string;
  readonly phase: string;
  readonly inHand: readonly LaneJobView[];
  readonly waiting: readonly LaneJobView[];
  readonly lastError: ErrorJson | null;
}

export interface DeviceReport {
  readonly host: string;
  /** Resources that this is the address of. */
  readonly known: ReadonlyArray<{ readonly type: string; readonly id: string; readonly name: string }>;
  readonly session: DeviceSessionState | "unknown";
  readonly error: string;
  /** The process that may edit it at the moment; "" when nobody does. */
  readonly lockHolder: string;
  readonly lanes: readonly LaneReport[];
  /** Newest first. */
  readonly commits: readonly CommitView[];
  /** Jobs that are ready or being worked on and name this device. */
  readonly jobs: ReadonlyArray<LaneJobView & { readonly phase: JobView["phase"] }>;
}

export interface TargetReport {
  readonly name: string;
  readonly kind: string;
  /** The device or the resource that is asked. */
  readonly about: string;
  readonly word: string;
  readonly verdict: "good" | "bad" | "unavailable" | "pending";
  readonly reason: string;
  /** Since when it answers so, milliseconds since the epoch; 0 when not known. */
  readonly since: number;
  /** Changes of its verdict, oldest first. */
  readonly changes: ReadonlyArray<{ readonly time: number; readonly verdict: string; readonly word: string }>;
}

export interface MonitoringRow {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly operational: Operational;
  readonly targets: readonly TargetReport[];
}

export interface MonitoringQuery {
  readonly types: readonly string[];
  readonly states: readonly string[];
  readonly text: string;
  readonly limit: number;
  readonly offset: number;
}

export interface MonitoringPage {
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly MonitoringRow[];
  readonly states: Readonly<Record<string, number>>;
  readonly position: number;
  /** Now, by the server's clock, milliseconds since the epoch. */
  readonly now: number;
}

interface Ref {
  readonly type: string;
  readonly id: string;
}

/**
 * What the visualiser asks: derived from the log and the stores, changing nothing. What a reader may not see is SB_NOT_FOUND.
 */
export interface InspectionApi {
  readonly machines: readonly MachineDescription[];
  fleet(access: ReadAccess, query: FleetQuery): FleetPage;
  /** Transitions from log position `from` on, live until aborted; of one resource only when it is named. */
  events(
    access: ReadAccess,
    options: { readonly from: number; readonly of?: Ref; readonly signal: AbortSignal },
  ): AsyncIterable<FleetEvent | FeedPosition>;
  /** The last `limit` transitions after position `after`. @throws SB_NOT_FOUND */
  history(access: ReadAccess, ref: Ref, options: { after: number; limit: number }): Promise<ResourceHistory>;
  /** @throws SB_NOT_FOUND */
  documents(access: ReadAccess, ref: Ref): Promise<DocumentHistory[]>;
  /** @throws SB_NOT_FOUND */
  configuration(access: ReadAccess, ref: Ref): Promise<ConfigurationVersion[]>;
  /** @throws SB_NOT_FOUND */
  graph(access: ReadAccess, ref: Ref): DependencyGraph;
  devices(access: ReadAccess): Promise<DeviceReport[]>;
  /** All devices first, then those that have changed, until aborted. */
  deviceEvents(access: ReadAccess, signal: AbortSignal): AsyncIterable<DeviceReport[]>;
  monitoring(access: ReadAccess, query: MonitoringQuery): Promise<MonitoringPage>;
}
