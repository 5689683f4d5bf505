import { createHash } from "node:crypto";
import { asSignalboxError } from "../../errors.ts";
import type { LaneView } from "../devices/device-lanes.ts";
import type { Clock, DocumentStore, DocumentWrite, Json, Logger } from "../ports.ts";

/** The lanes of a process, as other processes read them. Under the lease of the process, so they go with it. */
export const LANES_PREFIX = "/signalbox/lanes/";

export interface LaneReportsOptions {
  readonly documents: DocumentStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of this process. */
  readonly name: string;
  readonly leaseId: () => string | undefined;
  readonly lanes: () => readonly LaneView[];
  /** Milliseconds between two looks; 500. */
  readonly intervalMs?: number;
}

const DEFAULT_INTERVAL_MS = 500;
/** Within what one transaction of etcd takes. */
const MOST_WRITES = 100;

/**
 * Tells other processes how the lanes of this one stand: a document per lane, written when it has changed since the last look. For views
 * only; nobody decides by it, so a look that fails is made up for by the next.
 */
export class LaneReports {
  readonly #options: LaneReportsOptions;
  readonly #told = new Map<string, string>();
  readonly #stopping = new AbortController();
  #lease: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LaneReportsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** What is told goes with the lease. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger, intervalMs = DEFAULT_INTERVAL_MS } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#tell().catch((thrown: unknown) => {
        const { code, message } = asSignalboxError(thrown);
        logger.debug({ code, error: message }, "the state of the lanes could not be told; trying again");
      });
      await clock.sleep(intervalMs, signal).catch(() => undefined);
    }
  }

  async #tell(): Promise<void> {
    const { documents, name, leaseId, lanes } = this.#options;
    const lease = leaseId();
    if (lease === undefined) return;
    // With the lease before it, all that was told is gone.
    if (lease !== this.#lease) this.#told.clear();
    this.#lease = lease;
    const changed = lanes().flatMap((lane) => {
      const text = JSON.stringify(lane);
      return this.#told.get(lane.id) === text ? [] : [{ id: lane.id, text }];
    });
    for (let from = 0; from < changed.length; from += MOST_WRITES) {
      const some = changed.slice(from, from + MOST_WRITES);
      const writes = some.map(
        ({ id, text }): DocumentWrite => ({
          key: `${LANES_PREFIX}${name}/${digestOf(id)}`,
          value: JSON.parse(text) as Json,
          lease,
        }),
      );
      await documents.transaction({ writes });
      for (const { id, text } of some) this.#told.set(id, text);
    }
  }
}

function digestOf(laneId: string): string {
  return createHash("sha256").update(laneId).digest("hex").slice(0, 32);
}
