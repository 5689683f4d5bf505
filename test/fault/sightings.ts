/** What is seen of a run: a transition that a follower is told, a line that is written, a commit of a router. */
export type Sight = "transition" | "line" | "commit";

/** Counts what is seen of a run, and tells when there was so much. */
export class Sightings {
  readonly #counts: Record<Sight, number> = { transition: 0, line: 0, commit: 0 };
  readonly #waiting = new Map<() => void, { readonly of: Sight | "anything"; readonly count: number }>();

  count(of: Sight | "anything"): number {
    const { transition, line, commit } = this.#counts;
    return of === "anything" ? transition + line + commit : this.#counts[of];
  }

  add(sight: Sight): void {
    this.#counts[sight] += 1;
    for (const [resolve, { of, count }] of this.#waiting) {
      if (this.count(of) < count) continue;
      this.#waiting.delete(resolve);
      resolve();
    }
  }

  /** Resolves with the sighting after which there were so many more of them than now. */
  more(of: Sight | "anything", count: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(resolve, { of, count: this.count(of) + count }));
  }
}
