import type { Msg } from "nats";
import type { Delivery, Json } from "../../actors/ports.ts";
import { ApiError, apiCode, storeError } from "./api-error.ts";
import { deliveryInfo } from "./delivery-info.ts";
import type { JetStream, Task } from "./jetstream.ts";

/** A message as its stream holds it. */
export interface QueuedMessage {
  readonly id: string;
  readonly body: Json;
  /** Not to be delivered before this time, milliseconds since the epoch by the clock of who offered it. */
  readonly notBefore?: number;
  /** How long after the offer that is: it waits no longer, whatever the clocks say. Messages of earlier versions do not have it. */
  readonly delayMs?: number;
}

/** A message that a taker of this process has. */
interface Hold {
  readonly id: string;
  readonly seq: number;
  /** As the taker sees it. */
  readonly attempt: number;
  /** Subject that acks of the delivery go to. */
  reply: string;
  /** Deliveries as the server counts them. */
  delivered: number;
  /** Until then it belongs to its taker, milliseconds by the monotonic clock. */
  until: number;
  /** The taker is done with it, or it went to somebody else. */
  over: boolean;
}

const nanosPerMs = 1_000_000;
/** Entries of the maps below after which what is outdated is thrown out. */
const many = 10_000;

/**
 * What this process has of a queue's messages.
 *
 * A message that is done is deleted from the stream, which the server writes at once; an ack alone is kept in memory for some time
 * and would be forgotten by a server that is killed.
 */
export class Deliveries {
  readonly #jetstream: JetStream;
  readonly #stream: string;
  readonly #ackWaitMs: number;
  /** By seq. */
  readonly #holds = new Map<number, Hold>();
  /** Deliveries of delayed messages before their time, by seq: they are no attempts. */
  readonly #early = new Map<number, number>();
  /** When such a message is due by the monotonic clock, by seq: reckoned once, so that no later setting of the wall clock moves it. */
  readonly #due = new Map<number, number>();

  constructor(jetstream: JetStream, options: { stream: string; ackWaitMs: number }) {
    this.#jetstream = jetstream;
    this.#stream = options.stream;
    this.#ackWaitMs = options.ackWaitMs;
  }

  /** Takes in what the server delivered. Undefined when it is nothing for a taker: not due yet, held already, or unreadable. */
  receive(message: Msg): Delivery | undefined {
    const info = deliveryInfo(message.reply);
    const { reply } = message;
    if (info === undefined || reply === undefined) return undefined;
    const { streamSeq: seq, delivered } = info;
    const now = this.#jetstream.link.clock.monotonic();
    const queued = this.#parse(message, seq);
    if (queued === undefined) return undefined;
    const held = this.#holds.get(seq);
    // In a stream that was made anew it is another message.
    if (held?.id === queued.id && held.until > now && delivered <= held.delivered) {
      // The server was killed before it wrote down that this process has the message: it still has it.
      held.reply = reply;
      held.delivered = delivered;
      return undefined;
    }
    if (held !== undefined) this.#drop(held);
    const earlyMs = this.#dueAt(seq, queued, now) - now;
    if (earlyMs > 0) {
      this.#early.set(seq, delivered);
      this.#putBack(reply, earlyMs);
      return undefined;
    }
    const attempt = Math.max(
      1,
      (held?.id === queued.id ? held.attempt : 0) + 1,
      delivered - this.#earlyOnes(seq, queued, delivered),
    );
    const until = now + this.#ackWaitMs;
    const hold: Hold = { id: queued.id, seq, attempt, reply, delivered, until, over: false };
    this.#holds.set(seq, hold);
    this.#throwOut(now);
    return this.#delivery(hold, queued.body);
  }

  /** Gives back what no taker has seen. If this is lost, the end of the ack wait does the same. */
  giveBack(message: Msg): void {
    if (message.reply !== undefined) this.#putBack(message.reply, 0);
  }

  #parse(message: Msg, seq: number): QueuedMessage | undefined {
    try {
      return JSON.parse(message.string()) as QueuedMessage;
    } catch {
      const { link } = this.#jetstream;
      link.logger.error({ stream: this.#stream, seq }, "somebody put a message into a queue that is not readable");
      link.post(message.reply ?? "", "+TERM");
      return undefined;
    }
  }

  #dueAt(seq: number, { notBefore, delayMs }: QueuedMessage, now: number): number {
    if (notBefore === undefined) return now;
    const known = this.#due.get(seq);
    if (known !== undefined) return known;
    const leftMs = notBefore - this.#jetstream.link.clock.now();
    const due = now + Math.max(0, Math.min(leftMs, delayMs ?? leftMs));
    this.#due.set(seq, due);
    return due;
  }

  /** How many deliveries of a delayed message came before its time: known here, or else one if it was delivered before. */
  #earlyOnes(seq: number, { notBefore }: QueuedMessage, delivered: number): number {
    if (notBefore === undefined) return 0;
    const early = this.#early.get(seq) ?? Math.min(1, delivered - 1);
    this.#early.set(seq, early);
    return early;
  }

  #delivery(hold: Hold, body: Json): Delivery {
    return {
      id: hold.id,
      body,
      attempt: hold.attempt,
      ack: () => this.#settle(hold, () => this.#remove(hold)),
      nak: (delayMs) => this.#settle(hold, () => this.#tell(hold, nakWord(delayMs), "was not put back")),
      inProgress: async () => {
        if (!this.#isHeld(hold)) return;
        const sentAt = this.#jetstream.link.clock.monotonic();
        await this.#tell(hold, "+WPI", "was not kept");
        hold.until = Math.max(hold.until, sentAt + this.#ackWaitMs);
      },
    };
  }

  /** The first ack or nak counts; what comes later, or after the ack wait, when the message may be somebody else's, does nothing. */
  async #settle(hold: Hold, act: () => Promise<void>): Promise<void> {
    if (!this.#isHeld(hold)) {
      if (!hold.over) {
        const { logger } = this.#jetstream.link;
        logger.debug({ stream: this.#stream, id: hold.id }, "too late for a message: its ack wait was over");
      }
      return;
    }
    hold.over = true;
    try {
      await act();
    } catch (error) {
      hold.over = false;
      throw error;
    }
    this.#drop(hold);
  }

  #isHeld(hold: Hold): boolean {
    return !hold.over && this.#jetstream.link.clock.monotonic() < hold.until;
  }

  async #remove({ id, seq, reply }: Hold): Promise<void> {
    const doing = `The message ${id} was not removed from its queue`;
    try {
      await this.#jetstream.api(`STREAM.MSG.DELETE.${this.#stream}`, { seq }, this.#task(doing));
    } catch (error) {
      // Done by an earlier try whose answer was lost.
      if (!(error instanceof ApiError && error.errCode === apiCode.messageDeleteFailed)) throw storeError(doing, error);
    }
    this.#early.delete(seq);
    this.#due.delete(seq);
    // If this is lost, the consumer finds out by itself when the ack wait is over.
    this.#jetstream.link.post(reply, "+ACK");
  }

  async #tell(hold: Hold, word: string, failed: string): Promise<void> {
    const { link } = this.#jetstream;
    const { requestMs } = link.settings.timeouts;
    await this.#jetstream.persist(this.#task(`The message ${hold.id} ${failed}`), () =>
      link.requests.send(hold.reply, word, { timeoutMs: requestMs }),
    );
  }

  #putBack(reply: string, delayMs: number): void {
    this.#jetstream.link.post(reply, nakWord(delayMs));
  }

  #drop(hold: Hold): void {
    hold.over = true;
    if (this.#holds.get(hold.seq) === hold) this.#holds.delete(hold.seq);
  }

  /** Messages that were left to their ack wait and went to other processes. */
  #throwOut(now: number): void {
    if (this.#holds.size > many) for (const hold of this.#holds.values()) if (hold.until < now) this.#drop(hold);
    const [oldest] = this.#early.size > many ? this.#early.keys() : [];
    if (oldest !== undefined) this.#early.delete(oldest);
    const [first] = this.#due.size > many ? this.#due.keys() : [];
    if (first !== undefined) this.#due.delete(first);
  }

  #task(doing: string): Task {
    return { doing, stream: this.#stream };
  }
}

function nakWord(delayMs: number): string {
  return delayMs > 0 ? `-NAK {"delay": ${Math.ceil(delayMs) * nanosPerMs}}` : "-NAK";
}
