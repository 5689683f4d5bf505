import { ErrorCode, headers, type JetStreamManager, type NatsConnection, NatsError, type StoredMsg } from "nats";
import type { EventFeed } from "../../actors/event-feed.ts";
import type { TransitionView } from "../../actors/gateway-api.ts";
import { SignalboxError } from "../../errors.ts";
import { apiCode, defaultStreamLimits, type EventStreamLimits, ensureEventStreams } from "./event-streams.ts";
import { Subjects } from "./subjects.ts";

/** Position in the log of the transition that a message of the feed carries. */
export const SEQ_HEADER = "Signalbox-Seq";

export interface NatsEventFeedOptions {
  /** Stays the caller's. */
  readonly connection: NatsConnection;
  /** First token of all subjects and start of the streams' names, default "signalbox". */
  readonly namespace?: string;
  readonly limits?: Partial<EventStreamLimits>;
  /** For one request to JetStream, default 5000 ms. */
  readonly timeoutMs?: number;
}

const WRONG_LAST_SEQUENCE = 10071;
const NO_MESSAGE = 10037;

/**
 * The feed in a JetStream stream. The stream takes a message only when its last one is the one that this publisher knows
 * (Nats-Expected-Last-Sequence), so what several publishers send becomes one sequence.
 */
export class NatsEventFeed implements EventFeed {
  readonly #connection: NatsConnection;
  readonly #subjects: Subjects;
  readonly #limits: EventStreamLimits;
  readonly #timeoutMs: number;
  /** Sequence of the stream's last message; undefined when it is to be looked up. */
  #expected: number | undefined;
  #manager: JetStreamManager | undefined;

  constructor(options: NatsEventFeedOptions) {
    this.#connection = options.connection;
    this.#subjects = new Subjects(options.namespace);
    this.#limits = { ...defaultStreamLimits, ...options.limits };
    this.#timeoutMs = options.timeoutMs ?? 5000;
  }

  /** Makes the streams when they are not there. */
  async last(): Promise<number> {
    this.#expected = undefined;
    const { stream } = this.#subjects;
    return await this.#storing("The last transition of the feed was not read", async () => {
      const manager = await this.#ready();
      const { state } = await manager.streams.info(stream);
      const position = (await lastSeq(manager, stream, state)) ?? (await this.#expired(manager, state));
      this.#expected = state.last_seq;
      return position;
    });
  }

  async publish(view: TransitionView): Promise<boolean> {
    const lastSequence = this.#expected;
    const { stream } = this.#subjects;
    if (lastSequence === undefined) {
      throw new SignalboxError("SB_SEQUENCE_CONFLICT", `what is the last message of ${stream} must be read first`);
    }
    // The next one is sent after this one over the same connection, so the server takes it only when it has taken this one.
    this.#expected = lastSequence + 1;
    const made = headers();
    made.set(SEQ_HEADER, String(view.seq));
    const ack = await this.#storing(`Transition ${view.seq} was not published`, () =>
      this.#connection.jetstream().publish(this.#subjects.stored(view.type, view.id), JSON.stringify(view), {
        headers: made,
        msgID: `transition-${view.seq}`,
        timeout: this.#timeoutMs,
        // No expected stream: the copy in the other stream has another name, and would be refused there.
        expect: { lastSequence },
      }),
    );
    // A repeated one is where the first one is: whoever was faster has added the same, and maybe more.
    if (ack.seq === lastSequence + 1) return !ack.duplicate;
    this.#expected = undefined;
    throw new SignalboxError("SB_SEQUENCE_CONFLICT", `Transition ${view.seq} is in ${stream} already, as ${ack.seq}`);
  }

  /** What has expired is not in the stream any more, but the last of it is in the other one. */
  async #expired(manager: JetStreamManager, { last_seq: wanted }: { last_seq: number }): Promise<number> {
    if (wanted === 0) return 0;
    const { stream, lastStream } = this.#subjects;
    const { state } = await manager.streams.info(lastStream);
    const position = state.last_seq === wanted ? await lastSeq(manager, lastStream, state) : undefined;
    if (position !== undefined) return position;
    throw new SignalboxError(
      "SB_NOT_READY",
      `What ${stream} held last is not known: ${lastStream} does not have it yet`,
      {
        advice: `If this stays so, remove the stream ${stream}: it is built anew from the log.`,
      },
    );
  }

  /** The streams are looked at once, and again after a failure: somebody may have removed them. */
  async #ready(): Promise<JetStreamManager> {
    if (this.#manager !== undefined) return this.#manager;
    const manager = await this.#connection.jetstreamManager({ timeout: this.#timeoutMs });
    await ensureEventStreams(manager, this.#subjects, this.#limits);
    this.#manager = manager;
    return manager;
  }

  async #storing<T>(doing: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (thrown) {
      this.#expected = undefined;
      const error = thrown instanceof SignalboxError ? thrown : feedError(doing, thrown);
      if (error.code !== "SB_SEQUENCE_CONFLICT") this.#manager = undefined;
      throw error;
    }
  }
}

/** Position in the log of a stream's last message; undefined when it is not there any more. */
async function lastSeq(
  manager: JetStreamManager,
  stream: string,
  state: { messages: number; last_seq: number },
): Promise<number | undefined> {
  if (state.messages === 0) return undefined;
  try {
    return seqOf(await manager.streams.getMessage(stream, { seq: state.last_seq }), stream);
  } catch (error) {
    if (apiCode(error) === NO_MESSAGE) return undefined;
    throw error;
  }
}

function seqOf(message: StoredMsg, stream: string): number {
  const seq = Number(message.header.get(SEQ_HEADER));
  if (Number.isSafeInteger(seq) && seq > 0) return seq;
  throw new SignalboxError("SB_STORE_FAILED", `Message ${message.seq} of the stream ${stream} has no ${SEQ_HEADER}`, {
    advice: `Somebody else has published to it: remove that message, and let only Signalbox publish there.`,
  });
}

function feedError(doing: string, cause: unknown): SignalboxError {
  if (apiCode(cause) === WRONG_LAST_SEQUENCE) {
    return new SignalboxError("SB_SEQUENCE_CONFLICT", `${doing}: another publisher was faster`, { cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof NatsError && cause.code === ErrorCode.Timeout) {
    return new SignalboxError("SB_TIMEOUT", `${doing}: NATS did not answer in time`, { cause });
  }
  return new SignalboxError("SB_STORE_FAILED", `${doing}: ${reason}`, {
    cause,
    advice: "Check that nats-server runs with JetStream and that this user may use it.",
  });
}
