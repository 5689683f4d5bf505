/** How long the router takes for what it does, milliseconds. */
export interface RouterTimings {
  readonly discardMs: number;
  readonly lockMs: number;
  readonly unlockMs: number;
  readonly loadMs: number;
  readonly validateMs: number;
  /** A commit that changes the configuration. */
  readonly commitMs: number;
  /** A commit of a candidate that equals the running configuration, such as the one that confirms. */
  readonly confirmMs: number;
  /** Reading configuration or state. */
  readonly readMs: number;
}

export const timings = {
  /** No waiting at all. */
  instant: {
    discardMs: 0,
    lockMs: 0,
    unlockMs: 0,
    loadMs: 0,
    validateMs: 0,
    commitMs: 0,
    confirmMs: 0,
    readMs: 0,
  },
  /** As measured on a vMX 16.1R1. */
  realistic: {
    discardMs: 150,
    lockMs: 90,
    unlockMs: 200,
    loadMs: 80,
    validateMs: 300,
    commitMs: 6200,
    confirmMs: 400,
    readMs: 60,
  },
} satisfies Record<string, RouterTimings>;
