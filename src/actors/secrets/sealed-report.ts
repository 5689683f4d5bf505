/** Sealed values of one key, by where they stand. */
export interface SealedCounts {
  /** In the last records of the log and in the documents: with what they say the system works. */
  readonly records: number;
  readonly documents: number;
  /** In older records of the log, and in journals of commits that are over: nothing needs those. */
  readonly history: number;
}

/** What is sealed with which key. */
export interface SealedReport {
  /** Id of the key that seals. */
  readonly key: string;
  readonly keys: Readonly<Record<string, SealedCounts>>;
  /** Keys other than that one without which something cannot be opened that the system works with. */
  readonly needed: readonly string[];
  /** Keys that only what is over is sealed with. They can go; whoever has such a key and the log can read it there. */
  readonly inHistory: readonly string[];
  readonly resealed: { readonly resources: number; readonly secrets: number };
  /** Records that were taken out of the log. */
  readonly purged: number;
  /** What could not be done now, and why: another try may do it. */
  readonly left: readonly string[];
}

export interface Reseal {
  /** Take the records out of the log that are sealed with another key and needed no more. */
  readonly purge: boolean;
}
