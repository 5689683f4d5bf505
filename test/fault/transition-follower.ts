import type { TransitionView } from "../../src/actors/gateway-api.ts";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { ResourceTracker } from "../../src/cli/resource-tracker.ts";
import { isBroken } from "./orchestrator.ts";

/** A gateway that can be asked, and a number that tells it from those before and after it. */
export interface Reached {
  readonly url: string;
  readonly number: number;
}

/** Follows the transitions over the lives of gateways, each from where the one before broke off. */
export class TransitionFollower {
  /** Every transition that was told, in any life. */
  readonly followed: TransitionView[] = [];
  readonly tracker = new ResourceTracker();
  readonly #reachable: (broken: number) => Promise<Reached>;
  readonly #onTransition: (transition: TransitionView) => void;
  readonly #stopping = new AbortController();
  #following: Promise<void> | undefined;

  /**
   * @param reachable a gateway other than the one of that number, as soon as there is one; rejects when there will be none
   * @param onTransition told of each transition
   */
  constructor(
    reachable: (broken: number) => Promise<Reached>,
    onTransition: (transition: TransitionView) => void = () => {},
  ) {
    this.#reachable = reachable;
    this.#onTransition = onTransition;
  }

  start(): void {
    this.#following = this.#followAll().catch((thrown: unknown) => this.tracker.fail(thrown));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
  }

  async #followAll(): Promise<void> {
    const { signal } = this.#stopping;
    let next = 1;
    for (let broken = 0; !signal.aborted; ) {
      const up = await this.#reachable(broken);
      broken = up.number;
      try {
        for await (const transition of new GatewayClient(up.url).transitions(next, true, signal)) {
          next = transition.seq + 1;
          this.followed.push(transition);
          this.tracker.add(transition);
          this.#onTransition(transition);
        }
      } catch (thrown) {
        if (!isBroken(thrown)) throw thrown;
      }
    }
  }
}
