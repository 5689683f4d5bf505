import { compareSet } from "./compare-text.ts";
import type { ConfigNode } from "./config-node.ts";
import type { Commit } from "./configuration-database.ts";

/** What a commit, or the end of one that was not confirmed, has changed on a router. */
export interface LedgerEntry {
  /** 1 for the first since the lab was started. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly user: string;
  readonly log: string;
  readonly comment: string;
  /** Lines of `set` and `delete` that lead from the configuration before to the one after it; empty when it changed nothing. */
  readonly lines: readonly string[];
  /** The router took a commit back by itself. */
  readonly automatic: boolean;
}

/** More than a fault run makes; a lab that is used for longer forgets the oldest. */
const MOST_ENTRIES = 20_000;

/** All commits of a router with what each of them has changed; the history that Junos keeps ends after 50. */
export class CommitLedger {
  readonly #entries: LedgerEntry[] = [];
  #running: ConfigNode;
  #count = 0;

  /** @param running the configuration that the first commit starts from */
  constructor(running: ConfigNode) {
    this.#running = running;
  }

  /** @param running the configuration after the commit */
  add({ time, user, log, comment }: Commit, running: ConfigNode, automatic: boolean): void {
    const lines = compareSet(this.#running, running);
    this.#running = running;
    this.#count += 1;
    this.#entries.push({ number: this.#count, time, user, log, comment, lines, automatic });
    if (this.#entries.length > MOST_ENTRIES) this.#entries.shift();
  }

  /** Oldest first. */
  entries(): readonly LedgerEntry[] {
    return this.#entries;
  }
}
