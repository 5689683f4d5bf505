import type { Msg } from "nats";
import type { Delivery, Json, WorkQueue } from "../../actors/ports.ts";
import { ApiError, apiCode, storeError } from "./api-error.ts";
import { Deliveries, type QueuedMessage } from "./deliveries.ts";
import { ensureConsumer, ensureStream, streamInfo } from "./ensure-stream.ts";
import type { JetStream, Task } from "./jetstream.ts";
import type { Layout } from "./layout.ts";
import { closedError } from "./link.ts";
import { QueuePlaces } from "./queue-places.ts";
import { TakerRequests } from "./taker-requests.ts";

interface Taker {
  readonly resolve: (delivery: Delivery) => void;
  readonly reject: (reason: unknown) => void;
}

/** One queue: a stream with a subject per message id, which can hold one message, and one consumer that all takers share. */
export class JetStreamWorkQueue implements WorkQueue {
  readonly #name: string;
  readonly #ackWaitMs: number;
  readonly #jetstream: JetStream;
  readonly #layout: Layout;
  readonly #stream: string;
  readonly #deliveries: Deliveries;
  readonly #places: QueuePlaces;
  readonly #requests: TakerRequests;
  readonly #takers = new Set<Taker>();
  #ready: Promise<void> | undefined;
  #made = false;
  #draining = false;

  constructor(jetstream: JetStream, layout: Layout, options: { name: string; ackWaitMs: number }) {
    const { name, ackWaitMs } = options;
    this.#jetstream = jetstream;
    this.#layout = layout;
    this.#name = name;
    this.#ackWaitMs = ackWaitMs;
    this.#stream = layout.queue(name).name;
    this.#deliveries = new Deliveries(jetstream, { stream: this.#stream, ackWaitMs });
    this.#places = new QueuePlaces(jetstream, (task) => this.#renew(task));
    this.#requests = new TakerRequests({
      link: jetstream.link,
      consumer: `${this.#stream}.${layout.takers(ackWaitMs).durable_name}`,
      waiting: () => this.#takers.size,
      prepare: async (suspect) => {
        if (suspect || !this.#made) await this.#make(Number.POSITIVE_INFINITY);
      },
      failed: (error) => this.#rejectAll(storeError(`The queue ${name} is not ready`, error)),
      message: (message) => this.#received(message),
    });
    jetstream.link.closing.addEventListener("abort", () => this.#rejectAll(closedError()), { once: true });
  }

  async offer(message: { id: string; body: Json; delayMs?: number }): Promise<void> {
    await this.#prepare();
    const { id, body, delayMs = 0 } = message;
    const notBefore = this.#jetstream.link.clock.now() + delayMs;
    const queued: QueuedMessage = { id, body, ...(delayMs > 0 ? { notBefore, delayMs } : {}) };
    await this.#places.put(JSON.stringify(queued), this.#task(`The message ${id} was not queued`, true), (place) =>
      this.#layout.queueSubject(this.#name, id, place),
    );
  }

  take(signal: AbortSignal): Promise<Delivery> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#draining || this.#jetstream.link.closing.aborted) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const settled = () => {
        this.#takers.delete(taker);
        signal.removeEventListener("abort", abort);
        this.#requests.update();
      };
      const abort = () => taker.reject(signal.reason);
      const taker: Taker = {
        resolve: (delivery) => {
          settled();
          resolve(delivery);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#takers.add(taker);
      this.#requests.update();
    });
  }

  async depth(): Promise<number> {
    await this.#prepare();
    const info = await streamInfo(this.#jetstream, this.#task(`The queue ${this.#name} was not read`));
    return info?.state.messages ?? 0;
  }

  /** Rejects the takers with SB_NOT_READY; what was taken can still be acked. */
  drain(): void {
    this.#draining = true;
    this.#rejectAll(closedError());
  }

  #received(message: Msg): void {
    const [taker] = this.#takers;
    if (taker === undefined) {
      // Whoever wanted it has left meanwhile.
      this.#deliveries.giveBack(message);
      return;
    }
    const delivery = this.#deliveries.receive(message);
    if (delivery === undefined) this.#requests.update();
    else taker.resolve(delivery);
  }

  #rejectAll(error: unknown): void {
    for (const taker of [...this.#takers]) taker.reject(error);
  }

  /** Makes stream and consumer before the first use, once for all callers. */
  #prepare(): Promise<void> {
    this.#ready ??= this.#make().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #make(patienceMs?: number): Promise<void> {
    await ensureStream(this.#jetstream, this.#layout.queue(this.#name), { patienceMs });
    await ensureConsumer(this.#jetstream, this.#stream, this.#layout.takers(this.#ackWaitMs), patienceMs);
    this.#made = true;
  }

  /** Only when the server can read nothing of the stream any more: the jobs in it are in the log, and are offered again. */
  async #renew(task: Task): Promise<void> {
    this.#jetstream.link.logger.error(
      { stream: this.#stream },
      "the NATS server can read nothing of a queue any more; the queue is made anew, and its jobs are offered again within minutes",
    );
    try {
      await this.#jetstream.api(`STREAM.DELETE.${this.#stream}`, undefined, task);
    } catch (error) {
      const isGone = error instanceof ApiError && error.errCode === apiCode.streamNotFound;
      if (!isGone) throw storeError(task.doing, error);
    }
    await this.#make();
  }

  #task(doing: string, writes = false): Task {
    return { doing, stream: this.#stream, writes };
  }
}
