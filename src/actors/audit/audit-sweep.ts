import { asSignalboxError } from "../../errors.ts";
import type { Membership } from "../cluster/membership.ts";
import { PROJECTOR_POSITION } from "../log-identity/log-positions.ts";
import type { Clock, DocumentStore, DocumentWrite, EventLog, Logger } from "../ports.ts";
import type { StoredPosition } from "../projector-position.ts";
import { entryOf } from "./audit-entry.ts";
import { BY_TIME, placeAfter, resourceKey, SWEPT, timeOf } from "./audit-keys.ts";
import { AUDIT_SUBJECTS } from "./audit-record.ts";

export interface AuditSweepOptions {
  readonly log: Pick<EventLog, "lastOfEach" | "purge">;
  readonly documents: DocumentStore;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Age up to which entries are kept, days. */
  readonly keepDays: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const LOOK_MS = 60 * 60 * 1000;
/** Two documents each, and how far was swept: etcd takes 128 operations in a transaction. */
const AT_ONCE = 50;

/** What the last sweep has left behind. */
interface Swept {
  /** What time it took it to be, milliseconds since the epoch. */
  readonly time?: number;
  /** Entries of the chain up to this index may be gone. */
  readonly index?: number;
}

/**
 * Deletes entries that are older than they are kept, and tells the log lines how far the chain is: whoever keeps those lines elsewhere can
 * show later that nothing of it was written again (`signalbox audit verify --anchor`). One of the processes that write documents does it.
 *
 * Age is by the wall clock, which may be wrong. So from one sweep to the next time goes on by a day at most, whatever the clock says: one that
 * is set years ahead takes a day's entries with each hour that nobody mends it, not all of them at once. After a long standstill it catches
 * up in the same way. A clock that is set back deletes nothing.
 */
export class AuditSweep {
  readonly #options: AuditSweepOptions;
  #cancel = () => {};
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;
  #toldIndex = 0;

  constructor(options: AuditSweepOptions) {
    this.#options = options;
  }

  /** Looks now and every hour. */
  start(): void {
    this.#looking = this.#look().finally(() => {
      if (!this.#stopped) this.#cancel = this.#options.clock.after(LOOK_MS, () => this.start());
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { membership, logger } = this.#options;
    if (!membership.owns("projector", 0)) return;
    try {
      const entries = await this.sweep();
      if (entries > 0) logger.info({ entries }, "deleted old entries of the audit");
      await this.#tellHead();
    } catch (thrown) {
      const { code, message } = asSignalboxError(thrown);
      logger.warn({ code, error: message }, "old entries of the audit could not be deleted; trying again");
    }
  }

  /** Deletes what is too old now. @returns how many entries */
  async sweep(): Promise<number> {
    const { documents, keepDays } = this.#options;
    const swept = await this.#swept();
    const time = await this.#believedTime(swept);
    const oldest = time - keepDays * DAY_MS;
    let { index = 0 } = swept;
    const state = () => ({ key: SWEPT, value: { time, index } });
    if (time !== swept.time) await documents.transaction({ writes: [state()] });
    for (let count = 0; ; ) {
      const old = await documents.range(BY_TIME, { after: `${BY_TIME}${placeAfter(oldest)}`, limit: AT_ONCE });
      if (old.length === 0) await this.#purgeRecords(oldest);
      if (old.length === 0 || this.#stopped) return count;
      const entries = old.map((document) => ({ key: document.key, ...entryOf(document) }));
      const writes = entries.flatMap(({ key, type, id }): DocumentWrite[] => [
        { key, value: null },
        ...(type === null || id === null
          ? []
          : [{ key: resourceKey({ type, id }, key.slice(BY_TIME.length)), value: null }]),
      ]);
      index = Math.max(index, ...entries.map(({ chain }) => chain?.index ?? 0));
      await documents.transaction({ writes: [...writes, state()] });
      count += old.length;
    }
  }

  /** Records of the audit's own whose entries are not kept any more. */
  async #purgeRecords(oldest: number): Promise<void> {
    const { log } = this.#options;
    for await (const { subject, time } of log.lastOfEach(AUDIT_SUBJECTS)) {
      if (this.#stopped) return;
      if (time < oldest) await log.purge(subject);
    }
  }

  async #swept(): Promise<Swept> {
    return ((await this.#options.documents.get(SWEPT))?.value ?? {}) as Swept;
  }

  async #tellHead(): Promise<void> {
    const stored = await this.#options.documents.get(PROJECTOR_POSITION);
    const { audit } = (stored?.value ?? {}) as Partial<StoredPosition>;
    if (audit === undefined || audit.index === this.#toldIndex) return;
    this.#toldIndex = audit.index;
    this.#options.logger.info({ anchor: `${audit.index}:${audit.hash}` }, "the audit's chain");
  }

  /** The time of the clock, bounded by that of the last sweep; before the first one by that of the newest entry. */
  async #believedTime({ time: sweptAt }: Swept): Promise<number> {
    const { clock, logger } = this.#options;
    const last = sweptAt ?? (await this.#newest());
    const now = clock.now();
    const time = Math.min(now, last + DAY_MS);
    if (time < now) {
      logger.warn(
        { clock: new Date(now).toISOString(), believed: new Date(time).toISOString() },
        "the clock is more than a day ahead of the last deletion of old audit entries: they are deleted as of a day later only",
      );
    }
    return time;
  }

  async #newest(): Promise<number> {
    const [newest] = await this.#options.documents.range(BY_TIME, { limit: 1 });
    return newest === undefined ? this.#options.clock.now() : timeOf(newest.key.slice(BY_TIME.length));
  }
}
