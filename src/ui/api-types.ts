/** What the pages read of the HTTP API: the documented shapes, as far as they are shown. */

export interface FleetJob {
  readonly id: string;
  readonly action: string;
  readonly handler: string;
  readonly phase: JobPhase;
}

export type JobPhase = "waiting" | "ready" | "working" | "finished" | "failed";

export interface FleetRow {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly state: string;
  readonly version: number;
  readonly queued: number;
  readonly job: FleetJob | null;
  readonly devices: readonly string[];
  readonly changedAt: number;
  readonly error: string;
  readonly seq: number;
}

export interface FleetPageAnswer {
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly FleetRow[];
  readonly states: Readonly<Record<string, number>>;
  readonly types: Readonly<Record<string, number>>;
  readonly tenants: Readonly<Record<string, number>>;
  readonly position: number;
}

export interface FleetEvent {
  readonly seq: number;
  readonly time: number;
  readonly event: string;
  readonly before: string;
  readonly after: string;
  readonly deleted: boolean;
  readonly row: FleetRow;
}

export interface Job {
  readonly id: string;
  readonly action: string;
  readonly handler: string;
  readonly phase: JobPhase;
  readonly waitsFor: readonly string[];
  readonly attempt: number;
  readonly worker?: string;
  readonly devices: readonly string[];
  readonly error?: string;
}

export interface HistoryStep {
  readonly seq: number;
  readonly time: number;
  readonly event: string;
  readonly before: string;
  readonly after: string;
  readonly operational: string;
  readonly version: number;
  readonly action: string | null;
  readonly status: string | null;
  readonly error: string;
  readonly jobs: readonly Job[];
  readonly queued: number;
}

export interface ResourceHistory {
  readonly resource: {
    readonly type: string;
    readonly id: string;
    readonly tenant: string;
    readonly name: string;
    readonly deleted: boolean;
  };
  readonly steps: readonly HistoryStep[];
  readonly more: boolean;
  readonly last: number;
}

export interface DocumentWrite {
  readonly seq: number;
  readonly time: number;
  readonly version: number;
  readonly value: unknown;
}

export interface DocumentHistory {
  readonly key: string;
  readonly writes: readonly DocumentWrite[];
}

export interface ConfigurationVersion {
  readonly seq: number;
  readonly time: number;
  readonly version: number;
  readonly routers: ReadonlyArray<{ readonly host: string; readonly text: string }>;
  readonly objects: readonly string[];
}

export interface GraphNode {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly error: string;
}

export interface DependencyGraph {
  readonly root: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: ReadonlyArray<{
    readonly from: string;
    readonly to: string;
    readonly kind: "waits" | "refers" | "belongs";
    readonly jobs: readonly string[];
  }>;
  readonly cut: boolean;
}

export interface MachineTransition {
  readonly event: string;
  readonly targets: readonly string[];
  readonly guard: string;
  readonly actions: readonly string[];
}

export interface MachineState {
  readonly path: string;
  readonly name: string;
  readonly kind: string;
  readonly initial: string;
  readonly transitions: readonly MachineTransition[];
  readonly states: readonly MachineState[];
}

export interface Machine {
  readonly name: string;
  readonly root: MachineState;
}

export interface LaneJob {
  readonly id: string;
  readonly type: string;
  readonly resource: string;
  readonly name: string;
}

export interface DeviceReport {
  readonly host: string;
  readonly known: ReadonlyArray<{ readonly type: string; readonly id: string; readonly name: string }>;
  readonly session: string;
  readonly error: string;
  readonly lockHolder: string;
  readonly lanes: ReadonlyArray<{
    readonly id: string;
    readonly hosts: readonly string[];
    readonly process: string;
    readonly phase: string;
    readonly inHand: readonly LaneJob[];
    readonly waiting: readonly LaneJob[];
    readonly lastError: {
      readonly code: string;
      readonly message: string;
      readonly advice: string;
      readonly device?: string;
      readonly statement?: string;
    } | null;
  }>;
  readonly commits: ReadonlyArray<{
    readonly time: number;
    readonly tag: string;
    readonly outcome: string;
    readonly durationMs: number | null;
    readonly jobs: readonly LaneJob[];
  }>;
  readonly jobs: ReadonlyArray<LaneJob & { readonly phase: JobPhase }>;
}

export interface Target {
  readonly name: string;
  readonly kind: string;
  readonly about: string;
  readonly word: string;
  readonly verdict: string;
  readonly reason: string;
  readonly since: number;
  readonly changes: ReadonlyArray<{ readonly time: number; readonly verdict: string; readonly word: string }>;
}

export interface MonitoringRow {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly operational: string;
  readonly targets: readonly Target[];
}

export interface MonitoringPageAnswer {
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly MonitoringRow[];
  readonly states: Readonly<Record<string, number>>;
  readonly position: number;
  readonly now: number;
}

/** RFC 9457, with what this API adds. */
export interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly advice?: string;
}
