import type { ResourceRef } from "../catalogue/resource-view.ts";
import { SignalboxError } from "../errors.ts";
import { absentResource, type ResourceSnapshot, resourceTransition } from "../machines/resource/resource-machine.ts";
import type { Effect, ResourceEvent } from "../machines/resource/resource-types.ts";
import { KnownResources } from "./known-resources.ts";
import { Mailboxes } from "./mailboxes.ts";
import type { DocumentWrite, EventLog, Logger, Random } from "./ports.ts";
import { keyOf, type ResourceIndex } from "./resource-index.ts";
import { type OutboxItem, parseRecord, type ResourceRecord, subjectOf, toJson } from "./resource-record.ts";

/**
 * Decides what happens to a resource, given its state at its turn and the position of the record that says so (0: it has none).
 * Undefined: nothing. May throw, which changes nothing. It runs again when somebody else was faster.
 */
export type Decide = (snapshot: ResourceSnapshot, seq: number) => ResourceEvent | undefined;

/**
 * What tells of a transition that is about to be committed: documents that become part of its record.
 * @param seq position of the resource's record before it; 0 when it has none
 */
export type Audit = (transition: {
  readonly event: ResourceEvent;
  readonly before: ResourceSnapshot;
  readonly after: ResourceSnapshot;
  readonly seq: number;
}) => readonly DocumentWrite[];

export interface CommandOptions {
  readonly audit?: Audit | undefined;
  /** How long the append is tried over an outage, milliseconds; as long as the log does when not given. */
  readonly patienceMs?: number;
}

export interface Committed {
  /** Position of the resource's last record; 0 when it has none. */
  readonly seq: number;
  readonly snapshot: ResourceSnapshot;
}

export interface ResourceHostOptions {
  readonly log: EventLog;
  readonly index: ResourceIndex;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Gives the machines of resources a mailbox and a life. A transition is exactly this: load the last record, run the pure transition and append
 * one record with the expected sequence. What the record asks for is handed out by whoever looks after the resource (`Outbox`).
 */
export class ResourceHost {
  private readonly mailboxes = new Mailboxes();
  /** The last records that this process has seen. Somebody else may have appended since. */
  private readonly known = new KnownResources();
  private stopped = false;
  private readonly options: ResourceHostOptions;

  constructor(options: ResourceHostOptions) {
    this.options = options;
    options.index.onChange(({ ref, stored, record }) =>
      this.known.note(keyOf(ref), { seq: stored.seq, snapshot: record.snapshot }),
    );
  }

  /** The state of a resource as the log has it. */
  async load(ref: ResourceRef): Promise<Committed> {
    const stored = await this.options.log.last(subjectOf(ref));
    const record = stored === undefined ? undefined : parseRecord(stored);
    return stored === undefined || record === undefined
      ? { seq: 0, snapshot: absentResource() }
      : { seq: stored.seq, snapshot: record.snapshot };
  }

  /**
   * Runs a decision on a resource at its turn and commits what comes of it.
   * Resolves when the record is committed and the index has it.
   * @throws what `decide` throws; what the log throws when it does not take the record
   */
  async command(ref: ResourceRef, decide: Decide, { audit, patienceMs }: CommandOptions = {}): Promise<Committed> {
    if (this.stopped) throw new SignalboxError("SB_NOT_READY", "the process is stopping");
    const how = { audit, ...(patienceMs === undefined ? {} : { patienceMs }) };
    const committed = await this.mailboxes.run(keyOf(ref), () => this.transition(ref, decide, how));
    await this.options.index.caughtUp(committed.seq);
    return committed;
  }

  /**
   * What this process knows of the resource need not be asked of the log: the append says whether it is still so. Only a record makes it
   * certain, so whatever would end without one is decided again from the log.
   */
  private async transition(ref: ResourceRef, decide: Decide, how: CommandOptions): Promise<Committed> {
    const likely = this.likely(ref);
    const next = likely === undefined ? undefined : attempt(likely, decide);
    if (likely !== undefined && next !== undefined) {
      const committed = await this.append(ref, likely, next, how);
      if (committed !== undefined) return committed;
    }
    for (;;) {
      const current = await this.load(ref);
      const decided = await this.decideOn(current, decide);
      if (decided === undefined) return current;
      const committed = await this.append(ref, current, decided, how);
      if (committed !== undefined) return committed;
    }
  }

  /** Who is refused because of a record finds in the index what it says. */
  private async decideOn(current: Committed, decide: Decide): Promise<Decided | undefined> {
    try {
      return eventAndTransition(current, decide);
    } catch (error) {
      await this.options.index.caughtUp(current.seq);
      throw error;
    }
  }

  /** What the resource is, unless somebody else has changed it a moment ago. Undefined: this process does not know. */
  private likely(ref: ResourceRef): Committed | undefined {
    const known = this.known.get(keyOf(ref));
    if (known !== undefined) return known;
    return this.options.index.entry(ref) === undefined ? { seq: 0, snapshot: absentResource() } : undefined;
  }

  /** Undefined: another writer was first. */
  private async append(
    ref: ResourceRef,
    current: Committed,
    decided: Decided,
    { audit, patienceMs }: CommandOptions,
  ): Promise<Committed | undefined> {
    const { event, snapshot, effects } = decided;
    const { record, messageId } = this.recordOf(event, current.snapshot, snapshot, effects, ref);
    const told = audit?.({ event, before: current.snapshot, after: snapshot, seq: current.seq }) ?? [];
    const key = keyOf(ref);
    try {
      const { seq } = await this.options.log.append(
        subjectOf(ref),
        toJson({ ...record, documents: [...record.documents, ...told] }),
        {
          expectedSeq: current.seq,
          messageId,
          ...(patienceMs === undefined ? {} : { patienceMs }),
        },
      );
      this.known.note(key, { seq, snapshot });
      return { seq, snapshot };
    } catch (error) {
      this.known.forget(key);
      if (!(error instanceof SignalboxError) || error.code !== "SB_SEQUENCE_CONFLICT") throw error;
      this.options.logger.debug({ resource: key, event: event.type }, "another writer was first; looking again");
      return undefined;
    }
  }

  private recordOf(
    event: ResourceEvent,
    before: ResourceSnapshot,
    after: ResourceSnapshot,
    effects: readonly Effect[],
    { type, id }: ResourceRef,
  ): { record: ResourceRecord; messageId: string } {
    // Whoever commands may have more of the resource in hand than what names it.
    const resource = { type, id };
    const documents: DocumentWrite[] = [];
    const outbox: OutboxItem[] = [];
    for (const effect of effects) {
      if (effect.kind === "write") documents.push({ key: effect.key, value: effect.value as DocumentWrite["value"] });
      else if (effect.kind === "offer") outbox.push({ ...effect, messageId: effect.jobId, resource });
      else outbox.push({ ...effect, messageId: this.options.random.uuid() });
    }
    const record: ResourceRecord = {
      v: 1,
      event: event.type,
      before: before.value.lifecycle,
      after: after.value.lifecycle,
      snapshot: after,
      documents,
      outbox,
    };
    return { record, messageId: this.options.random.uuid() };
  }

  /** Takes no more commands and waits for those in hand. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.mailboxes.idle();
  }
}

interface Decided {
  readonly event: ResourceEvent;
  readonly snapshot: ResourceSnapshot;
  readonly effects: readonly Effect[];
}

/** Undefined: nothing happens to the resource. @throws what `decide` throws */
function eventAndTransition({ snapshot: before, seq }: Committed, decide: Decide): Decided | undefined {
  const event = decide(before, seq);
  if (event === undefined) return undefined;
  const { snapshot, effects, taken } = resourceTransition(before, event);
  return taken ? { event, snapshot, effects } : undefined;
}

/** The same of a state that may be old: what is refused in it may be right in the present one. */
function attempt(likely: Committed, decide: Decide): Decided | undefined {
  try {
    return eventAndTransition(likely, decide);
  } catch {
    return undefined;
  }
}
