import { ErrorCode, headers, type Msg, NatsError, type Subscription as NatsSubscription } from "nats";
import type { Bus, Json, Subscription } from "../../actors/ports.ts";
import { asSignalboxError, type ErrorJson, SignalboxError } from "../../errors.ts";
import type { Layout } from "./layout.ts";
import { closedError, type Link } from "./link.ts";

type MessageHandler = (body: Json, subject: string) => void;
type RequestHandler = (body: Json, subject: string) => Promise<Json>;

/** Headers of an answer that is an error, as NATS services have them (ADR-32 of NATS). */
const errorHeader = "Nats-Service-Error";
const errorCodeHeader = "Nats-Service-Error-Code";
/** All responders of a subject share its requests. */
const responders = "responders";

/**
 * `Bus` over core NATS. Requests and published messages have subjects apart, so that a subscriber is no responder: `<namespace>.rpc.` and
 * `<namespace>.event.` in front of the bus's subject.
 */
export class NatsBus implements Bus {
  readonly #link: Link;
  readonly #layout: Layout;
  readonly #subscriptions = new Set<NatsSubscription>();
  readonly #answering = new Set<Promise<void>>();
  #draining = false;

  constructor(link: Link, layout: Layout) {
    this.#link = link;
    this.#layout = layout;
  }

  async publish(subject: string, body: Json): Promise<void> {
    requireConcrete(subject);
    this.#requireOpen();
    try {
      // What is published while the connection is lost is gone, as what is published to nobody.
      this.#link.connection.publish(this.#layout.busPrefix("event") + subject, JSON.stringify(body));
    } catch (error) {
      throw sendError(subject, error);
    }
  }

  subscribe(subject: string, handler: MessageHandler, options: { queue?: string } = {}): Subscription {
    this.#requireOpen();
    return this.#subscribe("event", subject, options.queue, (message, bare) => {
      try {
        handler(JSON.parse(message.string()), bare);
      } catch (thrown) {
        this.#link.logger.error({ err: thrown, subject: bare }, "a subscriber failed");
      }
    });
  }

  async request(subject: string, body: Json, options: { timeoutMs: number }): Promise<Json> {
    requireConcrete(subject);
    this.#requireOpen();
    const { connection, clock } = this.#link;
    const payload = JSON.stringify(body);
    const late = () => new SignalboxError("SB_TIMEOUT", `${subject} did not answer within ${options.timeoutMs} ms`);
    const until = clock.monotonic() + options.timeoutMs;
    // What is sent while the connection is lost never arrives.
    await this.#link.ready(until, undefined, () => this.#link.connected);
    const leftMs = until - clock.monotonic();
    if (leftMs < 1) throw late();
    let answer: Msg;
    try {
      answer = await connection.request(this.#layout.busPrefix("rpc") + subject, payload, { timeout: leftMs });
    } catch (error) {
      if (this.#link.closing.aborted) throw closedError();
      const code = error instanceof NatsError ? error.code : "";
      if (code === ErrorCode.NoResponders) throw new SignalboxError("SB_NO_RESPONDER", `Nobody answers to ${subject}`);
      if (code === ErrorCode.Timeout) throw late();
      throw sendError(subject, error);
    }
    if (answer.headers?.has(errorCodeHeader) === true) throw answeredError(subject, answer);
    return JSON.parse(answer.string());
  }

  respond(subject: string, handler: RequestHandler): Subscription {
    this.#requireOpen();
    return this.#subscribe("rpc", subject, responders, (message, bare) => {
      const answering = this.#answer(message, bare, handler).finally(() => this.#answering.delete(answering));
      this.#answering.add(answering);
    });
  }

  /** Takes no more messages and requests; resolves when those that came are answered and the answers are sent. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.allSettled([...this.#subscriptions].map((subscription) => subscription.drain()));
    this.#subscriptions.clear();
    await Promise.allSettled(this.#answering);
    if (this.#link.connected) await this.#link.connection.flush().catch(() => undefined);
  }

  #subscribe(
    kind: "rpc" | "event",
    subject: string,
    queue: string | undefined,
    handle: (message: Msg, bare: string) => void,
  ): Subscription {
    const prefix = this.#layout.busPrefix(kind);
    const subscription = this.#link.connection.subscribe(prefix + subject, {
      ...(queue === undefined ? {} : { queue }),
      // Never throws: the library ends its reading of the connection when a callback does. A refused subscription is told by the link.
      callback: (error, message) => {
        if (error === null) handle(message, message.subject.slice(prefix.length));
      },
    });
    this.#subscriptions.add(subscription);
    return {
      unsubscribe: async () => {
        this.#subscriptions.delete(subscription);
        if (!subscription.isClosed() && !this.#link.connection.isClosed()) subscription.unsubscribe();
      },
    };
  }

  async #answer(message: Msg, bare: string, handler: RequestHandler): Promise<void> {
    try {
      const answer = JSON.stringify(await handler(parseRequest(message), bare));
      try {
        message.respond(answer);
      } catch (cause) {
        throw sendError(bare, cause);
      }
    } catch (thrown) {
      this.#answerError(message, bare, asSignalboxError(thrown));
    }
  }

  #answerError(message: Msg, bare: string, error: SignalboxError): void {
    const made = headers();
    made.append(errorHeader, `${error.code}: ${error.message}`.replaceAll(/[\r\n]+/g, " "));
    made.append(errorCodeHeader, String(error.status));
    try {
      message.respond(JSON.stringify(error.toJson()), { headers: made });
    } catch (cause) {
      this.#link.logger.error({ err: cause, subject: bare }, "an answer could not be sent");
    }
  }

  #requireOpen(): void {
    if (this.#draining || this.#link.closing.aborted) throw closedError();
  }
}

function parseRequest(message: Msg): Json {
  try {
    return JSON.parse(message.string());
  } catch (cause) {
    throw new SignalboxError("SB_INVALID_JSON", "The request is not JSON", { cause });
  }
}

/** The error that a responder answered; one that is none of ours says at least what its header says. */
function answeredError(subject: string, answer: Msg): SignalboxError {
  try {
    const json = JSON.parse(answer.string()) as Partial<ErrorJson> | null;
    if (typeof json?.code === "string" && typeof json.message === "string") {
      return SignalboxError.fromJson(json as ErrorJson);
    }
  } catch {
    // Not JSON: below.
  }
  return new SignalboxError("SB_INTERNAL", `${subject} answered: ${answer.headers?.get(errorHeader) ?? "an error"}`);
}

function sendError(subject: string, cause: unknown): SignalboxError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const tooLarge = cause instanceof NatsError && cause.code === ErrorCode.MaxPayloadExceeded;
  return new SignalboxError("SB_STORE_FAILED", `The message of ${subject} was not sent: ${reason}`, {
    cause,
    transient: !tooLarge,
    advice: tooLarge ? "Raise max_payload of nats-server." : "See the message of the NATS client.",
  });
}

function requireConcrete(subject: string): void {
  if (!/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(subject)) {
    throw new SignalboxError("SB_INTERNAL", `"${subject}" is no subject that a message can be sent to`);
  }
}
