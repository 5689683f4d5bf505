import type { Clock, Logger } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { asCallError, type EtcdCallError } from "./call-error.ts";
import type { EtcdClient } from "./etcd-client.ts";
import { OutageLog } from "./outage-log.ts";
import { asStoreError, isUnreachable } from "./store-error.ts";

export interface Attempt {
  readonly client: EtcdClient;
  /** Milliseconds by the monotonic clock. */
  readonly deadline: number;
}

interface CallOptions {
  /** For the message of an error, as in "The documents could not be read". */
  readonly doing: string;
  /** No attempt goes on after this time (milliseconds by the monotonic clock). */
  readonly until?: number;
}

const pauseMs = 100;

/**
 * One endpoint in use at a time, the next one when it fails. A failed request is tried again where that cannot do it twice:
 * as long as `requestMs` is not over, on each endpoint at least once, and what may be done twice at least twice.
 */
export class EtcdConnection {
  readonly clock: Clock;
  readonly requestMs: number;
  /** Aborted when the adapter is closed. */
  readonly closing: AbortSignal;
  readonly #clients: readonly EtcdClient[];
  readonly #outage: OutageLog;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #current = 0;

  constructor(options: { clients: readonly EtcdClient[]; clock: Clock; logger: Logger; requestMs: number }) {
    this.#clients = options.clients;
    this.clock = options.clock;
    this.requestMs = options.requestMs;
    this.closing = this.#stop.signal;
    this.#outage = new OutageLog({ ...options, endpoints: options.clients.length });
  }

  /** Runs what does no harm when it is done twice: a read, a grant, a revocation. @throws SignalboxError */
  repeatable<T>(options: CallOptions, call: (attempt: Attempt) => Promise<T>): Promise<T> {
    return this.#track(this.#run(options, call, undefined));
  }

  /**
   * Runs what may be done once only. It is sent again when it is certain that it was not carried out.
   * @param options.doubt what is not known when the answer was lost, as in "It is not known whether ..."
   * @throws SB_STORE_IN_DOUBT when it is not known whether it was carried out; SignalboxError
   */
  once<T>(options: CallOptions & { doubt: string }, call: (attempt: Attempt) => Promise<T>): Promise<T> {
    return this.#track(this.#run(options, call, options.doubt));
  }

  /** The client in use, for a stream; who reads it reports how it fared. */
  get client(): EtcdClient {
    const client = this.#clients[this.#current];
    if (client === undefined) throw new SignalboxError("SB_CONFIG_INVALID", "No etcd endpoint is given");
    return client;
  }

  /** Goes over to the next endpoint, unless somebody else has done so since `client` failed. */
  failed(client: EtcdClient, error: EtcdCallError): void {
    this.#outage.failed(client.endpoint, error.details);
    if (client === this.client) this.#current = (this.#current + 1) % this.#clients.length;
  }

  /** To be told when a document was stored: etcd has space. */
  stored(): void {
    this.#outage.stored();
  }

  /** Refuses new requests, waits for those under way, and runs the last ones. */
  async close(last: () => Promise<void>): Promise<void> {
    this.#stop.abort(new SignalboxError("SB_NOT_READY", "The etcd adapter is closed"));
    await Promise.allSettled([...this.#running]);
    await last();
    for (const client of this.#clients) client.close();
  }

  async #track<T>(run: Promise<T>): Promise<T> {
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
    }
  }

  async #run<T>(options: CallOptions, call: (attempt: Attempt) => Promise<T>, doubt: string | undefined): Promise<T> {
    const until = options.until ?? Number.POSITIVE_INFINITY;
    const end = Math.min(this.clock.monotonic() + this.requestMs, until);
    // Twice where it may be: over a connection that is dead without saying so, only the second one is answered.
    const tries = Math.max(this.#clients.length, doubt === undefined ? 2 : 1);
    for (let attempt = 1; ; attempt += 1) {
      this.closing.throwIfAborted();
      const client = this.client;
      try {
        const result = await call({ client, deadline: Math.min(this.clock.monotonic() + this.requestMs, until) });
        this.#outage.answered(client.endpoint);
        return result;
      } catch (thrown) {
        if (thrown instanceof SignalboxError) throw thrown;
        const error = asCallError(thrown);
        const asError = () => asStoreError(options.doing, error, client.endpoint);
        if (!isUnreachable(error)) {
          this.#outage.answered(client.endpoint);
          const refusal = asError();
          if (refusal.code === "SB_STORE_FULL") this.#outage.full(client.endpoint);
          throw refusal;
        }
        this.failed(client, error);
        if (error.mayHaveHappened && doubt !== undefined) {
          throw new SignalboxError("SB_STORE_IN_DOUBT", `${doubt}: ${error.details} (${client.endpoint})`, {
            cause: asError(),
          });
        }
        const untried = attempt < tries;
        const leftMs = end - this.clock.monotonic();
        if (this.clock.monotonic() >= until || (leftMs <= 0 && !untried)) throw asError();
        if (!untried) await this.clock.sleep(Math.min(pauseMs, leftMs), this.closing);
      }
    }
  }
}
