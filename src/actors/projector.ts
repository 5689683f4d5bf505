import { asSignalboxError } from "../errors.ts";
import type { Clock, DocumentStore, DocumentWrite, EventLog, Logger } from "./ports.ts";
import { parseRecord } from "./resource-record.ts";

/** How far the documents are: record `seq`, of whose writes the first `part` groups are made. */
interface Position {
  readonly seq: number;
  readonly part: number;
}

const POSITION_KEY = "/signalbox/projector";
const RETRY_MS = [50, 200, 1000, 5000];

/**
 * Writes the documents of committed transitions, in the log's order. The documents and the position are one transaction that
 * compares the position, so each record is projected exactly once, however often a projector restarts and however many run.
 */
export class Projector {
  private readonly log: EventLog;
  private readonly documents: DocumentStore;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private done = 0;
  private readonly waiting: Array<{ seq: number; resolve: () => void }> = [];

  constructor(options: { log: EventLog; documents: DocumentStore; clock: Clock; logger: Logger }) {
    this.log = options.log;
    this.documents = options.documents;
    this.clock = options.clock;
    this.logger = options.logger;
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
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await this.follow(() => {
          attempt = 0;
        });
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asSignalboxError(thrown);
        this.logger.error({ code: error.code, error: error.message }, "documents cannot be written; trying again");
        const delay = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 5000;
        await this.clock.sleep(delay, signal).catch(() => {});
      }
    }
  }

  private async follow(onProgress: () => void): Promise<void> {
    let { position, revision } = await this.readPosition();
    for await (const stored of this.log.read(Math.max(1, position.seq), {
      follow: true,
      signal: this.stopping.signal,
    })) {
      const groups = groupsOf(parseRecord(stored)?.documents ?? []);
      let part = stored.seq === position.seq ? position.part : 0;
      for (; part < groups.length; part += 1) {
        const next: Position = { seq: stored.seq, part: part + 1 };
        const result = await this.documents.transaction({
          compare: [{ key: POSITION_KEY, revision }],
          writes: [...(groups[part] ?? []), { key: POSITION_KEY, value: { ...next } }],
        });
        if (!result.committed) {
          // Another projector was faster: go on from where it is.
          ({ position, revision } = await this.readPosition());
          if (position.seq > stored.seq) break;
          part = position.seq === stored.seq ? position.part - 1 : -1;
          continue;
        }
        revision = result.revision;
        position = next;
      }
      this.done = Math.max(this.done, stored.seq);
      onProgress();
      this.release();
      if (this.stopping.signal.aborted) return;
    }
  }

  private async readPosition(): Promise<{ position: Position; revision: number }> {
    const stored = await this.documents.get(POSITION_KEY);
    if (stored === undefined) return { position: { seq: 0, part: 0 }, revision: 0 };
    return { position: stored.value as unknown as Position, revision: stored.revision };
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

/**
 * Splits the writes of a record into transactions in which no key stands twice: watchers see each value, and etcd takes no key twice in one
 * transaction.
 */
function groupsOf(writes: readonly DocumentWrite[]): DocumentWrite[][] {
  const groups: DocumentWrite[][] = [];
  let keys = new Set<string>();
  for (const write of writes) {
    const group = groups.at(-1);
    if (group === undefined || keys.has(write.key) || group.length >= 100) {
      groups.push([write]);
      keys = new Set([write.key]);
    } else {
      group.push(write);
      keys.add(write.key);
    }
  }
  return groups;
}
