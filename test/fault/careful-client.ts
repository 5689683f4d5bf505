import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject, TransitionView } from "../../src/actors/gateway-api.ts";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import type { ResourceTracker } from "../../src/cli/resource-tracker.ts";
import { type Scenario, type ScenarioRequest, withRealIds } from "../../src/cli/scenario-file.ts";
import { waitUntilActive } from "../../src/cli/wait-for-resource.ts";
import { keyedPost } from "./keyed-post.ts";
import { isBroken, isNotReady, type Orchestrator } from "./orchestrator.ts";
import { TransitionFollower } from "./transition-follower.ts";

/** How fast a client asks: `paced` waits until what it asked for is ACTIVE, `burst` only until it is answered. */
export type Pace = "paced" | "burst";

/**
 * What a client does when a connection broke before the answer came: `look` whether what it asked for is there, and ask
 * again when it is not; or ask again in any case, with the same idempotency `key`.
 */
export type Retry = "look" | "key";

/** A resource that the client knows to exist. */
export interface Acknowledged {
  readonly type: string;
  readonly id: string;
  /** The id that the scenario has for it. */
  readonly alias: string;
  /** `found`: the answer was lost, and the resource was there when the client looked. */
  readonly how: "answered" | "found";
}

const NOT_READY_MS = 200;

/** Sends the requests of a scenario over HTTP, whatever becomes of the gateway meanwhile. */
export class CarefulClient {
  readonly acknowledged: Acknowledged[] = [];
  /** Times that a request was sent once more. */
  repeated = 0;
  readonly #orchestrator: Orchestrator;
  readonly #follower: TransitionFollower;

  /** @param onTransition told of each transition that is followed */
  constructor(orchestrator: Orchestrator, onTransition: () => void) {
    this.#orchestrator = orchestrator;
    this.#follower = new TransitionFollower((after) => orchestrator.reachable(after), onTransition);
  }

  /** Every transition that was told to a follower, in any life. */
  get followed(): readonly TransitionView[] {
    return this.#follower.followed;
  }

  get tracker(): ResourceTracker {
    return this.#follower.tracker;
  }

  /** Follows the transitions over all lives, each from where the one before broke off. */
  follow(): void {
    this.#follower.start();
  }

  stopFollowing(): Promise<void> {
    return this.#follower.stop();
  }

  /** @throws the first error that is not that of a broken connection */
  async send(
    scenario: Scenario,
    options: { pace: Pace; retry: Retry; timeoutMs: number; sent?: (count: number) => void },
  ): Promise<void> {
    const ids = new Map<string, string>();
    for (const [index, written] of scenario.requests.entries()) {
      const request = withRealIds(written, ids);
      options.sent?.(index + 1);
      const { type, id, how } = await this.#create(
        request,
        options.retry === "key" ? `request-${index + 1}` : undefined,
      );
      ids.set(written.creates ?? "", id);
      this.acknowledged.push({ type, id, alias: written.creates ?? "", how });
      if (options.pace === "paced") await waitUntilActive(this.tracker, type, id, { timeoutMs: options.timeoutMs });
    }
  }

  async #create(
    { path, body }: ScenarioRequest,
    key: string | undefined,
  ): Promise<{ type: string; id: string; how: Acknowledged["how"] }> {
    const [type = "", fields = {}] = Object.entries(body as Record<string, JsonObject>)[0] ?? [];
    let life = 0;
    for (let attempt = 0; ; attempt += 1) {
      const { url, number } = await this.#orchestrator.reachable(life);
      const client = new GatewayClient(url);
      try {
        if (attempt > 0 && key === undefined) {
          const found = await this.#find(client, path, fields);
          if (found !== undefined) return { type, id: found, how: "found" };
        }
        if (attempt > 0) this.repeated += 1;
        const answer: Record<string, JsonObject> =
          key === undefined ? await client.json("POST", path, body) : await keyedPost(`${url}${path}`, key, body);
        return { type, id: String(answer[type]?.id), how: "answered" };
      } catch (thrown) {
        if (!isBroken(thrown)) throw thrown;
        if (isNotReady(thrown)) await sleep(NOT_READY_MS);
        else life = number;
      }
    }
  }

  /** The resource that the fields describe: by its name and all that it refers to, which no other one shares. */
  async #find(client: GatewayClient, path: string, fields: JsonObject): Promise<string | undefined> {
    const telling = Object.entries(fields).flatMap(([name, value]): [string, string][] =>
      typeof value === "string" && value !== "" && (name === "name" || name.endsWith("_id")) ? [[name, value]] : [],
    );
    const answer = await client.json<Record<string, JsonObject[]>>("GET", `${path}?${new URLSearchParams(telling)}`);
    const [found, ...more] = Object.values(answer)[0] ?? [];
    if (more.length > 0)
      throw new Error(`doubled: ${more.length + 1} resources at ${path} are ${JSON.stringify(telling)}`);
    return found === undefined ? undefined : String(found.id);
  }
}
