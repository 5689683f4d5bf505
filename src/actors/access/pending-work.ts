import { SignalboxError } from "../../errors.ts";
import type { ResourceIndex } from "../resource-index.ts";
import { type Caller, isOperator } from "./caller.ts";

/** Versions of a tenant's resources that are ordered and not done, at most, when the settings do not say. */
const DEFAULT_MOST = 2_000;
/** How soon it is worth trying again, seconds: a transaction of a router pair takes about so long. */
const RETRY_AFTER_S = 5;

/** A place among what a tenant has pending, until the index shows what was ordered. */
export interface PendingPlace {
  /** Doing it twice is as doing it once. */
  release(): void;
}

const FREE: PendingPlace = { release: () => {} };

/**
 * Bounds what each tenant may have ordered that is not done: with nothing to stop it, one could fill the queues for hours. Operators are not
 * bounded, since they repair; deletions are not either, since a resource is deleted once.
 */
export class PendingWork {
  readonly #index: Pick<ResourceIndex, "pendingOf">;
  readonly #most: number;
  /** By tenant: requests under way that the index does not show yet. */
  readonly #starting = new Map<string, number>();

  constructor(index: Pick<ResourceIndex, "pendingOf">, most = DEFAULT_MOST) {
    this.#index = index;
    this.#most = most;
  }

  /**
   * Takes a place for one more.
   * @throws SB_TOO_MUCH_PENDING when the caller's tenant has as much as it may have
   */
  take(caller: Caller | undefined): PendingPlace {
    const tenant = caller?.tenant;
    if (caller === undefined || tenant === undefined || isOperator(caller)) return FREE;
    const starting = this.#starting.get(tenant) ?? 0;
    const pending = this.#index.pendingOf(tenant) + starting;
    if (pending >= this.#most) {
      const message = `tenant ${tenant} has ${pending} orders that are not done, and may have ${this.#most}`;
      throw new SignalboxError("SB_TOO_MUCH_PENDING", message, { retryAfterS: RETRY_AFTER_S });
    }
    this.#starting.set(tenant, starting + 1);
    let isOpen = true;
    return {
      release: () => {
        if (!isOpen) return;
        isOpen = false;
        const left = (this.#starting.get(tenant) ?? 1) - 1;
        if (left > 0) this.#starting.set(tenant, left);
        else this.#starting.delete(tenant);
      },
    };
  }
}
