import { asSignalboxError } from "../../errors.ts";
import type { Membership } from "../cluster/membership.ts";
import type { Clock, DocumentStore, DocumentWrite, Logger } from "../ports.ts";
import { BY_TIME, placeAfter, resourceKey } from "./audit-keys.ts";
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
/** Two documents each: etcd takes 128 operations in a transaction. */
const AT_ONCE = 50;

/** Deletes entries that are older than they are kept. One of the processes that write documents does it. */
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
    const { documents, clock, keepDays } = this.#options;
    const after = `${BY_TIME}${placeAfter(clock.now() - keepDays * DAY_MS)}`;
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
}
