import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { LogWrites } from "../log-writes/log-writes.ts";
import type { AppendOptions, Clock, EventLog, Json, Logger, Random, StoredRecord } from "../ports.ts";
import { readIdentity } from "./identity-record.ts";
import { replacedError } from "./require-own-log.ts";

export interface LogGuardOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
}

const LOOK_MS = 1_000;
/** The log is silent when a look is not answered in so long, milliseconds. */
const SILENT_MS = 1_000;

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
  readonly #writes: LogWrites;
  /** A look is not answered. */
  #silent = false;
  readonly #silenceListeners = new Set<() => void>();
  readonly #refusalListeners = new Set<(refusal: SignalboxError) => void>();

  constructor(options: LogGuardOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#writes = new LogWrites(options);
  }

  /** Begins to look whether the log is still that one. */
  watch(identity: string): void {
    this.#identity = identity;
    this.#lookLater();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#writes.stop();
    await this.#looking;
  }

  /** Why this process may not use the log any more, or not now; undefined when it may. */
  get trouble(): SignalboxError | undefined {
    return this.#suspicion;
  }

  /** Why nothing can be written now, as far as that is known; undefined when it can. */
  get refusal(): SignalboxError | undefined {
    return this.#suspicion ?? (this.#silent ? silentError() : this.#writes.refusal);
  }

  /** Calls back when nothing can be written any more. */
  onRefusal(listener: (refusal: SignalboxError) => void): () => void {
    this.#refusalListeners.add(listener);
    return () => this.#refusalListeners.delete(listener);
  }

  /** The same, after a test write when nothing was written for a while. */
  async look(): Promise<SignalboxError | undefined> {
    if (this.refusal === undefined) await this.#writes.look();
    return this.refusal;
  }

  /**
   * With `patienceMs`, for a caller who waits, it is refused at once while it is known that the log takes no writes, and in doubt when the log falls
   * silent.
   */
  async append(subject: string, data: Json, options: AppendOptions): Promise<{ seq: number }> {
    this.#requireOwn();
    if (options.patienceMs !== undefined && this.refusal !== undefined) throw this.refusal;
    const answer = await this.#append(subject, data, options);
    // Also the answer to a repeated append; else a record of this log comes after all that was seen of it.
    if (answer.seq <= this.#seen) {
      await this.#look();
      this.#requireOwn();
    }
    this.#note(answer.seq);
    return answer;
  }

  async #append(subject: string, data: Json, options: AppendOptions): Promise<{ seq: number }> {
    const appending = this.#log.append(subject, data, options).then(
      (answer) => {
        this.#writes.took();
        return answer;
      },
      (error: unknown) => {
        this.#writes.failed(error);
        this.#tellRefusal();
        throw error;
      },
    );
    if (options.patienceMs === undefined) return appending;
    let fallSilent = () => {};
    const silence = new Promise<never>((_, reject) => {
      fallSilent = () => reject(inDoubtError(subject));
      this.#silenceListeners.add(fallSilent);
    });
    // Whichever is second is of no interest any more.
    appending.catch(() => undefined);
    return Promise.race([appending, silence]).finally(() => this.#silenceListeners.delete(fallSilent));
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

  /** @throws SB_STORE_UNREACHABLE at once while the log is silent */
  async position(): Promise<number> {
    if (this.#silent) throw silentError();
    return this.#log.position();
  }

  async purge(subject: string, upTo?: number): Promise<void> {
    this.#requireOwn();
    await this.#log.purge(subject, upTo);
  }

  #note(seq: number): void {
    this.#seen = Math.max(this.#seen, seq);
  }

  #tellRefusal(): void {
    const { refusal } = this;
    if (refusal !== undefined) for (const listener of [...this.#refusalListeners]) listener(refusal);
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
    if (this.#looking !== undefined) return this.#looking;
    let isAnswered = false;
    const cancel = this.#options.clock.after(SILENT_MS, () => {
      // This process itself may have been held up: what came meanwhile is taken in first.
      setImmediate(() => {
        if (isAnswered || this.#stopped) return;
        this.#silent = true;
        for (const listener of [...this.#silenceListeners]) listener();
        this.#tellRefusal();
      });
    });
    this.#looking = this.#lookOnce().finally(() => {
      isAnswered = true;
      cancel();
      this.#silent = false;
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
    this.#tellRefusal();
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

function silentError(): SignalboxError {
  return new SignalboxError("SB_STORE_UNREACHABLE", "the event log does not answer");
}

function inDoubtError(subject: string): SignalboxError {
  return new SignalboxError("SB_STORE_IN_DOUBT", `the event log has fallen silent over the record of ${subject}`);
}
