import type { Msg } from "nats";
import type { Link } from "./link.ts";
import { PullRequest } from "./pull-request.ts";

export interface TakerRequestsOptions {
  readonly link: Link;
  /** `<stream>.<consumer>` */
  readonly consumer: string;
  /** Takers that wait now. */
  readonly waiting: () => number;
  /** Makes the consumer ready, or throws. `suspect`: it may have gone since it was made. */
  readonly prepare: (suspect: boolean) => Promise<void>;
  readonly failed: (error: unknown) => void;
  readonly message: (message: Msg) => void;
}

/**
 * Asks a consumer for as many messages as takers wait, never for more: a message that nobody here waits for stays for others, and no
 * delivery is counted that nobody has seen. Requests are taken back when takers leave, and made again after an outage.
 */
export class TakerRequests {
  readonly #options: TakerRequestsOptions;
  readonly #requests = new Set<PullRequest>();
  #scheduled = false;
  #prepared = false;
  #suspect = false;
  /** Something is waited for before anything can be asked. */
  #waiting = false;
  #troubles = 0;

  constructor(options: TakerRequestsOptions) {
    this.#options = options;
    const { link } = options;
    link.onLost(() => this.#drop());
    link.closing.addEventListener("abort", () => this.#drop(), { once: true });
  }

  /** The number of takers has changed. Several calls in one turn of the event loop make one request. */
  update(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#adjust();
    });
  }

  #adjust(): void {
    const { link, waiting } = this.#options;
    if (link.closing.aborted) return;
    let asked = 0;
    for (const request of this.#requests) asked += request.missing;
    const lacking = waiting() - asked;
    if (lacking < 0) this.#withdraw(-lacking);
    else if (lacking > 0 && !this.#waiting) {
      if (link.up && this.#prepared) this.#ask(lacking);
      else void this.#wait(() => this.#prepare());
    }
  }

  #ask(count: number): void {
    const { link, consumer, message } = this.#options;
    const request = new PullRequest(link, consumer, count, {
      message: (received) => {
        this.#troubles = 0;
        message(received);
      },
      over: (ended, trouble) => {
        this.#requests.delete(ended);
        if (trouble === undefined) this.update();
        else void this.#wait(() => this.#recover(trouble));
      },
    });
    this.#requests.add(request);
  }

  /** Takes requests back that ask for `surplus` messages at least; what is lacking then is asked for again. */
  #withdraw(surplus: number): void {
    let left = surplus;
    for (const request of this.#requests) {
      if (left <= 0) return;
      left -= request.missing;
      request.withdraw();
    }
  }

  async #wait(action: () => Promise<void>): Promise<void> {
    if (this.#waiting) return;
    this.#waiting = true;
    try {
      await action();
    } catch (error) {
      if (!this.#options.link.closing.aborted) this.#options.failed(error);
    } finally {
      this.#waiting = false;
    }
    this.update();
  }

  async #prepare(): Promise<void> {
    await this.#options.link.ready(Number.POSITIVE_INFINITY);
    await this.#options.prepare(this.#suspect);
    this.#prepared = true;
  }

  /** The consumer or its leader is gone: it is looked after when messages are asked for next, after a pause that grows. */
  async #recover(reason: string): Promise<void> {
    const { link, consumer } = this.#options;
    link.logger.debug({ consumer, reason }, "messages are asked for again");
    this.#doubt();
    this.#troubles += 1;
    await link.pause(this.#troubles);
  }

  #drop(): void {
    for (const request of this.#requests) request.drop();
    this.#requests.clear();
    // A server that was killed may have lost what it had not written yet.
    this.#doubt();
    this.update();
  }

  #doubt(): void {
    this.#prepared = false;
    this.#suspect = true;
  }
}
