import type { Reached } from "../transition-follower.ts";

/** The gateways of a cluster as a client sees them: some of them dead at times, and back at other addresses. */
export class Gateways {
  readonly #up = new Map<string, Reached>();
  #waiting: Array<{ broken: number; resolve: (found: Reached) => void; reject: (why: Error) => void }> = [];
  #count = 0;
  #turn = 0;
  #given: Error | undefined;

  isUp(name: string, url: string): void {
    this.#count += 1;
    this.#up.set(name, { url, number: this.#count });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { broken, resolve, reject } of waiting) this.reachable(broken).then(resolve, reject);
  }

  isGone(name: string): void {
    this.#up.delete(name);
  }

  /**
   * One of them, in turn, as soon as there is one.
   * @param broken number of the one that did not answer: another one is wanted
   * @throws what `giveUp` was told
   */
  reachable(broken = 0): Promise<Reached> {
    if (this.#given !== undefined) return Promise.reject(this.#given);
    const others = [...this.#up.values()].filter(({ number }) => number !== broken);
    this.#turn += 1;
    const found = others[this.#turn % Math.max(1, others.length)];
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => this.#waiting.push({ broken, resolve, reject }));
  }

  /** There will be no other one: whoever waits is told why. */
  giveUp(reason: Error): void {
    this.#given ??= reason;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#given);
  }
}
