import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import type { Clock, EventLog } from "../ports.ts";
import { type IndexEntry, isAccepted, keyOf, type ResourceIndex } from "../resource-index.ts";
import { parseRecord, subjectOf } from "../resource-record.ts";
import { nameOf, tenantOf } from "./fleet-row.ts";
import type { MonitoringPage, MonitoringQuery, MonitoringRow, ReadAccess, TargetReport } from "./inspection-api.ts";

type Change = TargetReport["changes"][number];
interface Past {
  /** The record that it was read up to. */
  readonly seq: number;
  readonly byTarget: ReadonlyMap<string, readonly Change[]>;
}

/** Changes of a target that are shown at most. */
const KEPT_CHANGES = 100;
/** Resources whose past is remembered. */
const KEPT_PASTS = 500;
const WORST_FIRST = { fail: 0, unavailable: 1, unknown: 2, up: 3 } as const;

/**
 * What monitoring has found, and how that changed. A status is in the log whenever it differs from the one before, so the past of a target is
 * whole however many processes monitor and however often they restart.
 */
export class MonitoringBoard {
  readonly #options: { index: ResourceIndex; log: EventLog; clock: Clock; mask: (text: string) => string };
  readonly #pasts = new Map<string, Past>();

  constructor(options: { index: ResourceIndex; log: EventLog; clock: Clock; mask: (text: string) => string }) {
    this.#options = options;
  }

  async page(access: ReadAccess, query: MonitoringQuery): Promise<MonitoringPage> {
    const { index, clock } = this.#options;
    const text = query.text.toLowerCase();
    const states = new Map<string, number>();
    const found: IndexEntry[] = [];
    for (const entry of index.all()) {
      const { type, context, value } = entry;
      if (!isAccepted(entry) || (context.monitoring?.targets ?? []).length === 0) continue;
      if (!access.mayRead(type, context.body)) continue;
      if (query.types.length > 0 && !query.types.includes(type)) continue;
      if (text !== "" && !matches(entry, text, access.everything)) continue;
      states.set(value.operational, (states.get(value.operational) ?? 0) + 1);
      if (query.states.length === 0 || query.states.includes(value.operational)) found.push(entry);
    }
    found.sort(
      (a, b) =>
        worseFirst(a, b) || compare(a.type, b.type) || compare(nameOf(a.body), nameOf(b.body)) || compare(a.id, b.id),
    );
    const rows = found.slice(query.offset, query.offset + query.limit).map((entry) => this.#row(entry));
    return {
      total: found.length,
      offset: query.offset,
      rows: await Promise.all(rows),
      states: Object.fromEntries(states),
      position: index.seen,
      now: clock.now(),
    };
  }

  async #row(entry: IndexEntry): Promise<MonitoringRow> {
    const { type, id, context, value } = entry;
    const past = await this.#past(entry);
    const { mask } = this.#options;
    const targets = (context.monitoring?.targets ?? []).map((target): TargetReport => {
      const status = context.statuses[target.name];
      const changes = past.byTarget.get(target.name) ?? [];
      return {
        name: target.name,
        kind: target.kind,
        about: aboutOf(target),
        word: status?.word ?? "",
        verdict: status?.verdict ?? "pending",
        reason: mask(status?.reason ?? ""),
        since: changes.at(-1)?.time ?? 0,
        changes,
      };
    });
    return {
      type,
      id,
      name: nameOf(context.body),
      tenant: tenantOf(context.body),
      operational: value.operational,
      targets,
    };
  }

  /** Read anew when the resource has a new record. */
  async #past(entry: IndexEntry): Promise<Past> {
    const key = keyOf(entry);
    const known = this.#pasts.get(key);
    if (known !== undefined && known.seq === entry.seq) return known;
    const byTarget = new Map<string, Change[]>();
    for await (const stored of this.#options.log.history(subjectOf(entry))) {
      const record = parseRecord(stored);
      if (record === undefined) continue;
      for (const [name, status] of Object.entries(record.snapshot.context.statuses)) {
        note(byTarget, name, status, stored.time);
      }
    }
    const past = { seq: entry.seq, byTarget };
    this.#pasts.delete(key);
    this.#pasts.set(key, past);
    for (const oldest of this.#pasts.keys()) {
      if (this.#pasts.size <= KEPT_PASTS) break;
      this.#pasts.delete(oldest);
    }
    return past;
  }
}

function note(byTarget: Map<string, Change[]>, name: string, { verdict, word }: TargetStatus, time: number): void {
  const changes = byTarget.get(name) ?? [];
  const last = changes.at(-1);
  if (last?.verdict === verdict && last.word === word) return;
  changes.push({ time, verdict, word });
  if (changes.length > KEPT_CHANGES) changes.shift();
  byTarget.set(name, changes);
}

/** @param byDevice whether the reader may know what is asked */
function matches(entry: IndexEntry, text: string, byDevice: boolean): boolean {
  if (nameOf(entry.body).toLowerCase().includes(text) || entry.id.includes(text)) return true;
  return (entry.context.monitoring?.targets ?? []).some(
    (target) => target.name.toLowerCase().includes(text) || (byDevice && aboutOf(target).toLowerCase().includes(text)),
  );
}

function aboutOf({ settings }: MonitoringTarget): string {
  const { device, type, id } = settings;
  if (typeof device === "string") return device;
  if (typeof type === "string") return `${type} ${String(id)}`;
  const { fq_name: fqName } = settings;
  return Array.isArray(fqName) ? fqName.join(":") : "";
}

function worseFirst(a: IndexEntry, b: IndexEntry): number {
  return WORST_FIRST[a.value.operational] - WORST_FIRST[b.value.operational];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
