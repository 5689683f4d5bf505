import { asSignalboxError } from "../errors.ts";
import type { Membership } from "./cluster/membership.ts";
import { shareOf } from "./cluster/shares.ts";
import type { Clock, EventLog, Logger } from "./ports.ts";
import { type IndexListener, keyOf } from "./resource-index.ts";

export interface RefusedProposalsOptions {
  readonly log: Pick<EventLog, "last" | "purge">;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Refused {
  readonly key: string;
  /** Of the record that says so. */
  readonly seq: number;
  /** When everybody has read it, milliseconds by the monotonic clock. */
  readonly due: number;
}

/** How long another process may take to read a record. One that takes longer finds the gap (`ResourceIndex`). */
const READ_BY_ALL_MS = 30_000;

/**
 * Takes the records of refused creations away: what was not accepted leaves nothing behind. Not before every process has read that they were
 * refused: to one that reads only the proposal, what it claims would be taken for good.
 */
export class RefusedProposals {
  readonly #options: RefusedProposalsOptions;
  readonly #bySubject = new Map<string, Refused>();

  constructor(options: RefusedProposalsOptions) {
    this.#options = options;
  }

  /** Takes in what the index reads. */
  readonly note: IndexListener = ({ ref, record, stored }) => {
    // From when this process reads it: the time of the record is by the clock of another machine, or by one that was set since.
    const due = this.#options.clock.monotonic() + READ_BY_ALL_MS;
    if (record.event !== "REJECT") this.#bySubject.delete(stored.subject);
    else this.#bySubject.set(stored.subject, { key: keyOf(ref), seq: stored.seq, due });
  };

  /** Takes away what is this process's to take away, and what nobody else is there to read; later what it cannot take away now. */
  async sweep(): Promise<void> {
    try {
      await this.#purge();
    } catch (thrown) {
      const { code, message } = asSignalboxError(thrown);
      const { logger } = this.#options;
      logger.warn({ code, error: message }, "records of refused requests could not be taken away; trying again");
    }
  }

  async #purge(): Promise<void> {
    const { log, membership, clock } = this.#options;
    const alone = membership.members().length === 1;
    for (const [subject, refused] of this.#bySubject) {
      const { key, seq, due } = refused;
      if (!alone && clock.monotonic() < due) continue;
      if (membership.owns("actors", shareOf(key))) await log.purge(subject, seq);
      else if (alone || (await log.last(subject))?.seq === seq) continue;
      if (this.#bySubject.get(subject) === refused) this.#bySubject.delete(subject);
    }
  }
}
