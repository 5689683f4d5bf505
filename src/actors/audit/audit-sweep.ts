import { asSignalboxError } from "../../errors.ts";
import type { Membership } from "../cluster/membership.ts";
import type { Clock, DocumentStore, DocumentWrite, EventLog, Logger } from "../ports.ts";
import { PROJECTOR_POSITION, type StoredPosition } from "../projector-position.ts";
import { entryOf } from "./audit-entry.ts";
import { BY_TIME, placeAfter, resourceKey, SWEPT_TO } from "./audit-keys.ts";
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

/**
 * Deletes entries that are older than they are kept, and tells the log lines how far the chain is: whoever keeps those lines elsewhere can
 * show later that nothing of it was written again (`signalbox audit verify --anchor`). One of the processes that write documents does it.
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
    const { documents, clock, keepDays } = this.#options;
    const after = `${BY_TIME}${placeAfter(clock.now() - keepDays * DAY_MS)}`;
    for (let swept = 0; ; ) {
      const old = await documents.range(BY_TIME, { after, limit: AT_ONCE });
      if (old.length === 0) await this.#purgeRecords();
      if (old.length === 0 || this.#stopped) return swept;
      const entries = old.map((document) => ({ key: document.key, ...entryOf(document) }));
      const writes = entries.flatMap(({ key, type, id }): DocumentWrite[] => [
        { key, value: null },
        ...(type === null || id === null
          ? []
          : [{ key: resourceKey({ type, id }, key.slice(BY_TIME.length)), value: null }]),
      ]);
      const index = Math.max(await this.#sweptTo(), ...entries.map(({ chain }) => chain?.index ?? 0));
      await documents.transaction({ writes: [...writes, { key: SWEPT_TO, value: { index } }] });
      swept += old.length;
    }
  }

  /** Records of the audit's own whose entries are not kept any more. */
  async #purgeRecords(): Promise<void> {
    const { log, clock, keepDays } = this.#options;
    const oldest = clock.now() - keepDays * DAY_MS;
    for await (const { subject, time } of log.lastOfEach(AUDIT_SUBJECTS)) {
      if (this.#stopped) return;
      if (time < oldest) await log.purge(subject);
    }
  }

  async #sweptTo(): Promise<number> {
    const stored = await this.#options.documents.get(SWEPT_TO);
    return (stored?.value as { index: number } | undefined)?.index ?? 0;
  }

  async #tellHead(): Promise<void> {
    const stored = await this.#options.documents.get(PROJECTOR_POSITION);
    const { audit } = (stored?.value ?? {}) as Partial<StoredPosition>;
    if (audit === undefined || audit.index === this.#toldIndex) return;
    this.#toldIndex = audit.index;
    this.#options.logger.info({ anchor: `${audit.index}:${audit.hash}` }, "the audit's chain");
  }
}
