import type { Settings } from "./options.ts";
import { subjectToken } from "./subject-token.ts";

const nanosPerMs = 1_000_000;

/** Version of the streams' layout, a part of their descriptions. */
export const layoutVersion = 1;

/** A stream's configuration, as far as it is ours (nats-server's StreamConfig). */
export interface StreamConfig {
  readonly name: string;
  readonly description: string;
  readonly subjects: readonly string[];
  readonly retention: "limits";
  readonly storage: "file" | "memory";
  readonly num_replicas: number;
  readonly max_msgs_per_subject: number;
  readonly max_bytes: number;
  readonly max_msgs: number;
  /** Nanoseconds; 0 for ever. */
  readonly max_age: number;
  readonly discard: "new";
  readonly discard_new_per_subject: boolean;
  /** Nanoseconds. */
  readonly duplicate_window: number;
}

/** A durable consumer's configuration, as far as it is ours (nats-server's ConsumerConfig). */
export interface ConsumerConfig {
  readonly durable_name: string;
  readonly description: string;
  readonly ack_policy: "explicit";
  readonly deliver_policy: "all";
  readonly replay_policy: "instant";
  /** Nanoseconds. */
  readonly ack_wait: number;
  readonly max_deliver: number;
  readonly max_ack_pending: number;
  readonly max_waiting: number;
}

/** Names and configurations of everything that Signalbox has in NATS. */
export class Layout {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The stream of all transitions: one subject per subject of the log. */
  get log(): StreamConfig {
    return {
      ...this.#common("log", "event log"),
      subjects: [`${this.logPrefix}>`],
      max_msgs_per_subject: this.#settings.historyPerSubject,
      // A subject's oldest record makes room for its newest; but a full stream refuses writes: "old" would remove last records.
      discard: "new",
      discard_new_per_subject: false,
    };
  }

  /** In front of the log's own subjects. */
  get logPrefix(): string {
    return `${this.#settings.namespace}.log.`;
  }

  /** The stream of one queue: one subject per message, which can hold one message. */
  queue(name: string): StreamConfig {
    return {
      ...this.#common(`queue-${subjectToken(name)}`, "work queue"),
      subjects: [`${this.queueSubject(name)}.*`],
      max_msgs_per_subject: 1,
      discard: "new",
      discard_new_per_subject: true,
    };
  }

  /** @param place 0, or a further one of the same message where the one before is held by what the server cannot read */
  queueSubject(name: string, id?: string, place = 0): string {
    const subject = `${this.#settings.namespace}.queue.${subjectToken(name)}`;
    if (id === undefined) return subject;
    return `${subject}.${subjectToken(id)}${place === 0 ? "" : `~${place}`}`;
  }

  /** The consumer that all takers of a queue share, in all processes. */
  takers(ackWaitMs: number): ConsumerConfig {
    return {
      durable_name: "takers",
      description: "Signalbox work queue",
      ack_policy: "explicit",
      deliver_policy: "all",
      replay_policy: "instant",
      ack_wait: ackWaitMs * nanosPerMs,
      max_deliver: -1,
      // Delayed messages count: a limit would stop the queue.
      max_ack_pending: -1,
      max_waiting: 8192,
    };
  }

  /** In front of the bus's subjects: requests, and published messages. */
  busPrefix(kind: "rpc" | "event"): string {
    return `${this.#settings.namespace}.${kind}.`;
  }

  #common(name: string, what: string) {
    const { namespace, storage, replicas, maxBytes, duplicateWindowMs } = this.#settings;
    return {
      name: `${namespace}-${name}`,
      description: `Signalbox ${what}, layout ${layoutVersion}`,
      retention: "limits",
      storage,
      num_replicas: replicas,
      max_bytes: maxBytes,
      max_msgs: -1,
      max_age: 0,
      duplicate_window: duplicateWindowMs * nanosPerMs,
    } as const;
  }
}
