/** Lets readers wait for "something changed". Carries nothing: who wakes looks for itself. */
export class Wakeup {
  readonly #waiting = new Set<() => void>();

  /** Wakes everybody who waits now. */
  wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  /**
   * Resolves at the next `wake` or when one of the signals is aborted. Whoever looks and then waits in the same turn of
   * the event loop misses nothing.
   */
  next(signals: ReadonlyArray<AbortSignal | undefined>): Promise<void> {
    return new Promise((resolve) => {
      const resume = () => {
        this.#waiting.delete(resume);
        for (const signal of signals) signal?.removeEventListener("abort", resume);
        resolve();
      };
      if (signals.some((signal) => signal?.aborted)) {
        resolve();
        return;
      }
      this.#waiting.add(resume);
      for (const signal of signals) signal?.addEventListener("abort", resume, { once: true });
    });
  }
}
