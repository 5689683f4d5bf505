import type { ResourceContext } from "./resource-types.ts";

/** The lifecycle states of a resource. */
export type Lifecycle =
  | "absent"
  | "proposed"
  | "pending_create"
  | "create_completed"
  | "create_failed"
  | "pending_update"
  | "update_failed"
  | "pending_delete"
  | "delete_failed"
  | "deleted";

export type Operational = "unknown" | "up" | "fail" | "unavailable";

export interface ResourceStateValue {
  readonly lifecycle: Lifecycle;
  readonly operational: Operational;
}

export interface ClientStatus {
  /** null for a type without the field. */
  readonly status: string | null;
  readonly orchestrationState: string;
  readonly operationalState: string;
}

/** What the status fields depend on besides the state. */
export type StatusContext = Pick<ResourceContext, "hasStatus" | "fixedStatus" | "wasActive" | "monitoring" | "version">;

/** The status fields that a client sees (reference: etcd documents; seed 004, section 13.8). */
export function clientStatus(value: ResourceStateValue, context: StatusContext): ClientStatus {
  return {
    status: context.hasStatus ? statusOf(value, context) : null,
    orchestrationState: orchestrationOf(value.lifecycle, context),
    operationalState: { unknown: "NO_STATE", up: "UP", fail: "FAIL", unavailable: "FAIL" }[value.operational],
  };
}

function statusOf(value: ResourceStateValue, context: StatusContext): string {
  if (context.fixedStatus !== null && value.lifecycle === "create_completed") return context.fixedStatus;
  switch (value.lifecycle) {
    case "absent":
    case "proposed":
    case "pending_create":
      return "PENDING_CREATE";
    case "pending_update":
      return context.wasActive ? "PENDING_UPDATE" : "PENDING_CREATE";
    case "pending_delete":
    case "deleted":
      return "PENDING_DELETE";
    case "create_failed":
    case "update_failed":
    case "delete_failed":
      return "ERROR";
    case "create_completed":
      return restingStatus(value.operational, context);
    default:
      return value.lifecycle satisfies never;
  }
}

/** Complete: what monitoring says decides; what has nothing to monitor yet is not there yet (a port that is not attached). */
function restingStatus(operational: Operational, context: StatusContext): string {
  if (context.monitoring === null) return "ACTIVE";
  if (context.monitoring.targets.length === 0) return context.wasActive ? "ACTIVE" : "PENDING_CREATE";
  return operational === "up" ? "ACTIVE" : "MONITORING_UNAVAILABLE";
}

function orchestrationOf(lifecycle: Lifecycle, context: StatusContext): string {
  switch (lifecycle) {
    case "absent":
    case "proposed":
      return "NO_STATE";
    case "pending_create":
      return "CREATE_IN_PROGRESS";
    case "create_completed":
      return context.version > 1 ? "UPDATE_COMPLETE" : "CREATE_COMPLETE";
    case "create_failed":
      return "CREATE_FAILED";
    case "pending_update":
      return "UPDATE_IN_PROGRESS";
    case "update_failed":
      return "UPDATE_FAILED";
    case "pending_delete":
      return "DELETE_IN_PROGRESS";
    case "delete_failed":
      return "DELETE_FAILED";
    case "deleted":
      return "DELETE_COMPLETE";
    default:
      return lifecycle satisfies never;
  }
}

/** The resource does nothing at the moment and can take its next version. */
export function isResting(lifecycle: Lifecycle): boolean {
  return lifecycle === "create_completed" || lifecycle.endsWith("_failed");
}
