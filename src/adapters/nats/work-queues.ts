import type { WorkQueue, WorkQueues } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import type { JetStream } from "./jetstream.ts";
import type { Layout } from "./layout.ts";
import { JetStreamWorkQueue } from "./work-queue.ts";

const defaultAckWaitMs = 30_000;

/** `WorkQueues` on JetStream: a stream per queue, made when the queue is first used. */
export class JetStreamWorkQueues implements WorkQueues {
  readonly #jetstream: JetStream;
  readonly #layout: Layout;
  readonly #queues = new Map<string, JetStreamWorkQueue>();

  constructor(jetstream: JetStream, layout: Layout) {
    this.#jetstream = jetstream;
    this.#layout = layout;
  }

  /** The wait of the first call with `ackWaitMs` holds; 30 s when none is given. All processes use the wait that was given last. */
  queue(name: string, options: { ackWaitMs?: number } = {}): WorkQueue {
    const existing = this.#queues.get(name);
    if (existing !== undefined) return existing;
    if (!/^[A-Za-z0-9_.-]+$/.test(name)) throw new SignalboxError("SB_INTERNAL", `"${name}" is no name of a queue`);
    const ackWaitMs = options.ackWaitMs ?? defaultAckWaitMs;
    const queue = new JetStreamWorkQueue(this.#jetstream, this.#layout, { name, ackWaitMs });
    this.#queues.set(name, queue);
    return queue;
  }

  /** Rejects all takers. */
  drain(): void {
    for (const queue of this.#queues.values()) queue.drain();
  }
}
