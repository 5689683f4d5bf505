import type { Clock, Logger } from "../../actors/ports.ts";
import { Outage } from "../../outages/outage.ts";

/** Names of what can be out: the connection, a stream, or the space of a stream. */
export type Lack = "connection" | `stream ${string}` | `space ${string}`;

const KINDS = ["connection", "stream", "space"] as const;
type Kind = (typeof KINDS)[number];

const LINES: Readonly<Record<Kind, { readonly began: string; readonly over: string }>> = {
  connection: { began: "NATS is lost; it is tried again until it is back", over: "NATS is back" },
  stream: {
    began: "a stream of NATS does not answer; it is tried again until it does",
    over: "the stream answers again",
  },
  space: { began: "NATS takes no more writes; they are tried again until it does", over: "NATS takes writes again" },
};

/**
 * Tells the log of each outage twice: when it begins and when it is over. While the connection is lost, nothing is told of the
 * streams behind it; and of many streams that are out for the same reason only the first one is told of.
 */
export class Outages {
  readonly #clock: Clock;
  readonly #told: Readonly<Record<Kind, Outage>>;
  readonly #open = new Set<Lack>();
  /** When the last outage of each ended. */
  readonly #ended = new Map<Lack, number>();

  constructor(options: { clock: Clock; logger: Logger }) {
    this.#clock = options.clock;
    const outage = (kind: Kind) => new Outage({ ...options, ...LINES[kind] });
    this.#told = { connection: outage("connection"), stream: outage("stream"), space: outage("space") };
  }

  /** @param sentAt when what failed was sent, milliseconds by the monotonic clock: a failure of before the last outage's end is a part of that */
  begin(lack: Lack, reason: string, sentAt = Number.POSITIVE_INFINITY): void {
    if (this.#open.has(lack) || this.#open.has("connection")) return;
    const endedAt = (each: Lack) => this.#ended.get(each) ?? Number.NEGATIVE_INFINITY;
    if (sentAt <= endedAt(lack) || sentAt <= endedAt("connection")) return;
    this.#open.add(lack);
    this.#told[kindOf(lack)].begin({ outage: lack, reason });
  }

  end(lack: Lack): void {
    if (!this.#open.has(lack)) return;
    const kind = kindOf(lack);
    const now = this.#clock.monotonic();
    // The others of its kind are told of again if they fail again: nobody may ever ask them.
    for (const other of this.#open) {
      if (kindOf(other) !== kind) continue;
      this.#open.delete(other);
      this.#ended.set(other, now);
    }
    this.#told[kind].end({ outage: lack });
  }

  /** True when nothing is out; the usual case, asked for each request. */
  get none(): boolean {
    return this.#open.size === 0;
  }
}

function kindOf(lack: Lack): Kind {
  return KINDS.find((kind) => lack.startsWith(kind)) ?? "connection";
}
