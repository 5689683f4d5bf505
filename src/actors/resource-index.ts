import { numbersOf } from "../catalogue/address-blocks.ts";
import type { ResourceRef, ResourceView, ViewedJob, ViewedResource } from "../catalogue/resource-view.ts";
import { devicesOf } from "../machines/resource/job-devices.ts";
import { isResting, type ResourceStateValue } from "../machines/resource/resource-status.ts";
import { latestBody } from "../machines/resource/resource-steps.ts";
import type { JobPhase, ResourceContext, UniqueValue } from "../machines/resource/resource-types.ts";
import { tenantKey } from "./access/caller.ts";
import type { EventLog, StoredRecord } from "./ports.ts";
import { parseRecord, RESOURCE_SUBJECTS, type ResourceRecord, subjectOf } from "./resource-record.ts";

/** What the index keeps of a resource: enough to plan, to check and to show, without the log. */
export interface IndexEntry extends ViewedResource {
  readonly seq: number;
  readonly value: ResourceStateValue;
  readonly context: IndexedContext;
  readonly jobs: readonly IndexedJob[];
  /** Position of the record in which the change that it proposes was announced; 0 when that is not known or there is none. */
  readonly changeProposedAt: number;
  /** The record asks for commands or job offers that may not be handed out yet. */
  readonly hasOutbox: boolean;
}

/** What others may ask of a resource's context. What only its own next transition needs is read from the log then. */
export type IndexedContext = Omit<
  ResourceContext,
  | "effective"
  | "applied"
  | "jobs"
  | "changes"
  | "templates"
  | "stateMonitoring"
  | "seen"
  | "collection"
  | "action"
  | "request"
>;

export interface IndexedJob extends ViewedJob {
  readonly phase: JobPhase;
  readonly waitsFor: readonly string[];
  /** Addresses of the devices that it works on. */
  readonly devices: readonly string[];
  readonly error: string | undefined;
}

/** Called with each record that the index has taken in; `entry` is undefined when the resource is gone. */
export type IndexListener = (change: {
  readonly stored: StoredRecord;
  readonly record: ResourceRecord;
  readonly ref: ResourceRef;
  readonly entry: IndexEntry | undefined;
  readonly before: IndexEntry | undefined;
}) => void;

/**
 * A look at all resources, folded from the event log in the log's order. Because the order is total, two processes that have read up to the
 * same position agree on who was first. Derived: it can be dropped and built again at any time.
 */
export class ResourceIndex implements ResourceView {
  private readonly entries = new Map<string, IndexEntry>();
  private readonly byType = new Map<string, Set<string>>();
  /** By type and tenant: keys of what somebody has ordered for it. */
  private readonly byTenant = new Map<string, Set<string>>();
  /** By tenant: versions that are ordered and not done. */
  private readonly pending = new Map<string, number>();
  private readonly referrersOf = new Map<string, Set<string>>();
  private readonly pools = new Map<string, Map<number, Set<string>>>();
  private readonly uniques = new Map<string, Set<string>>();
  /** Keys of the creations that are not decided. */
  private readonly proposals = new Set<string>();
  private readonly listeners = new Set<IndexListener>();
  private readonly recordListeners = new Set<(stored: StoredRecord) => void>();
  private readonly waiting: Array<{ seq: number; resolve: () => void }> = [];
  private position = 0;
  private running: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  /**
   * Reads the last record of every resource, then follows the log.
   * @returns when the index is as the log was at the call
   */
  async start(log: EventLog, onError: (error: unknown) => void): Promise<void> {
    const position = await log.position();
    for await (const stored of log.lastOfEach(RESOURCE_SUBJECTS)) this.apply(stored);
    this.position = position;
    this.running = this.follow(log, position + 1).catch(onError);
  }

  private async follow(log: EventLog, from: number): Promise<void> {
    for await (const stored of log.read(from, { follow: true, signal: this.stopping.signal })) {
      // What was taken out of the log unread can only be that a creation was refused.
      if (stored.seq > this.position + 1) await this.forgetRefused(log);
      this.apply(stored);
      this.position = Math.max(this.position, stored.seq);
      this.releaseWaiting();
    }
  }

  private async forgetRefused(log: EventLog): Promise<void> {
    for (const key of this.proposals) {
      const entry = this.entries.get(key);
      if (entry !== undefined && (await log.last(subjectOf(entry))) === undefined) this.forget(entry);
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Resolves when the index has read the log up to `seq`. */
  caughtUp(seq: number): Promise<void> {
    if (this.position >= seq) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ seq, resolve }));
  }

  private releaseWaiting(): void {
    for (let at = this.waiting.length - 1; at >= 0; at -= 1) {
      const waiter = this.waiting[at];
      if (waiter && waiter.seq <= this.position) {
        this.waiting.splice(at, 1);
        waiter.resolve();
      }
    }
  }

  /** Position up to which the log was read. */
  get seen(): number {
    return this.position;
  }

  /** Calls back with each record that is not a resource's. */
  onOtherRecord(listener: (stored: StoredRecord) => void): () => void {
    this.recordListeners.add(listener);
    return () => this.recordListeners.delete(listener);
  }

  onChange(listener: IndexListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private apply(stored: StoredRecord): void {
    const record = parseRecord(stored);
    if (record === undefined) {
      for (const listener of this.recordListeners) listener(stored);
      return;
    }
    const { context, value } = record.snapshot;
    const ref = { type: context.type, id: context.id };
    const before = this.entries.get(keyOf(ref));
    if (before !== undefined && before.seq >= stored.seq) return;
    if (before !== undefined) this.forget(before);
    const gone = value.lifecycle === "deleted" || value.lifecycle === "absent";
    const entry = gone ? undefined : toEntry(stored, record, before);
    if (entry !== undefined) this.remember(entry);
    for (const listener of this.listeners) listener({ stored, record, ref, entry, before });
  }

  private remember(entry: IndexEntry): void {
    const key = keyOf(entry);
    this.entries.set(key, entry);
    addTo(this.byType, entry.type, entry.id);
    this.countTenants(entry, 1);
    if (!isAccepted(entry)) this.proposals.add(key);
    for (const target of targetsOf(entry)) addTo(this.referrersOf, target, key);
    for (const claim of entry.context.claims) {
      const pool = this.pools.get(claim.pool) ?? new Map<number, Set<string>>();
      this.pools.set(claim.pool, pool);
      for (const number of numbersOf(claim)) {
        const holders = pool.get(number) ?? new Set<string>();
        pool.set(number, holders.add(key));
      }
    }
    for (const { type = entry.type, field, value } of uniquesOf(entry))
      addTo(this.uniques, uniqueKey(type, field, value), key);
  }

  private forget(entry: IndexEntry): void {
    const key = keyOf(entry);
    this.entries.delete(key);
    removeFrom(this.byType, entry.type, entry.id);
    this.countTenants(entry, -1);
    this.proposals.delete(key);
    for (const target of targetsOf(entry)) removeFrom(this.referrersOf, target, key);
    for (const claim of entry.context.claims) {
      const pool = this.pools.get(claim.pool);
      for (const number of numbersOf(claim)) {
        const holders = pool?.get(number);
        holders?.delete(key);
        if (holders?.size === 0) pool?.delete(number);
      }
      if (pool?.size === 0) this.pools.delete(claim.pool);
    }
    for (const { type = entry.type, field, value } of uniquesOf(entry))
      removeFrom(this.uniques, uniqueKey(type, field, value), key);
  }

  private countTenants(entry: IndexEntry, by: 1 | -1): void {
    if (entry.owner !== undefined) return;
    const tenant = tenantKey(entry.body["tenant_id"]);
    const change = by === 1 ? addTo : removeFrom;
    for (const each of new Set([tenant, tenantKey(entry.context.proposed?.tenant)])) {
      if (each !== undefined) change(this.byTenant, `${entry.type}/${each}`, keyOf(entry));
    }
    if (tenant === undefined) return;
    const pending = (this.pending.get(tenant) ?? 0) + by * pendingVersions(entry);
    if (pending > 0) this.pending.set(tenant, pending);
    else this.pending.delete(tenant);
  }

  /** The entry whatever its state, proposed ones included. */
  entry(ref: ResourceRef): IndexEntry | undefined {
    return this.entries.get(keyOf(ref));
  }

  all(): IterableIterator<IndexEntry> {
    return this.entries.values();
  }

  /** Accepted resources of a type. */
  *ofType(type: string): Generator<IndexEntry> {
    for (const entry of this.everyOfType(type)) if (isAccepted(entry)) yield entry;
  }

  /** Resources of a type whatever their state, proposed ones included. */
  *everyOfType(type: string): Generator<IndexEntry> {
    for (const id of this.byType.get(type) ?? []) {
      const entry = this.entries.get(keyOf({ type, id }));
      if (entry) yield entry;
    }
  }

  /**
   * A tenant's resources of a type whatever their state, those that are proposed to go to it among them, without what belongs to another
   * resource.
   */
  *everyOfTenant(type: string, tenant: string): Generator<IndexEntry> {
    for (const key of this.byTenant.get(`${type}/${tenant}`) ?? []) {
      const entry = this.entries.get(key);
      if (entry) yield entry;
    }
  }

  /** How many versions of a tenant's resources are ordered and not done, without what belongs to another resource. */
  pendingOf(tenant: string): number {
    return this.pending.get(tenant) ?? 0;
  }

  get(type: string, id: string): IndexEntry | undefined {
    const entry = this.entries.get(keyOf({ type, id }));
    return entry && isAccepted(entry) ? entry : undefined;
  }

  referrers(type: string, id: string): readonly IndexEntry[] {
    return this.referring(type, id).filter(isAccepted);
  }

  /** Referrers of any state, proposed ones included. */
  referring(type: string, id: string): IndexEntry[] {
    const keys = this.referrersOf.get(keyOf({ type, id })) ?? [];
    return [...keys].flatMap((key) => this.entries.get(key) ?? []);
  }

  claimed(pool: string): ReadonlySet<number> {
    return new Set(this.pools.get(pool)?.keys());
  }

  /** Who else holds a number of a pool, proposed or accepted. */
  claimants(pool: string, number: number): IndexEntry[] {
    return [...(this.pools.get(pool)?.get(number) ?? [])].flatMap((key) => this.entries.get(key) ?? []);
  }

  holder(type: string, field: string, value: string): string | undefined {
    return this.holders(type, field, value)[0]?.id;
  }

  holders(type: string, field: string, value: string): IndexEntry[] {
    return [...(this.uniques.get(uniqueKey(type, field, value)) ?? [])].flatMap((key) => this.entries.get(key) ?? []);
  }
}

export function keyOf(ref: ResourceRef): string {
  return `${ref.type}/${ref.id}`;
}

export function isAccepted(entry: IndexEntry): boolean {
  return entry.value.lifecycle !== "proposed";
}

/** It rests and a version waits for its turn. */
export function wantsStart(entry: IndexEntry): boolean {
  return entry.context.queue.length > 0 && isResting(entry.value.lifecycle);
}

/** Versions of a resource that are in work, or wait for their turn. */
function pendingVersions({ value, context }: IndexEntry): number {
  return (isResting(value.lifecycle) ? 0 : 1) + context.queue.length;
}

function uniqueKey(type: string, field: string, value: string): string {
  return `${type}/${field}/${value}`;
}

function targetsOf(entry: IndexEntry): Set<string> {
  const { references, proposed } = entry.context;
  const targets = new Set([...references, ...(proposed?.references ?? [])].map(keyOf));
  if (entry.context.owner !== null) targets.add(keyOf(entry.context.owner));
  return targets;
}

/** The values that a resource holds, and those that it is about to take. */
function uniquesOf({ context }: IndexEntry): readonly UniqueValue[] {
  return [...context.uniques, ...(context.proposed?.uniques ?? [])];
}

function proposedAt(stored: StoredRecord, record: ResourceRecord, before: IndexEntry | undefined): number {
  if (record.event === "PROPOSE_UPDATE") return stored.seq;
  const { proposed } = record.snapshot.context;
  return proposed && before?.context.proposed?.token === proposed.token ? before.changeProposedAt : 0;
}

function toEntry(stored: StoredRecord, record: ResourceRecord, before: IndexEntry | undefined): IndexEntry {
  const { value } = record.snapshot;
  const { jobs } = record.snapshot.context;
  const context = indexedContext(record.snapshot.context);
  const indexed = jobs.map(
    (state): IndexedJob => ({
      id: state.job.id,
      handler: state.job.handler,
      first: state.job.is_first,
      phase: state.phase,
      waitsFor: state.waitsFor,
      devices: devicesOf(state.job.params),
      error: state.error,
    }),
  );
  return {
    type: context.type,
    id: context.id,
    body: latestBody(context),
    markedForDeletion: context.markedForDeletion || context.deletionProposed,
    deletionFailed: value.lifecycle === "delete_failed",
    owner: context.owner ?? undefined,
    unfinishedJobs: value.lifecycle.startsWith("pending_")
      ? indexed.filter((job) => job.phase !== "finished" && job.phase !== "failed")
      : [],
    seq: stored.seq,
    value,
    context,
    jobs: indexed,
    changeProposedAt: proposedAt(stored, record, before),
    hasOutbox: record.outbox.length > 0,
  };
}

/** Field by field, so that a field that comes to the context takes memory here only when somebody asks for it. */
function indexedContext(context: ResourceContext): IndexedContext {
  return {
    type: context.type,
    id: context.id,
    hasStatus: context.hasStatus,
    owner: context.owner,
    claims: context.claims,
    uniques: context.uniques,
    references: context.references,
    proposedSeq: context.proposedSeq,
    version: context.version,
    body: context.body,
    queue: context.queue,
    outputs: context.outputs,
    monitoring: context.monitoring,
    statuses: context.statuses,
    error: context.error,
    wasActive: context.wasActive,
    fixedStatus: context.fixedStatus,
    // Records of before it was there do not have it.
    proposed: context.proposed ?? null,
    deletionProposed: context.deletionProposed,
    proposedBy: context.proposedBy ?? "",
    markedForDeletion: context.markedForDeletion,
  };
}

function addTo(map: Map<string, Set<string>>, key: string, member: string): void {
  const set = map.get(key);
  if (set) set.add(member);
  else map.set(key, new Set([member]));
}

function removeFrom(map: Map<string, Set<string>>, key: string, member: string): void {
  const set = map.get(key);
  set?.delete(member);
  if (set?.size === 0) map.delete(key);
}
