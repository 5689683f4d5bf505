import { RepeatedFailures } from "../outages/repeated-failures.ts";
import type { Membership } from "./cluster/membership.ts";
import { shareOf } from "./cluster/shares.ts";
import type { Creations } from "./creations.ts";
import type { Clock, Logger } from "./ports.ts";
import type { RefusedProposals } from "./refused-proposals.ts";
import type { ResourceHost } from "./resource-host.ts";
import { type IndexEntry, keyOf, type ResourceIndex } from "./resource-index.ts";

export interface ProposalsOptions {
  readonly index: ResourceIndex;
  readonly host: ResourceHost;
  readonly creations: Pick<Creations, "withdraw">;
  readonly refused: RefusedProposals;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LOOK_MS = 1_000;

/**
 * Withdraws the proposals of processes that died before they decided them. Nobody waits for the answer any more: they were never accepted,
 * and what they claim is free again.
 */
export class Proposals {
  readonly #options: ProposalsOptions;
  /** Keys of resources with an undecided proposal. */
  readonly #open = new Set<string>();
  readonly #unsubscribe: Array<() => void> = [];
  #cancel = () => {};
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  readonly #failures: RepeatedFailures;

  constructor(options: ProposalsOptions) {
    this.#options = options;
    const { logger } = options;
    this.#failures = new RepeatedFailures({ logger, failed: "a proposal could not be withdrawn; trying again" });
  }

  /** Resolves when what earlier processes left in the shares of this one was looked at once. */
  async start(): Promise<void> {
    const { index } = this.#options;
    for (const entry of index.all()) this.#note(entry);
    this.#unsubscribe.push(
      index.onChange(({ ref, entry }) => {
        if (entry === undefined) this.#open.delete(keyOf(ref));
        else this.#note(entry);
      }),
    );
    await this.#look();
    this.#lookLater();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    await this.#looking;
  }

  #note(entry: IndexEntry): void {
    const { proposed, deletionProposed } = entry.context;
    const isOpen = entry.value.lifecycle === "proposed" || deletionProposed || proposed !== null;
    if (isOpen) this.#open.add(keyOf(entry));
    else this.#open.delete(keyOf(entry));
  }

  #lookLater(): void {
    this.#cancel = this.#options.clock.after(LOOK_MS, () => {
      this.#looking = this.#look().finally(() => {
        if (!this.#stopped) this.#lookLater();
      });
    });
  }

  async #look(): Promise<void> {
    const { index, membership, logger, refused } = this.#options;
    await refused.sweep();
    for (const key of [...this.#open]) {
      const slash = key.indexOf("/");
      const entry = index.entry({ type: key.slice(0, slash), id: key.slice(slash + 1) });
      if (entry === undefined) this.#open.delete(key);
      if (entry === undefined || !membership.owns("actors", shareOf(key))) continue;
      const { proposed, deletionProposed, proposedBy } = entry.context;
      const isNew = entry.value.lifecycle === "proposed" || deletionProposed;
      if ((!isNew || membership.isAlive(proposedBy)) && (proposed === null || membership.isAlive(proposed.by ?? "")))
        continue;
      try {
        await this.#withdraw(entry);
        this.#failures.succeeded(key);
        logger.info({ resource: key }, "withdrew what a dead process had proposed");
      } catch (thrown) {
        this.#failures.failed(thrown, key, { resource: key });
      }
    }
  }

  async #withdraw(entry: IndexEntry): Promise<void> {
    const { host, creations, membership } = this.#options;
    if (entry.value.lifecycle === "proposed") return creations.withdraw(entry, entry.seq);
    const { proposed, proposedBy, deletionProposed } = entry.context;
    if (proposed !== null && !membership.isAlive(proposed.by ?? "")) {
      await host.command(entry, () => ({ type: "WITHDRAW_UPDATE", token: proposed.token }));
    }
    if (!deletionProposed || membership.isAlive(proposedBy)) return;
    await host.command(entry, ({ context }) =>
      context.deletionProposed && context.proposedBy === proposedBy ? { type: "WITHDRAW_DELETE" } : undefined,
    );
  }
}
