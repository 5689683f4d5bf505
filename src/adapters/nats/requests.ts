import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "nats";
import type { Clock } from "../../actors/ports.ts";

export type Silence = "timeout" | "lost" | "no-responders" | "refused" | "closed";

/** A request that got no answer, and why. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
  readonly silence: Silence;

  constructor(silence: Silence, subject: string) {
    super(`${describe[silence]} (${subject})`);
    this.silence = silence;
  }

  /** The request may have been carried out all the same. */
  get inDoubt(): boolean {
    return this.silence === "timeout" || this.silence === "lost";
  }
}

const describe: Record<Silence, string> = {
  timeout: "no answer in time",
  lost: "the connection was lost before the answer",
  "no-responders": "nobody serves the request",
  refused: "the user may not send it",
  closed: "the connection is closed",
};

interface Pending {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers: MsgHdrs | undefined;
  readonly resolve: (answer: Msg) => void;
  readonly reject: (error: unknown) => void;
  readonly cancelTimer: () => void;
}

/**
 * Requests over one inbox, many in flight; those of one turn of the event loop go out together. Unlike the library's own, they end at once when the connection is lost: the library lets
 * them run into their timeout, because it drops what it has not sent and the server does not know whom to answer.
 */
export class Requests {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  /** Tokens of requests that go out at the end of this turn of the event loop. */
  #unsent: string[] = [];
  #next = 0;
  #closed = false;

  constructor(connection: NatsConnection, options: { clock: Clock; inboxPrefix: string | undefined }) {
    this.#connection = connection;
    this.#clock = options.clock;
    this.#inbox = createInbox(options.inboxPrefix);
    connection.subscribe(`${this.#inbox}.*`, { callback: (error, message) => this.#answered(error, message) });
  }

  /** @throws Unanswered; NatsError when the library refuses to send it */
  send(subject: string, payload: Uint8Array | string, options: { timeoutMs: number; headers?: MsgHdrs }): Promise<Msg> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Unanswered("closed", subject));
        return;
      }
      this.#next += 1;
      const token = this.#next.toString(36);
      const cancelTimer = this.#clock.after(options.timeoutMs, () => this.#fail(token, "timeout"));
      this.#pending.set(token, { subject, payload, headers: options.headers, resolve, reject, cancelTimer });
      this.#unsent.push(token);
      if (this.#unsent.length === 1) setImmediate(() => this.#sendAll());
    });
  }

  /** The library writes to its socket at each end of a microtask: many requests of one turn would be as many system calls, here and there. */
  #sendAll(): void {
    const tokens = this.#unsent;
    this.#unsent = [];
    for (const token of tokens) {
      const pending = this.#pending.get(token);
      if (pending === undefined) continue;
      try {
        this.#connection.publish(pending.subject, pending.payload, {
          reply: `${this.#inbox}.${token}`,
          ...(pending.headers === undefined ? {} : { headers: pending.headers }),
        });
      } catch (error) {
        pending.cancelTimer();
        this.#pending.delete(token);
        pending.reject(error);
      }
    }
  }

  /** Ends all requests under way: their answers cannot come any more. */
  lose(): void {
    for (const token of [...this.#pending.keys()]) this.#fail(token, "lost");
  }

  /** Ends the requests to a subject that the server does not let this user publish to. */
  refuse(subject: string): void {
    for (const [token, pending] of [...this.#pending]) if (pending.subject === subject) this.#fail(token, "refused");
  }

  close(): void {
    this.#closed = true;
    for (const token of [...this.#pending.keys()]) this.#fail(token, "closed");
  }

  #fail(token: string, silence: Silence): void {
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    this.#pending.delete(token);
    pending.cancelTimer();
    pending.reject(new Unanswered(silence, pending.subject));
  }

  /** Never throws: the library ends its reading of the connection when a callback does. */
  #answered(error: Error | null, message: Msg): void {
    // The server does not let this user subscribe to the inbox.
    if (error !== null) {
      for (const token of [...this.#pending.keys()]) this.#fail(token, "refused");
      return;
    }
    const token = message.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    if (message.data.length === 0 && message.headers?.code === 503) {
      this.#fail(token, "no-responders");
      return;
    }
    this.#pending.delete(token);
    pending.cancelTimer();
    pending.resolve(message);
  }
}
