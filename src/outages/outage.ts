import type { Clock, Logger } from "../actors/ports.ts";

export interface OutageOptions {
  readonly clock: Pick<Clock, "monotonic">;
  readonly logger: Logger;
  /** The line when it begins, at level `error`. */
  readonly began: string;
  /** The line when it is over, at level `info`. */
  readonly over: string;
}

/** Tells the log of an outage twice, however many tries fail in between: when it begins and when it is over. */
export class Outage {
  readonly #options: OutageOptions;
  #since: number | undefined;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#since !== undefined;
  }

  begin(fields: object): void {
    if (this.#since !== undefined) return;
    const { clock, logger, began } = this.#options;
    this.#since = clock.monotonic();
    logger.error(fields, began);
  }

  end(fields: object = {}): void {
    if (this.#since === undefined) return;
    const { clock, logger, over } = this.#options;
    const lastedMs = clock.monotonic() - this.#since;
    this.#since = undefined;
    logger.info({ ...fields, lastedMs }, over);
  }
}
