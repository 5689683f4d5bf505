import type { ResourceRef } from "../catalogue/resource-view.ts";
import { asSignalboxError, SignalboxError } from "../errors.ts";
import { absentResource, type ResourceSnapshot, resourceTransition } from "../machines/resource/resource-machine.ts";
import type { Effect, ResourceEvent } from "../machines/resource/resource-types.ts";
import { Mailboxes } from "./mailboxes.ts";
import type { Clock, DocumentWrite, EventLog, Logger, Random, StoredRecord, WorkQueues } from "./ports.ts";
import { keyOf, type ResourceIndex } from "./resource-index.ts";
import { type OutboxItem, parseRecord, type ResourceRecord, subjectOf, toJson } from "./resource-record.ts";

/**
 * Decides what happens to a resource, given its state at its turn. Undefined: nothing. May throw, which changes nothing.
 * It runs again when somebody else was faster.
 */
export type Decide = (snapshot: ResourceSnapshot) => ResourceEvent | undefined;

export interface Committed {
  /** Position of the resource's last record; 0 when it has none. */
  readonly seq: number;
  readonly snapshot: ResourceSnapshot;
}

export interface ResourceHostOptions {
  readonly log: EventLog;
  readonly queues: WorkQueues;
  readonly index: ResourceIndex;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Carries a command to the resource it is for. */
  readonly deliver: (to: ResourceRef, event: ResourceEvent, messageId: string) => Promise<void>;
}

const REDELIVERY_MS = [50, 200, 1000, 5000];

/**
 * Gives the machines of resources a mailbox and a life. A transition is exactly this: load the last record, run the pure transition, append one
 * record with the expected sequence, and only then hand out what it asks for. What is not handed out yet stays in the resource's next record,
 * so that a crash in between loses nothing.
 */
export class ResourceHost {
  private readonly mailboxes = new Mailboxes();
  /** What each resource's last record asks for and is not handed out yet. */
  private readonly undelivered = new Map<string, OutboxItem[]>();
  private readonly deliveries = new Map<string, Promise<void>>();
  private readonly drainedListeners = new Set<(ref: ResourceRef) => void>();
  private stopped = false;
  private readonly options: ResourceHostOptions;

  constructor(options: ResourceHostOptions) {
    this.options = options;
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
   * @throws what `decide` throws; SB_STORE_FAILED when the log does not take the record
   */
  async command(ref: ResourceRef, decide: Decide): Promise<Committed> {
    if (this.stopped) throw new SignalboxError("SB_NOT_READY", "the process is stopping");
    const committed = await this.mailboxes.run(keyOf(ref), () => this.transition(ref, decide));
    await this.options.index.caughtUp(committed.seq);
    return committed;
  }

  private async transition(ref: ResourceRef, decide: Decide): Promise<Committed> {
    for (;;) {
      const current = await this.load(ref);
      const event = decide(current.snapshot);
      if (event === undefined) return current;
      const { snapshot, effects, taken } = resourceTransition(current.snapshot, event);
      if (!taken) return current;
      const { record, messageId } = this.recordOf(ref, event, current.snapshot, snapshot, effects);
      try {
        const { seq } = await this.options.log.append(subjectOf(ref), toJson(record), {
          expectedSeq: current.seq,
          messageId,
        });
        this.handOut(ref, record.outbox, seq);
        return { seq, snapshot };
      } catch (error) {
        if (!(error instanceof SignalboxError) || error.code !== "SB_SEQUENCE_CONFLICT") throw error;
        this.options.logger.debug(
          { resource: keyOf(ref), event: event.type },
          "another writer was first; looking again",
        );
      }
    }
  }

  private recordOf(
    ref: ResourceRef,
    event: ResourceEvent,
    before: ResourceSnapshot,
    after: ResourceSnapshot,
    effects: readonly Effect[],
  ): { record: ResourceRecord; messageId: string } {
    const documents: DocumentWrite[] = [];
    const outbox: OutboxItem[] = [...(this.undelivered.get(keyOf(ref)) ?? [])];
    for (const effect of effects) {
      if (effect.kind === "write") documents.push({ key: effect.key, value: effect.value as DocumentWrite["value"] });
      else if (effect.kind === "offer") outbox.push({ ...effect, messageId: effect.jobId, resource: ref });
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

  /**
   * Takes up what records of an earlier life of the process still ask for. All of it is known before any is handed out: what is handed out
   * changes other resources, and their next records must carry on what their last ones ask for.
   */
  async recover(lastRecords: AsyncIterable<StoredRecord> | Iterable<StoredRecord>): Promise<void> {
    const left: Array<{ ref: ResourceRef; outbox: readonly OutboxItem[]; seq: number }> = [];
    for await (const stored of lastRecords) {
      const record = parseRecord(stored);
      if (record === undefined || record.outbox.length === 0) continue;
      const { type, id } = record.snapshot.context;
      left.push({ ref: { type, id }, outbox: record.outbox, seq: stored.seq });
    }
    for (const { ref, outbox, seq } of left) this.handOut(ref, outbox, seq);
  }

  private handOut(ref: ResourceRef, outbox: readonly OutboxItem[], seq: number): void {
    const key = keyOf(ref);
    if (outbox.length === 0) return;
    this.undelivered.set(key, [...outbox]);
    if (!this.deliveries.has(key)) {
      const delivery = this.deliverAll(ref, key, seq).finally(() => this.deliveries.delete(key));
      this.deliveries.set(key, delivery);
    }
  }

  private async deliverAll(ref: ResourceRef, key: string, seq: number): Promise<void> {
    // Whoever plans because of this record must see it.
    await this.options.index.caughtUp(seq);
    for (let attempt = 0; !this.stopped; ) {
      const [item] = this.undelivered.get(key) ?? [];
      if (item === undefined) break;
      try {
        await this.deliver(item);
        const rest = (this.undelivered.get(key) ?? []).filter((other) => other.messageId !== item.messageId);
        if (rest.length > 0) this.undelivered.set(key, rest);
        else this.undelivered.delete(key);
        attempt = 0;
      } catch (thrown) {
        if (this.stopped) return;
        const error = asSignalboxError(thrown);
        this.options.logger.warn(
          { resource: key, item: item.kind, code: error.code, error: error.message },
          "hand-out failed; trying again",
        );
        await this.options.clock.sleep(REDELIVERY_MS[Math.min(attempt, REDELIVERY_MS.length - 1)] ?? 5000);
        attempt += 1;
      }
    }
    if (!this.stopped) for (const listener of this.drainedListeners) listener(ref);
  }

  private async deliver(item: OutboxItem): Promise<void> {
    if (item.kind === "command") {
      await this.options.deliver(item.to, item.event, item.messageId);
      return;
    }
    const { resource, jobId, queue, delayMs } = item;
    await this.options.queues
      .queue(queue)
      .offer({ id: jobId, body: { type: resource.type, id: resource.id, jobId }, delayMs });
  }

  /** True while something that the resource's last record asks for is not handed out. */
  isHandingOut(ref: ResourceRef): boolean {
    return this.undelivered.has(keyOf(ref));
  }

  /** Resolves when all that the resource has asked for so far is handed out. */
  async drained(ref: ResourceRef): Promise<void> {
    await this.deliveries.get(keyOf(ref));
  }

  /** Calls back when everything that a resource asked for has been handed out. */
  onDrained(listener: (ref: ResourceRef) => void): void {
    this.drainedListeners.add(listener);
  }

  /** Takes no more commands and waits for those in hand. What is not handed out is taken up at the next start. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.mailboxes.idle();
    await Promise.allSettled(this.deliveries.values());
  }
}
