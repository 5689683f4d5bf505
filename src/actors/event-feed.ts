import { asSignalboxError, SignalboxError } from "../errors.ts";
import { backoffMs, STORE_BACKOFF } from "../outages/backoff.ts";
import { RepeatedFailures } from "../outages/repeated-failures.ts";
import type { GatewayApi, TransitionView } from "./gateway-api.ts";
import type { Clock, Logger } from "./ports.ts";

/** A place outside where transitions are told and kept for a while. Any number of publishers may have it. */
export interface EventFeed {
  /**
   * Adds a transition after the one that `last` or the previous `publish` has seen as the last one; durable when resolved. It may be called
   * again before the previous one has resolved: when that one fails, so do all after it.
   * @returns false when it is there already, because another publisher was faster or it was sent twice; it is not added again
   * @throws SB_SEQUENCE_CONFLICT when another publisher has added something else meanwhile
   */
  publish(view: TransitionView): Promise<boolean>;
  /** Position in the log of the last transition that was added, 0 when none ever was. */
  last(): Promise<number>;
}

/** Transitions on their way at once. */
const MOST_ON_THEIR_WAY = 64;
/** How long a committed transition may be missing from the feed before somebody else publishes it, milliseconds. */
const MISSING_MS = 500;

/**
 * Adds each committed transition to the feed, once and in the order of the log, however often a publisher restarts and however many run:
 * the feed says which is the last one, and takes only what follows it. One publishes; the others look whether it does. Two at once would add
 * nothing wrong, but what they add by turns could be heard in another order than it is kept in.
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
    const failures = new RepeatedFailures({
      logger,
      failed: "transitions cannot be published; trying again",
      over: "transitions are published again",
      level: "error",
      always: true,
    });
    for (let attempt = 1; !signal.aborted; ) {
      try {
        await this.#follow(() => {
          failures.succeeded();
          attempt = 1;
        });
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asSignalboxError(thrown);
        // Another publisher is at work: its transitions are not ours to publish any more.
        if (error.code === "SB_SEQUENCE_CONFLICT") continue;
        failures.failed(error);
        await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal).catch(() => {});
        attempt += 1;
      }
    }
  }

  /**
   * Publishes, from when nobody else does until somebody else does.
   * @param published called when the feed has answered
   */
  async #follow(published: () => void): Promise<void> {
    const { api, feed } = this.#options;
    const { signal } = this.#stopping;
    const from = await this.#missing(published);
    if (from === undefined) return;
    const failed = new AbortController();
    const onTheirWay = new Set<Promise<void>>();
    const failures: unknown[] = [];
    const publish = async (view: TransitionView) => {
      try {
        if (!(await feed.publish(view))) throw publishedByAnother(view);
        published();
      } catch (error) {
        failures.push(error);
        failed.abort();
      }
    };
    try {
      const reading = AbortSignal.any([signal, failed.signal]);
      let isFirst = true;
      for await (const view of api.transitions({ from, follow: true, signal: reading })) {
        if (reading.aborted) break;
        const sent: Promise<void> = publish(view).finally(() => onTheirWay.delete(sent));
        onTheirWay.add(sent);
        // Whether somebody else has begun as well shows with the first one.
        if (isFirst) await sent;
        isFirst = false;
        if (onTheirWay.size >= MOST_ON_THEIR_WAY) await Promise.race(onTheirWay);
      }
    } finally {
      await Promise.all(onTheirWay);
    }
    // The first one says why; those after it could only fail too.
    if (failures.length > 0) throw failures[0];
  }

  /** Waits until the feed misses a transition for too long. Answers where it ends; undefined when this publisher is stopped. */
  async #missing(answered: () => void): Promise<number | undefined> {
    const { api, feed, clock } = this.#options;
    const { signal } = this.#stopping;
    for (let last = await feed.last(); ; ) {
      answered();
      const next = await firstOf(api.transitions({ from: last + 1, follow: true, signal }));
      if (next === undefined) return undefined;
      await clock.sleep(MISSING_MS, signal);
      last = await feed.last();
      if (last < next.seq) return last + 1;
    }
  }
}

async function firstOf<T>(values: AsyncIterable<T>): Promise<T | undefined> {
  for await (const value of values) return value;
  return undefined;
}

function publishedByAnother({ seq }: TransitionView): SignalboxError {
  return new SignalboxError("SB_SEQUENCE_CONFLICT", `another publisher was faster with transition ${seq}`);
}
