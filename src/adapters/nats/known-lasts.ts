/** The last record of a subject, as this process knows it; somebody else may have appended since. */
export interface KnownLast {
  readonly seq: number;
  /** As a token. */
  readonly messageId: string;
}

/** The last records that this process has seen, of the subjects used most lately. */
export class KnownLasts {
  readonly #limit: number;
  // In the order of their use.
  readonly #known = new Map<string, KnownLast>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(subject: string): KnownLast | undefined {
    return this.#known.get(subject);
  }

  set(subject: string, last: KnownLast): void {
    this.#known.delete(subject);
    this.#known.set(subject, last);
    if (this.#known.size <= this.#limit) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  forget(subject: string): void {
    this.#known.delete(subject);
  }
}
