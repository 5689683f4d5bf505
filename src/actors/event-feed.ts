import { asSignalboxError } from "../errors.ts";
import type { GatewayApi, TransitionView } from "./gateway-api.ts";
import type { Clock, Logger } from "./ports.ts";

/** A place outside where transitions are told and kept for a while. Any number of publishers may feed it at a time. */
export interface EventFeed {
  /**
   * Adds a transition after the one that `last` or the previous `publish` has seen as the last one; durable when resolved. One that is
   * there already, because it was sent twice, is not added again.
   * @throws SB_SEQUENCE_CONFLICT when another publisher has added something meanwhile
   */
  publish(view: TransitionView): Promise<void>;
  /** Position in the log of the last transition that was added, 0 when none ever was. */
  last(): Promise<number>;
}

const RETRY_MS = [50, 200, 1000, 5000];

/**
 * Adds each committed transition to the feed, once and in the order of the log, however often a publisher restarts and however many run:
 * the feed says which is the last one, and takes only what follows it.
 */
export class EventFeedPublisher {
  readonly #options: { api: Pick<GatewayApi, "transitions">; feed: EventFeed; clock: Clock; logger: Logger };
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: { api: Pick<GatewayApi, "transitions">; feed: EventFeed; clock: Clock; logger: Logger }) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the transition in hand. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; ) {
      try {
        await this.#follow(() => {
          if (attempt > 0) logger.info({}, "transitions are published again");
          attempt = 0;
        });
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asSignalboxError(thrown);
        // Another publisher was faster: its transitions are not ours to publish any more.
        if (error.code === "SB_SEQUENCE_CONFLICT") continue;
        const fields = { code: error.code, error: error.message };
        if (attempt === 0) logger.error(fields, "transitions cannot be published; trying again");
        else logger.debug(fields, "transitions still cannot be published");
        await clock.sleep(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0, signal).catch(() => {});
        attempt += 1;
      }
    }
  }

  /** @param published called when the feed has answered */
  async #follow(published: () => void): Promise<void> {
    const { api, feed } = this.#options;
    const { signal } = this.#stopping;
    const from = (await feed.last()) + 1;
    published();
    for await (const view of api.transitions({ from, follow: true, signal })) {
      if (signal.aborted) return;
      await feed.publish(view);
      published();
    }
  }
}
