import type { Logger } from "../actors/ports.ts";
import { asSignalboxError, type SignalboxError } from "../errors.ts";

export interface RepeatedFailuresOptions {
  readonly logger: Logger;
  /** The line at the first failure, as in "documents cannot be written; trying again". */
  readonly failed: string;
  /** The line when it succeeds after that; none when not given. */
  readonly over?: string;
  readonly level?: "warn" | "error";
  /** Told also where a store has told that it is away: what is late then is of interest by itself. */
  readonly always?: boolean;
}

/** So many are told apart; of more, some are told of twice. */
const MOST_KNOWN = 1_000;

/**
 * Tells the log of something that is tried again until it succeeds, once, and again only when it fails for another reason. Where a store is
 * away or full, the store's adapter has told so already: then this is one of the many things that fail because of it.
 */
export class RepeatedFailures {
  readonly #options: RepeatedFailuresOptions;
  /** What fails now, with the code of its error. */
  readonly #failing = new Map<string, string>();

  constructor(options: RepeatedFailuresOptions) {
    this.#options = options;
  }

  /** @param what of several that are tried for themselves */
  failed(thrown: unknown, what = "", fields: object = {}): SignalboxError {
    const error = asSignalboxError(thrown);
    const { logger, failed, level = "warn", always = false } = this.#options;
    const line = { ...fields, code: error.code, error: error.message };
    const isKnown = this.#failing.get(what) === error.code;
    if (isKnown || (!always && isToldByStore(error))) logger.debug(line, failed);
    else {
      if (this.#failing.size >= MOST_KNOWN) this.#failing.clear();
      this.#failing.set(what, error.code);
      logger[level](line, failed);
    }
    return error;
  }

  succeeded(what = "", fields: object = {}): void {
    if (!this.#failing.delete(what)) return;
    const { logger, over } = this.#options;
    if (over !== undefined) logger.info(fields, over);
  }
}

/** The store's adapter, or who guards the log, tells of these when they begin and when they are over. */
export function isToldByStore({ code, transient }: Pick<SignalboxError, "code" | "transient">): boolean {
  switch (code) {
    case "SB_STORE_FULL":
    case "SB_STORE_UNREACHABLE":
    case "SB_STORE_IN_DOUBT":
    case "SB_LOG_REPLACED":
      return true;
    case "SB_STORE_FAILED":
      return transient;
    default:
      return false;
  }
}
