import type { ResourceRef } from "../catalogue/resource-view.ts";
import { SignalboxError } from "../errors.ts";
import { devicesOf } from "../machines/resource/job-devices.ts";
import type { ResourceSnapshot } from "../machines/resource/resource-machine.ts";
import { clientStatus } from "../machines/resource/resource-status.ts";
import type { ResourceEvent } from "../machines/resource/resource-types.ts";
import type { JobView, TransitionView } from "./gateway-api.ts";
import type { DocumentWrite, Json, StoredRecord } from "./ports.ts";

/** What is still to be handed out because of a transition. Receivers know repeated ones by their id. */
export type OutboxItem = { readonly messageId: string } & (
  | {
      readonly kind: "offer";
      readonly queue: string;
      readonly jobId: string;
      readonly resource: ResourceRef;
      readonly devices: readonly string[];
      readonly delayMs: number;
    }
  | { readonly kind: "command"; readonly to: ResourceRef; readonly event: ResourceEvent }
);

/** One committed transition of a resource, as the event log keeps it. */
export interface ResourceRecord {
  readonly v: 1;
  readonly event: string;
  readonly before: string;
  readonly after: string;
  readonly snapshot: ResourceSnapshot;
  readonly documents: readonly DocumentWrite[];
  readonly outbox: readonly OutboxItem[];
}

const PREFIX = "resource.";

export function subjectOf(ref: ResourceRef): string {
  return `${PREFIX}${ref.type}.${ref.id}`;
}

/**
 * The record of a resource; undefined when the subject is something else's.
 * @throws SB_DATA_VERSION when a newer version of the program wrote it
 */
export function parseRecord(stored: StoredRecord): ResourceRecord | undefined {
  if (!stored.subject.startsWith(PREFIX)) return undefined;
  const record = stored.data as unknown as ResourceRecord;
  for (const { v } of [record, record.snapshot] as ReadonlyArray<{ v: number }>) {
    if (v !== 1)
      throw new SignalboxError("SB_DATA_VERSION", `record ${stored.seq} (${stored.subject}) is of version ${v}`);
  }
  return record;
}

export function toJson(record: ResourceRecord): Json {
  return record as unknown as Json;
}

export const RESOURCE_SUBJECTS = PREFIX;

/** A transition as clients and timelines see it. */
export function transitionView(stored: StoredRecord, record: ResourceRecord): TransitionView {
  const { value, context } = record.snapshot;
  const status = clientStatus(value, context);
  return {
    seq: stored.seq,
    time: stored.time,
    type: context.type,
    id: context.id,
    name: String(context.body["name"] ?? ""),
    version: context.version,
    event: record.event,
    state: value.lifecycle,
    ...status,
    jobs: context.jobs.map(
      (state): JobView => ({
        id: state.job.id,
        action: state.job.action,
        handler: state.job.handler,
        phase: state.phase,
        waitsFor: state.waitsFor,
        attempt: state.attempt,
        devices: devicesOf(state.job.params),
        ...(state.worker === undefined ? {} : { worker: state.worker }),
        ...(state.error === undefined ? {} : { error: state.error }),
      }),
    ),
    error: context.error,
    deleted: value.lifecycle === "deleted",
  };
}
