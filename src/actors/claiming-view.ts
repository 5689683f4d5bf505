import { numbersOf } from "../catalogue/address-blocks.ts";
import type { Claim } from "../catalogue/expand-request.ts";
import type { ResourceView, ViewedResource } from "../catalogue/resource-view.ts";

/**
 * The index, with the numbers that creations of this process are about to propose. It keeps two requests that come at the same time from
 * choosing the same number; the log decides between processes.
 */
export class ClaimingView implements ResourceView {
  private readonly below: ResourceView;
  private readonly held = new Map<string, Map<number, number>>();

  constructor(below: ResourceView) {
    this.below = below;
  }

  /** Holds numbers until the returned function is called. */
  hold(claims: readonly Claim[]): () => void {
    for (const claim of claims) this.count(claim, 1);
    return () => {
      for (const claim of claims) this.count(claim, -1);
    };
  }

  private count(claim: Claim, by: 1 | -1): void {
    const pool = this.held.get(claim.pool) ?? new Map<number, number>();
    this.held.set(claim.pool, pool);
    for (const number of numbersOf(claim)) {
      const holders = (pool.get(number) ?? 0) + by;
      if (holders > 0) pool.set(number, holders);
      else pool.delete(number);
    }
    if (pool.size === 0) this.held.delete(claim.pool);
  }

  claimed(pool: string): ReadonlySet<number> {
    const held = this.held.get(pool);
    const committed = this.below.claimed(pool);
    return held === undefined ? committed : new Set([...committed, ...held.keys()]);
  }

  get(type: string, id: string): ViewedResource | undefined {
    return this.below.get(type, id);
  }

  referrers(type: string, id: string): readonly ViewedResource[] {
    return this.below.referrers(type, id);
  }

  holder(type: string, field: string, value: string): string | undefined {
    return this.below.holder(type, field, value);
  }
}
