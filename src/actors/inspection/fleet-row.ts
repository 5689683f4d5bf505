import { devicesOf } from "../../machines/resource/job-devices.ts";
import type { ResourceStateValue } from "../../machines/resource/resource-status.ts";
import type { MonitoringTarget } from "../../machines/resource/resource-types.ts";
import type { StoredRecord } from "../ports.ts";
import type { IndexEntry } from "../resource-index.ts";
import type { ResourceRecord } from "../resource-record.ts";
import type { FleetJob, FleetRow, FleetState } from "./inspection-api.ts";

interface RowJob {
  readonly id: string;
  readonly phase: FleetJob["phase"];
  readonly devices: readonly string[];
}

/** In the order in which they tell most about the resource. */
const TELLING: ReadonlyArray<FleetJob["phase"]> = ["failed", "working", "ready", "waiting"];

/** The row of a resource that the index holds. */
export function rowOfEntry(entry: IndexEntry, changedAt: number, mask: (text: string) => string): FleetRow {
  const { context, jobs } = entry;
  return {
    type: entry.type,
    id: entry.id,
    name: nameOf(context.body),
    tenant: tenantOf(context.body),
    state: fleetState(entry.value),
    version: context.version,
    queued: context.queue.length,
    job: jobOf(jobs),
    devices: rowDevices(jobs, context.monitoring?.targets),
    changedAt,
    error: mask(context.error),
    seq: entry.seq,
  };
}

/** The row of a resource after a record. */
export function rowOfRecord(stored: StoredRecord, record: ResourceRecord, mask: (text: string) => string): FleetRow {
  const { context, value } = record.snapshot;
  const jobs = context.jobs.map(({ job, phase }) => ({ id: job.id, phase, devices: devicesOf(job.params) }));
  return {
    type: context.type,
    id: context.id,
    name: nameOf(context.body),
    tenant: tenantOf(context.body),
    state: fleetState(value),
    version: context.version,
    queued: context.queue.length,
    job: jobOf(jobs),
    devices: rowDevices(jobs, context.monitoring?.targets),
    changedAt: stored.time,
    error: mask(context.error),
    seq: stored.seq,
  };
}

export function fleetState({ lifecycle, operational }: ResourceStateValue): FleetState {
  switch (lifecycle) {
    case "create_completed":
      return ({ up: "up", fail: "down", unavailable: "unavailable", unknown: "unwatched" } as const)[operational];
    // Not accepted yet: nobody is shown these.
    case "absent":
    case "proposed":
      return "pending_create";
    case "deleted":
      return "pending_delete";
    default:
      return lifecycle;
  }
}

export function nameOf(body: Readonly<Record<string, unknown>>): string {
  return typeof body["name"] === "string" ? body["name"] : "";
}

export function tenantOf(body: Readonly<Record<string, unknown>>): string {
  return typeof body["tenant_id"] === "string" ? body["tenant_id"] : "";
}

function jobOf(jobs: readonly RowJob[]): FleetJob | null {
  for (const phase of TELLING) {
    const job = jobs.find((each) => each.phase === phase);
    if (job === undefined) continue;
    const [action = "", handler = ""] = job.id.split(":");
    return { id: job.id, action, handler, phase };
  }
  return null;
}

/** Of its jobs while there are some, else of what is monitored. */
function rowDevices(jobs: readonly RowJob[], targets: readonly MonitoringTarget[] | undefined): string[] {
  const hosts = new Set(jobs.flatMap((job) => job.devices));
  if (hosts.size === 0) {
    for (const { settings } of targets ?? []) if (typeof settings["device"] === "string") hosts.add(settings["device"]);
  }
  return [...hosts].sort();
}
