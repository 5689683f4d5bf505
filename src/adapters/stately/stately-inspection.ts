import type { FleetEvent, InspectionApi, ReadAccess } from "../../actors/inspection/inspection-api.ts";
import type { Logger } from "../../actors/ports.ts";
import { machineConfig } from "./machine-config.ts";

interface InspectedSnapshot {
  readonly status: "active" | "done";
  readonly value: { readonly lifecycle: string; readonly operational: string };
  readonly context: Readonly<Record<string, unknown>>;
}

/** What is needed of an inspector of `@statelyai/inspect`. */
export interface StatelyInspector {
  actor(id: string, snapshot: InspectedSnapshot, info: { definition: string }): void;
  event(id: string, event: { readonly type: string }): void;
  snapshot(id: string, snapshot: InspectedSnapshot, info: { event: { readonly type: string } }): void;
  stop(): void;
}

export interface StatelyInspectionOptions {
  readonly inspection: Pick<InspectionApi, "machines" | "events">;
  readonly inspector: StatelyInspector;
  readonly logger: Logger;
  /** Position of the log of the first transition that is told. */
  readonly from: number;
}

const everything: ReadAccess = { everything: true, mayRead: () => true };

/**
 * Tells a Stately inspector of every committed transition, an actor per resource. Bodies and configuration stay here: only what the chart
 * shows is told.
 * @returns ends it
 */
export function inspectWithStately(options: StatelyInspectionOptions): () => Promise<void> {
  const stopping = new AbortController();
  const running = tell(options, stopping.signal).catch((thrown: unknown) => {
    if (!stopping.signal.aborted)
      options.logger.warn({ error: String(thrown) }, "the Stately inspector is told no more");
  });
  return async () => {
    stopping.abort();
    await running;
    options.inspector.stop();
  };
}

async function tell(options: StatelyInspectionOptions, signal: AbortSignal): Promise<void> {
  const { inspection, inspector, from } = options;
  const machine = inspection.machines.find(({ name }) => name === "resource");
  const definition = machine === undefined ? "" : JSON.stringify(machineConfig(machine));
  const known = new Set<string>();
  for await (const event of inspection.events(everything, { from, signal })) {
    if (event.kind !== "transition") continue;
    const id = `${event.row.type}:${event.row.id}`;
    const snapshot = snapshotOf(event);
    if (!known.has(id)) inspector.actor(id, snapshot, { definition });
    known.add(id);
    const cause = { type: event.event };
    inspector.event(id, cause);
    inspector.snapshot(id, snapshot, { event: cause });
    if (event.deleted) known.delete(id);
  }
}

const OPERATIONAL: Readonly<Record<string, string>> = { up: "up", down: "fail", unavailable: "unavailable" };

function snapshotOf({ row, after, deleted }: FleetEvent): InspectedSnapshot {
  const { name, tenant, version, error, job, devices } = row;
  return {
    status: deleted ? "done" : "active",
    value: { lifecycle: after, operational: OPERATIONAL[row.state] ?? "unknown" },
    context: { name, tenant, version, error, job: job === null ? "" : `${job.id} ${job.phase}`, devices },
  };
}
