import type { StoredRecord } from "../../src/actors/ports.ts";
import { parseRecord, transitionView } from "../../src/actors/resource-record.ts";
import { type Outcome, outcomeOf } from "../../src/cli/resource-tracker.ts";
import type { AppliedRouter } from "../../src/machines/resource/resource-types.ts";

/** One record of a resource. */
interface LoggedTransition {
  readonly seq: number;
  readonly id: string;
  readonly event: string;
  readonly before: string;
  readonly state: string;
  readonly version: number;
}

/** A resource as its records tell it. */
export interface LoggedResource {
  readonly type: string;
  readonly id: string;
  /** Id of the resource that it belongs to. */
  readonly owner: string | undefined;
  readonly state: string;
  readonly outcome: Outcome;
  /** Numbers and values that no other resource may have; nothing once it is gone. */
  readonly claims: readonly string[];
  /** Its fields, as the last record has them. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What it has on routers; nothing once it is gone. */
  readonly applied: readonly AppliedRouter[];
  readonly transitions: readonly LoggedTransition[];
  /** Ids of its jobs, as often as they came into being and as often as they were finished. */
  readonly jobs: { readonly planned: readonly string[]; readonly finished: readonly string[] };
}

/** The resources of a log, in the order in which they came into it. */
export function loggedResources(records: readonly StoredRecord[]): LoggedResource[] {
  const bySubject = new Map<string, LoggedResource>();
  for (const stored of records) {
    const record = parseRecord(stored);
    if (record === undefined) continue;
    const { context } = record.snapshot;
    const view = transitionView(stored, record);
    const before = bySubject.get(stored.subject);
    const written = (prefix: string) =>
      record.documents.flatMap(({ key, value }) =>
        key.startsWith(prefix) && value !== null ? [key.slice(prefix.length)] : [],
      );
    // The document is written again when the job is tried again.
    const planned = written("/jobs/all/").filter(
      (id) => before?.jobs.planned.includes(id) !== true || record.event !== "JOB_RETRIED",
    );
    bySubject.set(stored.subject, {
      type: context.type,
      id: context.id,
      owner: context.owner?.id,
      state: view.state,
      outcome: outcomeOf(view),
      claims: view.deleted
        ? []
        : [
            ...context.claims.map(({ pool, number }) => `number ${number} of ${pool}`),
            ...context.uniques.map(({ field, value }) => `${context.type} with ${field} ${value}`),
          ],
      body: context.body,
      applied: view.deleted ? [] : (context.applied?.routers ?? []),
      transitions: [
        ...(before?.transitions ?? []),
        {
          seq: stored.seq,
          id: context.id,
          event: record.event,
          before: record.before,
          state: record.after,
          version: context.version,
        },
      ],
      jobs: {
        planned: [...(before?.jobs.planned ?? []), ...planned],
        finished: [...(before?.jobs.finished ?? []), ...written("/jobs/finished/")],
      },
    });
  }
  return [...bySubject.values()];
}
