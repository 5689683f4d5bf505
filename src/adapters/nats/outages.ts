import type { Clock, Logger } from "../../actors/ports.ts";

interface Outage {
  readonly since: number;
}

/** Names of what can be out: the connection, a stream, or the space of a stream. */
export type Lack = "connection" | `stream ${string}` | `space ${string}`;

/**
 * Tells the log of each outage twice: when it begins and when it is over. While the connection is lost, nothing is told of the
 * streams behind it.
 */
export class Outages {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #open = new Map<Lack, Outage>();
  /** When the last outage of each ended. */
  readonly #ended = new Map<Lack, number>();

  constructor(options: { clock: Clock; logger: Logger }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** @param sentAt when what failed was sent, milliseconds by the monotonic clock: a failure of before the last outage's end is a part of that */
  begin(lack: Lack, reason: string, sentAt = Number.POSITIVE_INFINITY): void {
    if (this.#open.has(lack) || this.#open.has("connection")) return;
    if (
      sentAt <= (this.#ended.get(lack) ?? Number.NEGATIVE_INFINITY) ||
      sentAt <= (this.#ended.get("connection") ?? Number.NEGATIVE_INFINITY)
    )
      return;
    this.#open.set(lack, { since: this.#clock.monotonic() });
    this.#logger.error({ outage: lack, reason }, beginning(lack));
  }

  end(lack: Lack): void {
    const outage = this.#open.get(lack);
    if (outage === undefined) return;
    this.#open.delete(lack);
    this.#ended.set(lack, this.#clock.monotonic());
    this.#logger.info({ outage: lack, lastedMs: this.#clock.monotonic() - outage.since }, ending(lack));
  }

  /** True when nothing is out; the usual case, asked for each request. */
  get none(): boolean {
    return this.#open.size === 0;
  }
}

function beginning(lack: Lack): string {
  if (lack === "connection") return "NATS is lost; it is tried again until it is back";
  if (lack.startsWith("space ")) return "NATS takes no more writes; they are tried again until it does";
  return "a stream of NATS does not answer; it is tried again until it does";
}

function ending(lack: Lack): string {
  if (lack === "connection") return "NATS is back";
  if (lack.startsWith("space ")) return "NATS takes writes again";
  return "the stream answers again";
}
