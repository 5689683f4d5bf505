import type { Bus, Clock, Json, Logger, Subscription } from "../../actors/ports.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";

type MessageHandler = (body: Json, subject: string) => void;
type RequestHandler = (body: Json, subject: string) => Promise<Json>;

interface Member<H> {
  readonly pattern: string;
  readonly handler: H;
  readonly queue: string | undefined;
}

/** Members by subject: those without a wildcard are found by name, the others are tried one by one. */
class Members<H> {
  readonly #exact = new Map<string, Set<Member<H>>>();
  readonly #wild = new Set<Member<H>>();

  add(member: Member<H>): Subscription {
    const { pattern } = member;
    const wild = /[*>]/.test(pattern);
    const set = wild ? this.#wild : (this.#exact.get(pattern) ?? new Set());
    if (!wild) this.#exact.set(pattern, set);
    set.add(member);
    return {
      unsubscribe: async () => {
        set.delete(member);
        if (!wild && set.size === 0 && this.#exact.get(pattern) === set) this.#exact.delete(pattern);
      },
    };
  }

  has(member: Member<H>): boolean {
    return this.#wild.has(member) || this.#exact.get(member.pattern)?.has(member) === true;
  }

  matching(subject: string): Member<H>[] {
    const found = [...(this.#exact.get(subject) ?? [])];
    for (const member of this.#wild) if (subjectMatches(member.pattern, subject)) found.push(member);
    return found;
  }

  clear(): void {
    this.#exact.clear();
    this.#wild.clear();
  }
}

/**
 * `Bus` within one process. Bodies go through JSON, as they would over a network, so nobody shares an object. Handlers run
 * in a later microtask, in the order of publishing; one that throws is logged and harms no other.
 */
export class LocalBus implements Bus {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #subscribers = new Members<MessageHandler>();
  readonly #responders = new Members<RequestHandler>();
  readonly #pending = new Set<(error: SignalboxError) => void>();
  // Turns of the queue groups, so that their members take turns.
  #turn = 0;
  #closed = false;

  constructor(options: { clock: Clock; logger: Logger }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  async publish(subject: string, body: Json): Promise<void> {
    this.#requireOpen();
    requireConcrete(subject);
    const text = JSON.stringify(body);
    const groups = new Map<string, Member<MessageHandler>[]>();
    for (const member of this.#subscribers.matching(subject)) {
      if (member.queue === undefined) this.#deliver(member, text, subject);
      else groups.set(member.queue, [...(groups.get(member.queue) ?? []), member]);
    }
    for (const group of groups.values()) this.#deliver(this.#next(group), text, subject);
  }

  subscribe(subject: string, handler: MessageHandler, options: { queue?: string } = {}): Subscription {
    this.#requireOpen();
    return this.#subscribers.add({ pattern: subject, handler, queue: options.queue });
  }

  async request(subject: string, body: Json, options: { timeoutMs: number }): Promise<Json> {
    this.#requireOpen();
    requireConcrete(subject);
    const responder = this.#next(this.#responders.matching(subject));
    if (responder === undefined) throw new SignalboxError("SB_NO_RESPONDER", `Nobody answers to ${subject}`);
    const sent = JSON.stringify(body);
    return new Promise<Json>((resolve, reject) => {
      const fail = (error: SignalboxError) => {
        this.#pending.delete(fail);
        cancelTimer();
        reject(error);
      };
      const cancelTimer = this.#clock.after(options.timeoutMs, () =>
        fail(new SignalboxError("SB_TIMEOUT", `${subject} did not answer within ${options.timeoutMs} ms`)),
      );
      this.#pending.add(fail);
      Promise.resolve()
        .then(() => responder.handler(JSON.parse(sent), subject))
        .then((answer) => {
          const copy: Json = JSON.parse(JSON.stringify(answer));
          this.#pending.delete(fail);
          cancelTimer();
          resolve(copy);
        })
        // As over a network, only what the error says arrives.
        .catch((thrown: unknown) => fail(SignalboxError.fromJson(asSignalboxError(thrown).toJson())));
    });
  }

  respond(subject: string, handler: RequestHandler): Subscription {
    this.#requireOpen();
    return this.#responders.add({ pattern: subject, handler, queue: undefined });
  }

  /** Ends all subscriptions; requests under way fail with SB_NOT_READY. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#subscribers.clear();
    this.#responders.clear();
    for (const fail of [...this.#pending]) fail(closedError());
  }

  #deliver(member: Member<MessageHandler> | undefined, text: string, subject: string): void {
    if (member === undefined) return;
    queueMicrotask(() => {
      if (!this.#subscribers.has(member)) return;
      try {
        member.handler(JSON.parse(text), subject);
      } catch (thrown) {
        this.#logger.error({ err: thrown, subject }, "a subscriber failed");
      }
    });
  }

  #next<H>(group: readonly Member<H>[]): Member<H> | undefined {
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
    return group[this.#turn % Math.max(1, group.length)];
  }

  #requireOpen(): void {
    if (this.#closed) throw closedError();
  }
}

/** Whether a subject fits a pattern, where `*` stands for one token and a final `>` for one or more (NATS subjects). */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  for (const [i, token] of wanted.entries()) {
    if (token === ">" && i === wanted.length - 1) return tokens.length > i;
    if (i >= tokens.length || (token !== "*" && token !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}

function requireConcrete(subject: string): void {
  if (!/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(subject)) {
    throw new SignalboxError("SB_INTERNAL", `"${subject}" is no subject that a message can be sent to`);
  }
}

function closedError(): SignalboxError {
  return new SignalboxError("SB_NOT_READY", "The bus is closed");
}
