import { createHash } from "node:crypto";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { backoffMs } from "../../outages/backoff.ts";
import type { Clock, EventLog, Random } from "../ports.ts";

export interface LogWritesOptions {
  readonly log: Pick<EventLog, "append" | "last" | "purge">;
  readonly clock: Clock;
  readonly random: Random;
}

/** The subject of test writes: only its last record is kept. */
export const PROBE_SUBJECT = "log.probe";
/** 16 KiB, about what a record of a resource has: where only less has room, the log is full. No store can compress it. */
const PROBE_TEXT = Array.from({ length: 128 }, (_, n) => createHash("sha512").update(String(n)).digest("hex")).join("");
const PATIENCE_MS = 500;
/** After so long without a write it is tried whether the log takes one, milliseconds. */
const KNOWN_MS = 15_000;
const BACKOFF = { firstMs: 500, longestMs: 5_000 };

/**
 * Whether the log takes writes: known from the last append, and by test writes while it takes none, with waits that grow. So requests are refused
 * at once as long as that is so, and taken again by themselves.
 */
export class LogWrites {
  readonly #options: LogWritesOptions;
  #refusal: SignalboxError | undefined;
  #tookAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #cancel = () => {};
  #trying: Promise<void> | undefined;
  #stopped = false;

  constructor(options: LogWritesOptions) {
    this.#options = options;
  }

  /** Why the log takes no writes now; undefined when the last one was taken. */
  get refusal(): SignalboxError | undefined {
    return this.#refusal;
  }

  /** An append was taken. */
  took(): void {
    this.#tookAt = this.#options.clock.monotonic();
    this.#refusal = undefined;
    this.#failures = 0;
    this.#cancel();
  }

  /** An append failed. */
  failed(thrown: unknown): void {
    const error = asSignalboxError(thrown);
    if (!isOutage(error)) return;
    const isFirst = this.#refusal === undefined;
    this.#refusal = error;
    if (isFirst) this.#tryLater();
  }

  /** The same as `refusal`, after a test write when nothing was written for a while. */
  async look(): Promise<SignalboxError | undefined> {
    const { clock } = this.#options;
    if (this.#refusal === undefined && clock.monotonic() - this.#tookAt >= KNOWN_MS) await this.#tryOnce();
    return this.#refusal;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#trying;
  }

  #tryLater(): void {
    if (this.#stopped) return;
    this.#failures += 1;
    this.#cancel();
    this.#cancel = this.#options.clock.after(backoffMs(this.#failures, BACKOFF), () => {
      void this.#tryOnce().then(() => {
        if (this.#refusal !== undefined) this.#tryLater();
      });
    });
  }

  #tryOnce(): Promise<void> {
    this.#trying ??= this.#write()
      .then(
        () => this.took(),
        (error: unknown) => this.failed(error),
      )
      .finally(() => {
        this.#trying = undefined;
      });
    return this.#trying;
  }

  async #write(): Promise<void> {
    const { log, random } = this.#options;
    const data = { v: 1, text: PROBE_TEXT };
    for (;;) {
      const last = await log.last(PROBE_SUBJECT);
      const options = { expectedSeq: last?.seq ?? 0, messageId: random.uuid(), patienceMs: PATIENCE_MS };
      try {
        const { seq } = await log.append(PROBE_SUBJECT, data, options);
        // Left where it cannot be removed: the next one removes it too.
        await log.purge(PROBE_SUBJECT, seq - 1).catch(() => undefined);
        return;
      } catch (error) {
        // Another process was faster with its own.
        if (!(error instanceof SignalboxError) || error.code !== "SB_SEQUENCE_CONFLICT") throw error;
      }
    }
  }
}

/** The store takes no writes, whatever they are. */
function isOutage({ code, transient }: SignalboxError): boolean {
  switch (code) {
    case "SB_STORE_FULL":
    case "SB_STORE_UNREACHABLE":
    case "SB_STORE_IN_DOUBT":
    case "SB_STORE_AUTH":
      return true;
    case "SB_STORE_FAILED":
      return transient;
    default:
      return false;
  }
}
