import { asSignalboxError } from "../../errors.ts";
import type { Membership } from "../cluster/membership.ts";
import type { Clock, DocumentStore, DocumentWrite, Logger } from "../ports.ts";
import { BY_TIME, placeAfter, resourceKey, timeOf } from "./audit-keys.ts";
import type { AuditView } from "./audit-view.ts";

export interface AuditSweepOptions {
  readonly documents: DocumentStore;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Age up to which entries are kept, days. */
  readonly keepDays: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const LOOK_MS = 60 * 60 * 1000;
/** What time the last sweep took it to be: `time`, milliseconds since the epoch. */
export const SWEPT_AT = "/signalbox/audit-swept";
/** Two documents each: etcd takes 128 operations in a transaction. */
const AT_ONCE = 50;

/**
 * Deletes entries that are older than they are kept. One of the processes that write documents does it.
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
    } catch (thrown) {
      const { code, message } = asSignalboxError(thrown);
      logger.warn({ code, error: message }, "old entries of the audit could not be deleted; trying again");
    }
  }

  /** Deletes what is too old now. @returns how many entries */
  async sweep(): Promise<number> {
    const { documents, keepDays } = this.#options;
    const now = await this.#believedTime();
    const after = `${BY_TIME}${placeAfter(now - keepDays * DAY_MS)}`;
    for (let swept = 0; ; ) {
      const old = await documents.range(BY_TIME, { after, limit: AT_ONCE });
      if (old.length === 0 || this.#stopped) return swept;
      const writes = old.flatMap(({ key, value }): DocumentWrite[] => [
        { key, value: null },
        { key: resourceKey(value as unknown as AuditView, key.slice(BY_TIME.length)), value: null },
      ]);
      await documents.transaction({ writes });
      swept += old.length;
    }
  }

  /** The time of the clock, bounded by that of the last sweep; before the first one by that of the newest entry. */
  async #believedTime(): Promise<number> {
    const { documents, clock, logger } = this.#options;
    const stored = (await documents.get(SWEPT_AT))?.value as { time?: unknown } | undefined;
    const last = typeof stored?.time === "number" ? stored.time : await this.#newest();
    const now = clock.now();
    const time = Math.min(now, last + DAY_MS);
    if (time < now) {
      logger.warn(
        { clock: new Date(now).toISOString(), believed: new Date(time).toISOString() },
        "the clock is more than a day ahead of the last deletion of old audit entries: they are deleted as of a day later only",
      );
    }
    if (time !== stored?.time) await documents.transaction({ writes: [{ key: SWEPT_AT, value: { time } }] });
    return time;
  }

  async #newest(): Promise<number> {
    const [newest] = await this.#options.documents.range(BY_TIME, { limit: 1 });
    return newest === undefined ? this.#options.clock.now() : timeOf(newest.key.slice(BY_TIME.length));
  }
}
