import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Body, ResourceView, ViewedResource } from "../../src/catalogue/resource-view.ts";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { replayScenario } from "../../src/cli/replay-scenario.ts";
import type { Scenario } from "../../src/cli/scenario-file.ts";
import { startSystem } from "../../src/cli/start-system.ts";
import { FleetWatch } from "./fleet-watch.ts";

/** The resources of a scenario when it is done, as planning sees them. */
export interface DemoView {
  readonly view: ResourceView;
  readonly all: readonly ViewedResource[];
}

/** Replays a scenario on a fresh system with its lab and takes down what came of it. */
export async function demoView(scenario: Scenario): Promise<DemoView> {
  const data = await mkdtemp(join(tmpdir(), "signalbox-bench-"));
  const http = { host: "127.0.0.1", port: 0 };
  const system = await startSystem({
    data,
    http,
    lab: true,
    timing: "instant",
    plainSecrets: false,
    logLevel: "silent",
  });
  const client = new GatewayClient(system.url);
  const watch = new FleetWatch(client);
  try {
    await replayScenario(client, scenario, {
      tracker: watch.tracker,
      timeoutMs: 60_000,
      onRequest: () => {},
      onDone: () => {},
    });
    const all: ViewedResource[] = [];
    for (const type of await client.types()) {
      for (const body of await client.list(type)) all.push(viewed(type.type, body));
    }
    return { view: viewOf(all), all };
  } finally {
    await watch.stop();
    await system.stop();
    await rm(data, { recursive: true, force: true });
  }
}

function viewed(type: string, body: Body): ViewedResource {
  return {
    type,
    id: String(body["id"]),
    body,
    markedForDeletion: false,
    deletionFailed: false,
    owner: undefined,
    unfinishedJobs: [],
  };
}

function viewOf(all: readonly ViewedResource[]): ResourceView {
  const byKey = new Map(all.map((each) => [`${each.type}/${each.id}`, each]));
  return {
    get: (type, id) => byKey.get(`${type}/${id}`),
    referrers: () => [],
    claimed: () => new Set(),
    holder: () => undefined,
  };
}
