import { backoffMs, STORE_BACKOFF } from "../outages/backoff.ts";
import { RepeatedFailures } from "../outages/repeated-failures.ts";
import { type AuditHead, EMPTY_CHAIN, linked } from "./audit/audit-chain.ts";
import { BY_TIME } from "./audit/audit-keys.ts";
import { parseAuditRecord } from "./audit/audit-record.ts";
import { PROJECTOR_POSITION } from "./log-identity/log-positions.ts";
import { replacedError } from "./log-identity/require-own-log.ts";
import type { Clock, DocumentStore, DocumentWrite, EventLog, Json, Logger, StoredRecord } from "./ports.ts";
import { groupsOf, type Position, ProjectionBatch, type ProjectionGroup } from "./projection-batch.ts";
import { Arrivals } from "./projector-arrivals.ts";
import type { StoredPosition } from "./projector-position.ts";
import { parseRecord } from "./resource-record.ts";

/** The position in the store of documents, the last entry of the audit there, and the position's revision. */
interface Standing {
  position: Position;
  audit: AuditHead;
  linkedTo: number;
  revision: number;
}

/**
 * Writes the documents of committed transitions, in the log's order. The documents and the position are one transaction that
 * compares the position, so each record is projected exactly once, however often a projector restarts and however many run.
 * A record is written as soon as it comes; those that come while a transaction is under way are written together by the next ones.
 */
export class Projector {
  private readonly log: EventLog;
  private readonly documents: DocumentStore;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly identity: () => string | undefined;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private done = 0;
  /** The last record of which this projector has written anything. */
  private written = 0;
  private readonly waiting: Array<{ seq: number; resolve: () => void }> = [];

  /** @param options.identity of the log; it stands beside the position */
  constructor(options: {
    log: EventLog;
    documents: DocumentStore;
    clock: Clock;
    logger: Logger;
    identity?: () => string | undefined;
  }) {
    this.log = options.log;
    this.documents = options.documents;
    this.clock = options.clock;
    this.logger = options.logger;
    this.identity = options.identity ?? (() => undefined);
  }

  start(): void {
    this.running = this.run();
  }

  /** Ends after the record in hand. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Resolves when the record at `seq` and all before it are in the documents. */
  projected(seq: number): Promise<void> {
    if (this.done >= seq) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ seq, resolve }));
  }

  /** Position in the log up to which documents are written by this projector. */
  get position(): number {
    return this.done;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const failures = new RepeatedFailures({
      logger: this.logger,
      failed: "documents cannot be written; trying again",
      over: "documents are written again",
      level: "error",
      always: true,
    });
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        await this.follow(() => {
          attempt = 0;
          failures.succeeded("", { seq: this.done });
        });
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        failures.failed(thrown);
        await this.clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal).catch(() => {});
      }
    }
  }

  private async follow(onProgress: () => void): Promise<void> {
    const { signal } = this.stopping;
    let ended = false;
    while (!ended && !signal.aborted) {
      const standing = await this.readPosition();
      // The store may have gone back: restored from a backup, or emptied to be built anew.
      if (standing.position.seq < this.written) this.done = Math.max(0, standing.position.seq - 1);
      ended = await this.writeAll(standing, onProgress);
    }
  }

  /** Writes what comes. True: the log has ended, or shall be followed no more; false: the documents are not where they were thought to be. */
  private async writeAll(standing: Standing, onProgress: () => void): Promise<boolean> {
    const { signal } = this.stopping;
    const from = this.nextOf(standing);
    const arrivals = new Arrivals((stop) =>
      this.log.read(from, { follow: true, signal: AbortSignal.any([stop, signal]) }),
    );
    try {
      for (;;) {
        const records = await arrivals.take();
        if (records.length === 0 || signal.aborted) return true;
        if (!(await this.writeTogether(records, standing, onProgress))) return false;
      }
    } finally {
      await arrivals.end();
    }
  }

  /** In as few transactions as they fit into. False as above. */
  private async writeTogether(
    records: readonly StoredRecord[],
    standing: Standing,
    onProgress: () => void,
  ): Promise<boolean> {
    let batch = new ProjectionBatch(this.done);
    for (const stored of records) {
      for (const group of (await this.groupsOf(stored, standing)).filter(isLeft(standing.position))) {
        if (batch.add(group)) continue;
        if (!(await this.write(batch, standing, onProgress))) return false;
        if (this.stopping.signal.aborted) return true;
        batch = new ProjectionBatch(batch.complete);
        batch.add(group);
      }
      batch.complete = stored.seq;
    }
    return await this.write(batch, standing, onProgress);
  }

  private nextOf({ position }: Standing): number {
    return Math.max(1, position.seq, this.done + 1);
  }

  private async write(batch: ProjectionBatch, standing: Standing, onProgress: () => void): Promise<boolean> {
    const { position } = batch;
    if (position !== undefined) {
      const { writes, head } = linked(batch.writes, standing.audit);
      const log = this.identity();
      const value: StoredPosition = {
        ...position,
        ...(log === undefined ? {} : { log }),
        ...(head.index === 0 ? {} : { audit: { ...head } }),
        ...(standing.linkedTo > position.seq ? { linkedTo: standing.linkedTo } : {}),
      };
      const result = await this.documents.transaction({
        compare: [{ key: PROJECTOR_POSITION, revision: standing.revision }],
        writes: [...writes, { key: PROJECTOR_POSITION, value: value as unknown as Json }],
      });
      if (!result.committed) return false;
      standing.position = position;
      standing.audit = head;
      standing.revision = result.revision;
      this.written = position.seq;
    }
    this.done = Math.max(this.done, batch.complete);
    onProgress();
    this.release();
    return true;
  }

  /** @throws SB_LOG_REPLACED when the documents were written from another log */
  private async readPosition(): Promise<Standing> {
    const stored = await this.documents.get(PROJECTOR_POSITION);
    if (stored === undefined) return { position: { seq: 0, part: 0 }, audit: EMPTY_CHAIN, linkedTo: 0, revision: 0 };
    const { seq, part, log, audit = EMPTY_CHAIN, linkedTo = 0 } = stored.value as unknown as StoredPosition;
    const identity = this.identity();
    if (log !== undefined && identity !== undefined && log !== identity) {
      throw replacedError(`${PROJECTOR_POSITION} is of the log ${log} up to record ${seq}, this one is ${identity}`);
    }
    return { position: { seq, part }, audit, linkedTo, revision: stored.revision };
  }

  /**
   * What a record writes. Entries of the audit may be linked to the chain already: a record that seals a resource's secrets anew repeats those
   * of its older records, and documents that are rebuilt keep theirs.
   */
  private async groupsOf(stored: StoredRecord, { linkedTo }: Standing): Promise<readonly ProjectionGroup[]> {
    const record = parseRecord(stored);
    const groups = groupsOf(stored.seq, (record ?? parseAuditRecord(stored))?.documents ?? []);
    if (record?.event !== "RESEAL" && stored.seq > linkedTo) return groups;
    // Groups stay as they are, also where nothing of one is left: the position counts them.
    return Promise.all(groups.map(async (group) => ({ ...group, writes: await this.withoutLinked(group.writes) })));
  }

  private async withoutLinked(writes: readonly DocumentWrite[]): Promise<DocumentWrite[]> {
    const isThere = async ({ key }: DocumentWrite) =>
      key.startsWith(BY_TIME) && (await this.documents.get(key)) !== undefined;
    const left = await Promise.all(writes.map(async (write) => ((await isThere(write)) ? [] : [write])));
    return left.flat();
  }

  private release(): void {
    for (let at = this.waiting.length - 1; at >= 0; at -= 1) {
      const waiter = this.waiting[at];
      if (waiter && waiter.seq <= this.done) {
        this.waiting.splice(at, 1);
        waiter.resolve();
      }
    }
  }
}

/** Whether a group is not written yet; another projector may have written some of a record. */
function isLeft(position: Position): (group: ProjectionGroup) => boolean {
  return ({ seq, part }) => seq > position.seq || (seq === position.seq && part > position.part);
}
