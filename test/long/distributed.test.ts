import { connect, Empty } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { followTransitions } from "../../src/cli/follow-transitions.ts";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { replayScenario, settle } from "../../src/cli/replay-scenario.ts";
import { ResourceTracker } from "../../src/cli/resource-tracker.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { ClusterProcesses } from "../scenario/support/cluster-processes.ts";
import { demoScenario } from "../scenario/support/running-system.ts";

let cluster: ClusterProcesses;
beforeAll(async () => {
  cluster = await ClusterProcesses.open();
  await cluster.startEach(2);
});
afterAll(() => cluster.close());

describe("two processes of every role on NATS and etcd", () => {
  it("build a VPN gateway as one process does", { timeout: 120_000 }, async () => {
    const client = new GatewayClient(cluster.url);
    const tracker = new ResourceTracker();
    const stopping = new AbortController();
    const following = (async () => {
      for await (const transition of followTransitions(client, 1, stopping.signal)) tracker.add(transition);
    })();
    try {
      const options = { tracker, timeoutMs: 60_000, onRequest: () => {}, onDone: () => {} };
      await replayScenario(client, await readScenario(demoScenario), options);
      expect(await settle(tracker, 60_000)).toEqual([]);
    } finally {
      stopping.abort();
      await following;
    }
    const routers = await cluster.lab.routers();
    expect(routers.map(({ overview }) => overview.statistics.violations)).toEqual(routers.map(() => []));
    const priorities = routers.map(({ compare }) => /priority (\d+);/.exec(compare)?.[1]);
    expect(priorities.sort()).toEqual(["100", "105"]);
  });

  it("answer the same at every gateway", async () => {
    const gateways = cluster.members.filter(({ role }) => role === "gateway");
    const lists = await Promise.all(
      gateways.map(async ({ url }) => (await fetch(`${url}/v2.0/gw_interfaces`)).json() as Promise<object>),
    );
    expect(lists).toHaveLength(2);
    expect(lists[1]).toEqual(lists[0]);
    expect(JSON.stringify(lists[0])).toContain('"ACTIVE"');
  });

  it("answer over NATS as over HTTP, and tell what has happened", async () => {
    const connection = await connect({ servers: cluster.nats.address });
    try {
      const overNats = await connection.request("signalbox.v2.gw_interfaces.list", Empty, { timeout: 5_000 });
      const overHttp = await (await fetch(`${cluster.url}/v2.0/gw_interfaces`)).json();
      expect(overNats.json()).toEqual(overHttp);
      const page = await connection.request("signalbox.v2.events.replay", JSON.stringify({ from: 1, limit: 1000 }), {
        timeout: 5_000,
      });
      expect(page.string()).toContain('"type":"gw_interface"');
    } finally {
      await connection.close();
    }
  });

  it("tell whether they are ready, each of them", async () => {
    const answers = await Promise.all(cluster.members.map(async ({ url }) => (await fetch(`${url}/readyz`)).status));
    expect(answers).toEqual(cluster.members.map(() => 200));
  });
});
