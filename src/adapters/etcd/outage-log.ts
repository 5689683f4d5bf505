import type { Clock, Logger } from "../../actors/ports.ts";

/**
 * Tells the log of an outage twice: when it begins and when it is over. It has begun when every endpoint has failed since the
 * last answer; that one of several is down is told once, as a warning. A full store is told of in the same way.
 */
export class OutageLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #endpoints: number;
  readonly #failed = new Set<string>();
  readonly #told = new Set<string>();
  #since: number | undefined;
  #fullSince: number | undefined;

  constructor(options: { clock: Clock; logger: Logger; endpoints: number }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#endpoints = options.endpoints;
  }

  failed(endpoint: string, reason: string): void {
    if (this.#since !== undefined) return;
    this.#failed.add(endpoint);
    if (this.#failed.size === this.#endpoints) {
      this.#since = this.#clock.monotonic();
      this.#logger.error({ endpoint, reason }, "etcd does not answer; it is tried again until it does");
    } else if (!this.#told.has(endpoint)) {
      this.#told.add(endpoint);
      this.#logger.warn({ endpoint, reason }, "an etcd endpoint does not answer; another one is used");
    }
  }

  answered(endpoint: string): void {
    this.#failed.clear();
    this.#told.delete(endpoint);
    if (this.#since === undefined) return;
    const lastedMs = this.#clock.monotonic() - this.#since;
    this.#since = undefined;
    this.#logger.info({ endpoint, lastedMs }, "etcd answers again");
  }

  full(endpoint: string): void {
    if (this.#fullSince !== undefined) return;
    this.#fullSince = this.#clock.monotonic();
    this.#logger.error({ endpoint }, "etcd has no space left; it takes no writes until it is cleaned");
  }

  /** A document was stored. */
  stored(): void {
    if (this.#fullSince === undefined) return;
    const lastedMs = this.#clock.monotonic() - this.#fullSince;
    this.#fullSince = undefined;
    this.#logger.info({ lastedMs }, "etcd takes writes again");
  }
}
