import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ROLES } from "../../src/actors/cluster/shares.ts";
import { followTransitions } from "../../src/cli/follow-transitions.ts";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { replayScenario, settle } from "../../src/cli/replay-scenario.ts";
import { ResourceTracker } from "../../src/cli/resource-tracker.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { demoScenario } from "../scenario/support/running-system.ts";
import { SharedStores } from "../scenario/support/shared-stores.ts";

let shared: SharedStores;
beforeEach(async () => {
  shared = await SharedStores.open();
});
afterEach(() => shared.close());

/** Sends the scenario, then everything in reverse; each request to the next of the gateways. */
async function replay(urls: readonly string[], withDeletions: boolean): Promise<void> {
  const [first = ""] = urls;
  const client = new GatewayClient(first);
  const tracker = new ResourceTracker();
  const stopping = new AbortController();
  const following = (async () => {
    for await (const transition of followTransitions(client, 1, stopping.signal)) tracker.add(transition);
  })();
  const scenario = await readScenario(demoScenario);
  const deletions = [...scenario.requests]
    .reverse()
    .map(({ path, creates }) => ({ method: "DELETE", path: `${path}/${creates}` }));
  const requests = withDeletions ? [...scenario.requests, ...deletions] : scenario.requests;
  try {
    const options = { tracker, timeoutMs: 20_000, onRequest: () => {}, onDone: () => {} };
    await replayScenario(client, { ...scenario, requests } as typeof scenario, options);
    expect(await settle(tracker, 20_000)).toEqual([]);
  } finally {
    stopping.abort();
    await following;
  }
}

/** Resolves when no document but the program's own is left. */
async function nothingLeft(): Promise<void> {
  const { documents } = shared.stores;
  const left = new Set<string>();
  const stopping = new AbortController();
  for await (const { key, value } of documents.watch("/", { fromRevision: 1, signal: stopping.signal })) {
    if (value === null) left.delete(key);
    else if (!key.startsWith("/signalbox/")) left.add(key);
    if (left.size === 0 && (await documents.range("/")).every((each) => each.key.startsWith("/signalbox/"))) break;
  }
  stopping.abort();
}

const state = async (url: string) => (await (await fetch(`${url}/lab`)).json()) as object;
const compare = async (url: string, router: string) => (await fetch(`${url}/lab/routers/${router}/compare`)).text();

describe("two processes of every role", () => {
  it("build a VPN gateway and take it away, as one process does", async () => {
    const gateway = await shared.start("gateway-1", ["gateway"]);
    await shared.start("gateway-2", ["gateway"]);
    for (const role of ROLES.filter((each) => each !== "gateway")) {
      await shared.start(`${role}-1`, [role]);
      await shared.start(`${role}-2`, [role]);
    }
    await replay([gateway.url], true);
    expect(JSON.stringify(await state(gateway.url))).toContain('"violations":[]');
    expect(await compare(gateway.url, "MX-1")).toBe("");
    expect(await compare(gateway.url, "MX-2")).toBe("");
    await nothingLeft();
  });

  it("go on when processes leave and others come in the middle of it", async () => {
    const gateway = await shared.start("gateway-1", ["gateway"]);
    let working = await shared.start("working-0", ["actors", "worker", "monitor", "projector"]);
    const stopping = new AbortController();
    const replaying = replay([gateway.url], false).finally(() => stopping.abort());
    // At every fifth transition another process takes over.
    let transitions = 0;
    let swaps = 0;
    for await (const _transition of followTransitions(new GatewayClient(gateway.url), 1, stopping.signal)) {
      transitions += 1;
      if (transitions % 5 > 0) continue;
      swaps += 1;
      const next = await shared.start(`working-${swaps}`, ["actors", "worker", "monitor", "projector"]);
      await working.stop();
      working = next;
    }
    await replaying;
    expect(swaps).toBeGreaterThan(10);
    expect(JSON.stringify(await state(gateway.url))).toContain('"violations":[]');
  });
});
