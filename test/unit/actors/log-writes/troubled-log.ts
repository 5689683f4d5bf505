import type { AppendOptions, EventLog, Json, StoredRecord } from "../../../../src/actors/ports.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { SwappedLog } from "../log-identity/swapped-log.ts";

/** What becomes of an append: stored as usual, refused, or stored without an answer. */
export type Fate = "stored" | "full" | "answer lost" | "silent";

/** An event log that does not take every append. */
export class TroubledLog extends SwappedLog {
  /** Of an append of a record, by its event; of everything else it is given `"probe"` or `"other"`. */
  fate: (event: string) => Fate = () => "stored";
  /** Events of appends that came. */
  readonly asked: string[] = [];
  readonly #inner: EventLog;
  #speak: () => void = () => {};
  #silence = this.#fallSilent();

  constructor(log: EventLog) {
    super(log);
    this.#inner = log;
    this.append = (subject, data, options) => this.#append(subject, data, options);
    this.last = (subject) => this.#last(subject);
  }

  async #append(subject: string, data: Json, options: AppendOptions): Promise<{ seq: number }> {
    const event = subject.startsWith("resource.")
      ? (data as { event: string }).event
      : subject === "log.probe"
        ? "probe"
        : "other";
    this.asked.push(event);
    switch (this.fate(event)) {
      case "full":
        throw new SignalboxError("SB_STORE_FULL", "no room");
      case "answer lost":
        await this.#inner.append(subject, data, options);
        throw new SignalboxError("SB_STORE_IN_DOUBT", "the answer was lost");
      case "silent":
        await this.#silence;
        throw new SignalboxError("SB_STORE_UNREACHABLE", "away");
      default:
        return this.#inner.append(subject, data, options);
    }
  }

  async #last(subject: string): Promise<StoredRecord | undefined> {
    if (this.fate("look") === "silent") await this.#silence;
    return this.#inner.last(subject);
  }

  /** Everything is stored again, and what waits for an answer gets one. */
  recover(): void {
    this.fate = () => "stored";
    this.#speak();
    this.#silence = this.#fallSilent();
  }

  #fallSilent(): Promise<void> {
    return new Promise((resolve) => {
      this.#speak = resolve;
    });
  }
}
