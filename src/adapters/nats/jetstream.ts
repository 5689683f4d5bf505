import type { Msg, MsgHdrs } from "nats";
import { ApiError, isTemporary, storeError } from "./api-error.ts";
import type { Link } from "./link.ts";
import { Unanswered } from "./requests.ts";

export interface Task {
  /** What is tried, as in "The log was not read". */
  readonly doing: string;
  /** Stream concerned. */
  readonly stream: string;
  /** It needs room: when it succeeds, a lack of space is over. */
  readonly writes?: boolean;
  /** How long it is tried over an outage, ms; what the settings say without it. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
}

/** One try of a task. `inDoubt` is told of tries that may have been carried out although no answer came. */
export type Try<T> = (state: { inDoubt: boolean }) => Promise<T>;

/** Requests to JetStream that are repeated over outages, which are told once. */
export class JetStream {
  readonly link: Link;

  constructor(link: Link) {
    this.link = link;
  }

  /**
   * Tries until it succeeds, fails for good, or its patience ends.
   * @throws ApiError when JetStream says no for good; SignalboxError for the rest
   */
  async persist<T>(task: Task, attempt: Try<T>): Promise<T> {
    const { link } = this;
    const { clock, outages } = link;
    const until = clock.monotonic() + (task.patienceMs ?? link.settings.timeouts.patienceMs);
    const state = { inDoubt: false };
    let failure: unknown;
    for (let tries = 1; ; tries += 1) {
      if (!link.up) await link.ready(until, task.signal);
      if (link.up) {
        const sentAt = clock.monotonic();
        try {
          const result = await attempt(state);
          if (!outages.none) this.#over(task);
          return result;
        } catch (error) {
          failure = error;
          if (error instanceof Unanswered && error.inDoubt) state.inDoubt = true;
          if (!isTemporary(error)) {
            if (error instanceof ApiError) throw error;
            throw storeError(task.doing, error, state.inDoubt && task.writes === true);
          }
          this.#begins(task, error, sentAt);
        }
      }
      if (task.signal?.aborted === true || clock.monotonic() >= until) {
        throw storeError(
          task.doing,
          failure ?? new Unanswered("lost", task.stream),
          state.inDoubt && task.writes === true,
        );
      }
      // A lost connection tells by itself when it is back.
      if (link.up) await link.pause(tries, task.signal);
    }
  }

  /**
   * One request of JetStream's API, repeated until it is answered; for requests that may be made twice.
   * @param body JSON, nothing when undefined
   * @throws as `persist`
   */
  api<T>(subject: string, body: object | undefined, task: Task): Promise<T> {
    const payload = body === undefined ? "" : JSON.stringify(body);
    return this.persist(task, () => this.ask<T>(`$JS.API.${subject}`, payload));
  }

  /**
   * One request, tried once.
   * @throws Unanswered, ApiError
   */
  async ask<T>(subject: string, payload: string | Uint8Array, headers?: MsgHdrs): Promise<T> {
    const timeoutMs = this.link.settings.timeouts.requestMs;
    const answer = await this.link.requests.send(subject, payload, {
      timeoutMs,
      ...(headers === undefined ? {} : { headers }),
    });
    return parsed<T>(answer);
  }

  #begins({ stream }: Task, error: Unanswered | ApiError, sentAt: number): void {
    // Told when the connection's own loss is.
    if (error instanceof Unanswered && error.silence === "lost") return;
    const lack =
      error instanceof ApiError && error.noSpace ? (`space ${stream}` as const) : (`stream ${stream}` as const);
    this.link.outages.begin(lack, error.message, sentAt);
  }

  #over({ stream, writes = false }: Task): void {
    this.link.outages.end(`stream ${stream}`);
    if (writes) this.link.outages.end(`space ${stream}`);
  }
}

function parsed<T>(answer: Msg): T {
  const data = JSON.parse(answer.string()) as { error?: { code?: number; err_code?: number; description?: string } };
  if (data.error !== undefined) throw new ApiError(data.error);
  return data as T;
}
