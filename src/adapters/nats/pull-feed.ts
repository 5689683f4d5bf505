import { createInbox, type Msg, type Subscription } from "nats";
import { ApiError } from "./api-error.ts";
import { deliveryInfo } from "./delivery-info.ts";
import { streamInfo } from "./ensure-stream.ts";
import type { JetStream, Task } from "./jetstream.ts";
import { pullExpiresMs } from "./pull-request.ts";

/** A message of a stream as a feed hands it out. */
export interface FedMessage {
  readonly seq: number;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly data: Uint8Array;
}

/** Where a feed starts and what it carries (nats-server's ConsumerConfig). */
export interface FeedConfig {
  readonly deliver_policy: "by_start_sequence" | "last_per_subject";
  readonly opt_start_seq?: number;
  readonly filter_subject: string;
}

interface CreatedConsumer {
  readonly name: string;
  /** Only in a cluster: the server that it is on. */
  readonly cluster?: { readonly leader?: string };
}

/** The feed cannot go on and does not know what it has missed: open another one from the next position. */
export class FeedBroken extends Error {
  override readonly name = "FeedBroken";
}

const batch = 256;
const nanosPerMs = 1_000_000;
const inactiveThresholdMs = 60_000;
/** Consumers made in search of one on the stream's leader. */
const triesForLeader = 50;

/**
 * An ordered look at a stream: a consumer of its own, without acks, in the memory of one server, that is asked for messages in batches. At
 * most one batch waits here while another is worked on. Whatever disturbs the order, a gap, a server that is silent, a consumer that
 * is gone, a lost connection, breaks it.
 */
export class PullFeed {
  readonly #jetstream: JetStream;
  readonly #stream: string;
  readonly #consumer: string;
  readonly #subscription: Subscription;
  readonly #follow: boolean;
  readonly #cleanups: Array<() => void> = [];
  #messages: FedMessage[] = [];
  /** Messages asked for that have not come. */
  #asked = 0;
  #consumerSeq = 0;
  #heardAt: number;
  #ended = false;
  #broken: string | undefined;
  #wake: () => void = () => undefined;

  private constructor(
    jetstream: JetStream,
    base: { stream: string; consumer: string; follow: boolean; signal: AbortSignal | undefined },
  ) {
    const { link } = jetstream;
    this.#jetstream = jetstream;
    this.#stream = base.stream;
    this.#consumer = base.consumer;
    this.#follow = base.follow;
    this.#heardAt = link.clock.monotonic();
    const inbox = createInbox(link.inboxPrefix);
    this.#subscription = link.connection.subscribe(inbox, {
      callback: (error, message) => this.#received(error, message),
    });
    const wake = () => this.#wake();
    this.#cleanups.push(link.onLost(() => this.#break("the connection was lost")));
    for (const signal of [link.closing, base.signal]) {
      signal?.addEventListener("abort", wake, { once: true });
      this.#cleanups.push(() => signal?.removeEventListener("abort", wake));
    }
    this.#watch();
  }

  /**
   * @param options.follow wait for more at the end. Without it the end is the end of the stream: such a feed is on the stream's leader, as the
   *   other servers of a cluster may be behind
   * @throws as `JetStream.persist`; ApiError
   */
  static async open(
    jetstream: JetStream,
    config: FeedConfig,
    options: { task: Task; follow: boolean; signal: AbortSignal | undefined },
  ): Promise<PullFeed> {
    const { task, follow, signal } = options;
    const request = {
      stream_name: task.stream,
      config: {
        ...config,
        ack_policy: "none",
        replay_policy: "instant",
        inactive_threshold: inactiveThresholdMs * nanosPerMs,
        mem_storage: true,
        num_replicas: 1,
      },
    };
    // In a cluster the server places it by chance.
    for (let tries = 1; ; tries += 1) {
      const made = await jetstream.api<CreatedConsumer>(`CONSUMER.CREATE.${task.stream}`, request, task);
      const feed = new PullFeed(jetstream, { stream: task.stream, consumer: made.name, follow, signal });
      const { cluster } = made;
      if (cluster === undefined || follow) return feed;
      const info = await streamInfo(jetstream, task);
      if (cluster.leader !== undefined && cluster.leader === info?.cluster?.leader) return feed;
      feed.close();
      if (tries >= triesForLeader)
        throw new ApiError({ code: 503, description: "no consumer is on the stream's leader" });
    }
  }

  /**
   * The next messages, in order; waits for some. None: the end is reached, or a signal was aborted.
   * @throws FeedBroken
   */
  async next(aborted: () => boolean): Promise<FedMessage[]> {
    for (;;) {
      if (aborted()) return [];
      if (this.#messages.length > 0) {
        const messages = this.#messages;
        this.#messages = [];
        if (this.#asked === 0 && !this.#ended && this.#broken === undefined) this.#pull();
        return messages;
      }
      if (this.#broken !== undefined) throw new FeedBroken(this.#broken);
      if (this.#ended) return [];
      if (this.#asked === 0) this.#pull();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    const { link } = this.#jetstream;
    if (link.connection.isClosed()) return;
    this.#subscription.unsubscribe();
    // If this is lost it goes by itself when nobody has pulled for a while.
    link.post(`$JS.API.CONSUMER.DELETE.${this.#stream}.${this.#consumer}`, "");
  }

  #pull(): void {
    const { connection, settings, clock } = this.#jetstream.link;
    this.#asked = batch;
    this.#heardAt = clock.monotonic();
    const request = this.#follow
      ? {
          batch,
          expires: pullExpiresMs(settings.timeouts.heartbeatMs) * nanosPerMs,
          idle_heartbeat: settings.timeouts.heartbeatMs * nanosPerMs,
        }
      : { batch, no_wait: true };
    try {
      connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${this.#consumer}`, JSON.stringify(request), {
        reply: this.#subscription.getSubject(),
      });
    } catch (error) {
      this.#break(error instanceof Error ? error.message : String(error));
    }
  }

  /** Never throws: the library ends its reading of the connection when a callback does. */
  #received(error: Error | null, message: Msg): void {
    if (error !== null) {
      this.#break(error.message);
      return;
    }
    this.#heardAt = this.#jetstream.link.clock.monotonic();
    const info = deliveryInfo(message.reply);
    if (info === undefined) {
      this.#told(message.headers?.code ?? 0, message.headers?.description ?? "");
      return;
    }
    if (info.consumerSeq !== this.#consumerSeq + 1) {
      this.#break(`message ${info.consumerSeq} came after ${this.#consumerSeq}`);
      return;
    }
    this.#consumerSeq = info.consumerSeq;
    this.#asked -= 1;
    this.#messages.push({ seq: info.streamSeq, subject: message.subject, time: info.time, data: message.data });
    this.#wake();
  }

  /** A status message in place of messages. */
  #told(code: number, description: string): void {
    switch (code) {
      case 100:
        // A sign of life.
        return;
      case 404:
      case 408:
        // Nothing more now, or the batch's time is over.
        this.#asked = 0;
        if (!this.#follow) this.#ended = true;
        this.#wake();
        return;
      default:
        this.#break(`${code} ${description}`);
    }
  }

  #break(reason: string): void {
    this.#broken ??= reason;
    this.#wake();
  }

  /** Looks whether the server still gives signs of life while it is expected to. */
  #watch(): void {
    const { clock, settings } = this.#jetstream.link;
    const silentMs = this.#follow ? 2.5 * settings.timeouts.heartbeatMs : settings.timeouts.requestMs;
    const cancel = clock.after(silentMs / 2, () => {
      this.#cleanups.splice(this.#cleanups.indexOf(cancel), 1);
      if (this.#asked > 0 && clock.monotonic() - this.#heardAt >= silentMs) this.#break("the server is silent");
      else this.#watch();
    });
    this.#cleanups.push(cancel);
  }
}
