import type { ResourceRef } from "../catalogue/resource-view.ts";
import { backoffMs, STORE_BACKOFF } from "../outages/backoff.ts";
import { RepeatedFailures } from "../outages/repeated-failures.ts";
import type { Clock, Logger } from "./ports.ts";
import type { Decide, ResourceHost } from "./resource-host.ts";
import { keyOf, type ResourceIndex } from "./resource-index.ts";

export interface RetractionsOptions {
  readonly host: Pick<ResourceHost, "command">;
  readonly index: Pick<ResourceIndex, "onChange">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** So late may something still be stored that was sent before the answer was lost, milliseconds. */
const LATE_MS = 600_000;

interface Retraction {
  readonly ref: ResourceRef;
  readonly decide: Decide;
  running: boolean;
}

/**
 * Takes back what this process has announced in the log and could not decide, because the log took no more writes or did not answer: a request
 * that was refused must not hold numbers, names or a resource. Tried until the log takes it, and again when the announcement arrives late.
 */
export class Retractions {
  readonly #options: RetractionsOptions;
  readonly #failures: RepeatedFailures;
  readonly #open = new Map<string, Set<Retraction>>();
  readonly #stopping = new AbortController();
  readonly #unsubscribe: () => void;

  constructor(options: RetractionsOptions) {
    this.#options = options;
    this.#failures = new RepeatedFailures({
      logger: options.logger,
      failed: "what a refused request had announced could not be taken back; trying again",
    });
    this.#unsubscribe = options.index.onChange(({ ref }) => {
      for (const retraction of this.#open.get(keyOf(ref)) ?? []) void this.#run(retraction);
    });
  }

  /** @param decide the event that takes it back; undefined when it is not there, or is another's */
  add(ref: ResourceRef, decide: Decide): void {
    const retraction: Retraction = { ref, decide, running: false };
    const key = keyOf(ref);
    const ofResource = this.#open.get(key) ?? new Set();
    this.#open.set(key, ofResource.add(retraction));
    this.#options.clock.after(LATE_MS, () => {
      ofResource.delete(retraction);
      if (ofResource.size === 0) this.#open.delete(key);
    });
    void this.#run(retraction);
  }

  stop(): void {
    this.#stopping.abort();
    this.#unsubscribe();
  }

  async #run(retraction: Retraction): Promise<void> {
    if (retraction.running) return;
    retraction.running = true;
    const { host, clock } = this.#options;
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await host.command(retraction.ref, retraction.decide);
        this.#failures.succeeded();
        break;
      } catch (thrown) {
        this.#failures.failed(thrown, "", { resource: keyOf(retraction.ref) });
        failures += 1;
        await clock.sleep(backoffMs(failures, STORE_BACKOFF), signal).catch(() => undefined);
      }
    }
    retraction.running = false;
  }
}
