import { followTransitions } from "../../src/cli/follow-transitions.ts";
import type { GatewayClient } from "../../src/cli/gateway-client.ts";
import { ResourceTracker, shortfall } from "../../src/cli/resource-tracker.ts";

/** Follows all transitions of a system and knows what is not yet ACTIVE and UP. */
export class FleetWatch {
  readonly tracker = new ResourceTracker();
  readonly #leaving = new AbortController();
  readonly #following: Promise<void>;
  /** Why, by the ids of those that are not. */
  readonly #short = new Map<string, string>();
  #transitions = 0;
  #latest = "";

  constructor(client: GatewayClient) {
    this.#following = this.#follow(client).catch((thrown: unknown) => this.tracker.fail(thrown));
  }

  get transitions(): number {
    return this.#transitions;
  }

  /** One of the reasons why not all is well; undefined when it is. */
  get trouble(): string | undefined {
    for (const reason of this.#short.values()) return reason;
    return undefined;
  }

  /**
   * Resolves when so many resources are there and each is ACTIVE and UP.
   * @throws SB_TIMEOUT; an error that says which resource failed
   */
  async allUp(resources: number, timeoutMs: number): Promise<void> {
    const look = () => {
      this.#refresh();
      const { trouble } = this;
      if (trouble?.includes(" failed: ")) throw new Error(trouble);
      return this.tracker.resources.size >= resources && trouble === undefined ? true : undefined;
    };
    const describe = () =>
      `${this.tracker.resources.size} of ${resources} resources, ${this.#short.size} not UP, such as: ${this.trouble}`;
    await this.tracker.until(look, { timeoutMs, describe });
  }

  async stop(): Promise<void> {
    this.#leaving.abort();
    await this.#following;
  }

  async #follow(client: GatewayClient): Promise<void> {
    for await (const transition of followTransitions(client, 1, this.#leaving.signal)) {
      this.#transitions += 1;
      this.#latest = transition.id;
      this.tracker.add(transition);
      this.#refresh();
    }
  }

  /** Looks again at the resource of the latest transition. */
  #refresh(): void {
    const tracked = this.tracker.resources.get(this.#latest);
    const reason = tracked === undefined ? undefined : shortfall(tracked);
    if (reason === undefined) this.#short.delete(this.#latest);
    else this.#short.set(this.#latest, reason);
  }
}
