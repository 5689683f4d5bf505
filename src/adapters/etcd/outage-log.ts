import type { Clock, Logger } from "../../actors/ports.ts";
import { Outage } from "../../outages/outage.ts";

/**
 * Tells the log of an outage twice: when it begins and when it is over. It has begun when every endpoint has failed since the
 * last answer; that one of several is down is told once, as a warning. A full store is told of in the same way.
 */
export class OutageLog {
  readonly #logger: Logger;
  readonly #endpoints: number;
  readonly #failed = new Set<string>();
  readonly #told = new Set<string>();
  readonly #away: Outage;
  readonly #full: Outage;

  constructor(options: { clock: Clock; logger: Logger; endpoints: number }) {
    this.#logger = options.logger;
    this.#endpoints = options.endpoints;
    this.#away = new Outage({
      ...options,
      began: "etcd does not answer; it is tried again until it does",
      over: "etcd answers again",
    });
    this.#full = new Outage({
      ...options,
      began: "etcd has no space left; it takes no writes until it is cleaned",
      over: "etcd takes writes again",
    });
  }

  failed(endpoint: string, reason: string): void {
    if (this.#away.isOpen) return;
    this.#failed.add(endpoint);
    if (this.#failed.size === this.#endpoints) {
      this.#away.begin({ endpoint, reason });
    } else if (!this.#told.has(endpoint)) {
      this.#told.add(endpoint);
      this.#logger.warn({ endpoint, reason }, "an etcd endpoint does not answer; another one is used");
    }
  }

  answered(endpoint: string): void {
    this.#failed.clear();
    this.#told.delete(endpoint);
    this.#away.end({ endpoint });
  }

  full(endpoint: string): void {
    this.#full.begin({ endpoint });
  }

  /** A document was stored. */
  stored(): void {
    this.#full.end();
  }
}
