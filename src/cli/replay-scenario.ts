import type { ResourceView } from "../actors/gateway-api.ts";
import { SignalboxError } from "../errors.ts";
import type { GatewayClient, ResourceType } from "./gateway-client.ts";
import { type ResourceTracker, shortfall } from "./resource-tracker.ts";
import { type Scenario, type ScenarioRequest, withRealIds } from "./scenario-file.ts";
import { waitUntilActive, waitUntilGone } from "./wait-for-resource.ts";

/** How long one request of a scenario took, from sending it until its resource was ACTIVE (or gone). */
export interface ResourceTiming {
  readonly method: string;
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly seconds: number;
}

export interface ReplayOptions {
  readonly tracker: ResourceTracker;
  /** Longest wait for one resource, and for all of them to be UP in the end. */
  readonly timeoutMs: number;
  /** Told before each request: its number from 1 on, of how many, and what it does. */
  readonly onRequest: (number: number, of: number, what: string) => void;
  /** Told of each request that is done, when it was about a resource. */
  readonly onDone: (timing: ResourceTiming) => void;
}

/**
 * Sends the requests of a scenario one at a time, each when what the one before asked for is done.
 * @throws the error of the first request that is refused or does not succeed, with the number of the request in front
 */
export async function replayScenario(client: GatewayClient, scenario: Scenario, options: ReplayOptions): Promise<void> {
  const ids = new Map<string, string>();
  const count = scenario.requests.length;
  for (const [index, written] of scenario.requests.entries()) {
    const request = withRealIds(written, ids);
    options.onRequest(index + 1, count, `${request.method} ${request.path}`);
    try {
      const timing = await perform(client, request, written.creates, ids, options);
      if (timing !== undefined) options.onDone(timing);
    } catch (thrown) {
      if (!(thrown instanceof SignalboxError)) throw thrown;
      const message = `Request ${index + 1} of ${count} (${request.method} ${request.path}): ${thrown.message}`;
      throw new SignalboxError(thrown.code, message, { ...thrown.toJson(), cause: thrown });
    }
  }
}

async function perform(
  client: GatewayClient,
  request: ScenarioRequest,
  creates: string | undefined,
  ids: Map<string, string>,
  options: ReplayOptions,
): Promise<ResourceTiming | undefined> {
  const { tracker, timeoutMs } = options;
  const target = await targetOf(client, request.path);
  const before = target.id === undefined ? 0 : (tracker.resources.get(target.id)?.latest.version ?? 0);
  const started = performance.now();
  const answer = await client.json<Record<string, ResourceView> | undefined>(
    request.method,
    request.path,
    request.body,
  );
  const { type } = target;
  if (type === undefined || request.method === "GET") return undefined;

  const resource = answer?.[type.type];
  const id = target.id ?? (typeof resource?.id === "string" ? resource.id : undefined);
  if (id === undefined) return undefined;
  if (creates !== undefined) ids.set(creates, id);
  const named = tracker.resources.get(id)?.latest.name;
  if (request.method === "DELETE") await waitUntilGone(client, tracker, type, id, { timeoutMs });
  // A retry goes on with the version that failed.
  else if (target.action !== undefined) await waitUntilActive(tracker, type.type, id, { timeoutMs });
  // An update that changes nothing on a device may be done when it is answered, without a version of its own.
  else if (request.method === "POST" || resource?.status !== "ACTIVE") {
    let seen = await waitUntilActive(tracker, type.type, id, { timeoutMs, afterVersion: before });
    // What was seen may have been a version before that of the update, which the gateway made by itself.
    while (request.method === "PUT" && resource?.status !== undefined) {
      if ((await client.get(type, id)).status === "ACTIVE") break;
      seen = await waitUntilActive(tracker, type.type, id, { timeoutMs, afterSeq: seen.seq });
    }
  }
  const name = typeof resource?.name === "string" ? resource.name : (named ?? "");
  return { method: request.method, type: type.type, id, name, seconds: (performance.now() - started) / 1000 };
}

/** The resource type, the resource and the action that a path is about. */
async function targetOf(
  client: GatewayClient,
  path: string,
): Promise<{ type?: ResourceType; id?: string; action?: string }> {
  const found = /^\/v2\.0\/([^/?]+)(?:\/([^/?]+)(?:\/([^/?]+))?)?\/?(?:\?.*)?$/.exec(path);
  const type = (await client.types()).find((each) => each.collection === found?.[1]);
  if (found === null || type === undefined) return {};
  const [, , id, action] = found;
  return {
    type,
    ...(id === undefined ? {} : { id: decodeURIComponent(id) }),
    ...(action === undefined ? {} : { action }),
  };
}

/**
 * Waits until every resource that was seen, dependents included, is ACTIVE and UP. Answers what is still wrong: nothing
 * when all is well, at once what failed, and what is not there when the time is over.
 */
export async function settle(tracker: ResourceTracker, timeoutMs: number): Promise<string[]> {
  const wrong = () => [...tracker.resources.values()].flatMap((each) => shortfall(each) ?? []);
  const failed = () => wrong().some((text) => text.includes(" failed: "));
  try {
    await tracker.until(() => (wrong().length === 0 || failed() ? true : undefined), {
      timeoutMs,
      describe: () => "Not everything is ACTIVE and UP in time.",
    });
  } catch (thrown) {
    if (!(thrown instanceof SignalboxError) || thrown.code !== "SB_TIMEOUT") throw thrown;
  }
  return wrong();
}
