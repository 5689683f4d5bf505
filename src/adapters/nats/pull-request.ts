import { createInbox, type Msg, type Subscription } from "nats";
import type { Link } from "./link.ts";

/** What becomes of a pull request. */
export interface PullEvents {
  /** A message of the stream. Must not throw. */
  message(message: Msg): void;
  /** It brings no more. `trouble`: the consumer is gone or cannot serve now. */
  over(request: PullRequest, trouble: string | undefined): void;
}

const nanosPerMs = 1_000_000;

/** How long a request for messages waits at the server; the server takes no heartbeat that is longer than half of it. */
export function pullExpiresMs(heartbeatMs: number): number {
  return Math.max(30_000, 4 * heartbeatMs);
}

/**
 * One request for messages of a consumer, with an inbox of its own, so that it can be taken back: when the inbox is gone, the server
 * gives its messages to others.
 */
export class PullRequest {
  readonly #link: Link;
  readonly #events: PullEvents;
  readonly #subscription: Subscription;
  #missing: number;
  #heardAt: number;
  #state: "asking" | "withdrawing" | "over" = "asking";
  #cancelWatch: () => void = () => undefined;

  /** @param count messages asked for */
  constructor(link: Link, consumer: string, count: number, events: PullEvents) {
    this.#link = link;
    this.#events = events;
    this.#missing = count;
    this.#heardAt = link.clock.monotonic();
    this.#subscription = link.connection.subscribe(createInbox(link.inboxPrefix), {
      callback: (error, message) => this.#received(error, message),
    });
    const { heartbeatMs } = link.settings.timeouts;
    link.connection.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${consumer}`,
      JSON.stringify({
        batch: count,
        expires: pullExpiresMs(heartbeatMs) * nanosPerMs,
        idle_heartbeat: heartbeatMs * nanosPerMs,
      }),
      { reply: this.#subscription.getSubject() },
    );
    this.#watch();
  }

  /** Messages that it may still bring. */
  get missing(): number {
    return this.#missing;
  }

  /** Takes it back. What the server has sent by then still comes; then it is over. */
  withdraw(): void {
    if (this.#state !== "asking") return;
    this.#state = "withdrawing";
    // Settles when the server has seen it, or when the connection is lost.
    const over = () => this.#over(undefined);
    void this.#subscription.drain().then(over, over);
  }

  /** Ends it at once and silently, for a connection that is lost or closed. */
  drop(): void {
    this.#state = "over";
    this.#cancelWatch();
    if (!this.#subscription.isClosed() && !this.#link.connection.isClosed()) this.#subscription.unsubscribe();
  }

  /** Never throws: the library ends its reading of the connection when a callback does. */
  #received(error: Error | null, message: Msg): void {
    if (error !== null) {
      this.#over(error.message);
      return;
    }
    this.#heardAt = this.#link.clock.monotonic();
    const code = message.headers?.code ?? 0;
    if (message.reply?.startsWith("$JS.ACK.") === true) {
      this.#missing -= 1;
      this.#events.message(message);
      if (this.#missing === 0) this.#over(undefined);
    } else if (code === 404 || code === 408) {
      // Its time is over.
      this.#over(undefined);
    } else if (code !== 100) {
      this.#over(`${code} ${message.headers?.description ?? ""}`.trim());
    }
  }

  #over(trouble: string | undefined): void {
    if (this.#state === "over") return;
    this.drop();
    this.#events.over(this, trouble);
  }

  /** A request that the server has forgotten, as by a restart, gives no signs of life. */
  #watch(): void {
    const { clock, settings } = this.#link;
    const silentMs = 2.5 * settings.timeouts.heartbeatMs;
    this.#cancelWatch = clock.after(silentMs / 2, () => {
      if (clock.monotonic() - this.#heardAt >= silentMs) this.#over("the server is silent");
      else this.#watch();
    });
  }
}
