import { asSignalboxError, type SignalboxError } from "../../errors.ts";
import type { Clock, EventLog, Json, Logger, StoredRecord } from "../ports.ts";
import { readIdentity } from "./identity-record.ts";
import { replacedError } from "./require-own-log.ts";

export interface LogGuardOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LOOK_MS = 1_000;

/**
 * The event log of this process for as long as it is the one that the process has started with. A stream that was removed, emptied, or restored
 * from an older backup under a running process is another log: what the process knows is not in it, and positions mean nothing there. From
 * then on nothing is written, who follows the log gets an error, and the process has to be started again.
 *
 * It is looked at every second, and at once when an append is stored at a position that was seen before. One look that finds a stranger holds
 * up writes; a second one makes it certain.
 */
export class LogGuard implements EventLog {
  readonly #options: LogGuardOptions;
  readonly #log: EventLog;
  /** Aborted when the log was found to be another one. */
  readonly #gone = new AbortController();
  #identity: string | undefined;
  /** The greatest position that this process has seen. */
  #seen = 0;
  #suspicion: SignalboxError | undefined;
  #looking: Promise<void> | undefined;
  #cancel = () => {};
  #stopped = false;

  constructor(options: LogGuardOptions) {
    this.#options = options;
    this.#log = options.log;
  }

  /** Begins to look whether the log is still that one. */
  watch(identity: string): void {
    this.#identity = identity;
    this.#lookLater();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#looking;
  }

  /** Why this process may not use the log any more, or not now; undefined when it may. */
  get trouble(): SignalboxError | undefined {
    return this.#suspicion;
  }

  async append(
    subject: string,
    data: Json,
    options: { expectedSeq: number; messageId: string },
  ): Promise<{ seq: number }> {
    this.#requireOwn();
    const answer = await this.#log.append(subject, data, options);
    // Also the answer to a repeated append; else a record of this log comes after all that was seen of it.
    if (answer.seq <= this.#seen) {
      await this.#look();
      this.#requireOwn();
    }
    this.#note(answer.seq);
    return answer;
  }

  last(subject: string): Promise<StoredRecord | undefined> {
    return this.#log.last(subject);
  }

  lastOfEach(prefix?: string): AsyncIterable<StoredRecord> {
    return this.#log.lastOfEach(prefix);
  }

  /** @throws SB_LOG_REPLACED while it is read, too */
  async *read(from: number, options: { follow?: boolean; signal?: AbortSignal } = {}): AsyncGenerator<StoredRecord> {
    this.#requireOwn();
    if (options.follow !== true) {
      yield* this.#log.read(from, options);
      return;
    }
    const stop = new AbortController();
    const abort = () => stop.abort();
    const signals = [options.signal, this.#gone.signal];
    for (const signal of signals) signal?.addEventListener("abort", abort, { once: true });
    if (options.signal?.aborted === true) abort();
    try {
      for await (const stored of this.#log.read(from, { follow: true, signal: stop.signal })) {
        if (this.#gone.signal.aborted) break;
        this.#note(stored.seq);
        yield stored;
      }
      if (options.signal?.aborted !== true) this.#requireOwn();
    } finally {
      for (const signal of signals) signal?.removeEventListener("abort", abort);
    }
  }

  history(subject: string): AsyncIterable<StoredRecord> {
    return this.#log.history(subject);
  }

  position(): Promise<number> {
    return this.#log.position();
  }

  async purge(subject: string, upTo?: number): Promise<void> {
    this.#requireOwn();
    await this.#log.purge(subject, upTo);
  }

  #note(seq: number): void {
    this.#seen = Math.max(this.#seen, seq);
  }

  #requireOwn(): void {
    if (this.#suspicion !== undefined) throw this.#suspicion;
  }

  #lookLater(): void {
    this.#cancel = this.#options.clock.after(LOOK_MS, () => {
      void this.#look().then(() => {
        if (!this.#stopped && !this.#gone.signal.aborted) this.#lookLater();
      });
    });
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    if (this.#identity === undefined || this.#gone.signal.aborted) return;
    const found = await this.#strange();
    if (found === "unknown" || this.#stopped) return;
    const isSecond = this.#suspicion !== undefined;
    this.#suspicion = found;
    if (found === undefined || !isSecond) return;
    const { code, message } = found;
    this.#options.logger.error(
      { code, error: message, advice: found.advice },
      "the log was replaced; nothing is written any more",
    );
    this.#gone.abort();
  }

  /** What is wrong with the log; "unknown" when it cannot be looked at now. */
  async #strange(): Promise<SignalboxError | undefined | "unknown"> {
    const seen = this.#seen;
    try {
      const [identity, position] = await Promise.all([readIdentity(this.#log), this.#log.position()]);
      if (identity !== this.#identity) {
        const present = identity === undefined ? "what is there now is empty or another's" : `it is ${identity} now`;
        return replacedError(`this process has started with the log ${this.#identity}, and ${present}`);
      }
      if (position < seen) {
        return replacedError(`this process has seen record ${seen}, and the log ends with record ${position} now`);
      }
      this.#note(position);
      return undefined;
    } catch (thrown) {
      const error = asSignalboxError(thrown);
      return error.code === "SB_LOG_REPLACED" ? error : "unknown";
    }
  }
}
