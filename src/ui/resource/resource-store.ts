import { getJson } from "../api.ts";
import type { HistoryStep, ResourceHistory } from "../api-types.ts";
import { followEvents, type StreamState } from "../event-stream.ts";

/** Steps that are shown at most: a resource that flaps for weeks has more. */
const MOST_STEPS = 2_000;

export interface ResourceStoreOptions {
  readonly type: string;
  readonly id: string;
  readonly onChange: () => void;
  readonly onState: (state: StreamState) => void;
}

/**
 * The whole past of a resource, and what comes to it. An event only says that there is more; the steps themselves are asked for from the last
 * one on, so there is no gap however the stream was interrupted.
 */
export class ResourceStore {
  resource: ResourceHistory["resource"] | undefined;
  steps: readonly HistoryStep[] = [];
  more = false;
  error: Error | undefined;
  readonly #options: ResourceStoreOptions;
  readonly #path: string;
  readonly #leaving = new AbortController();
  #stopEvents: () => void = () => {};
  #asking = false;
  /** Position that the feed has told of. */
  #told = 0;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ResourceStoreOptions) {
    this.#options = options;
    this.#path = `/signalbox/v1/resources/${encodeURIComponent(options.type)}/${encodeURIComponent(options.id)}/history`;
    void this.#ask();
  }

  close(): void {
    this.#leaving.abort();
    this.#stopEvents();
    clearTimeout(this.#again);
  }

  get last(): number {
    return this.steps.at(-1)?.seq ?? 0;
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const isFirst = this.resource === undefined;
      const answer = await getJson<ResourceHistory>(
        `${this.#path}?after=${this.last}&limit=${MOST_STEPS}`,
        this.#leaving.signal,
      );
      this.resource = answer.resource;
      this.steps = [...this.steps, ...answer.steps].slice(-MOST_STEPS);
      this.more ||= answer.more;
      this.error = undefined;
      if (isFirst) this.#follow();
    } catch (error) {
      if (this.#leaving.signal.aborted) return;
      this.error = error as Error;
      if (this.resource === undefined) this.#options.onState("lost");
      this.#again = setTimeout(() => void this.#ask(), 1_000);
    } finally {
      this.#asking = false;
      if (!this.#leaving.signal.aborted) this.#options.onChange();
    }
    if (this.error === undefined && this.#told > this.last) await this.#ask();
  }

  #follow(): void {
    const { type, id, onState } = this.#options;
    const query = new URLSearchParams({ type, id, from: String(this.last + 1) });
    this.#stopEvents = followEvents({
      path: `/signalbox/v1/events?${query}`,
      onEvent: ({ name, data }) => {
        if (name !== "transition") return;
        this.#told = Math.max(this.#told, (data as { readonly seq: number }).seq);
        if (this.#told > this.last) void this.#ask();
      },
      onState,
    });
  }
}
