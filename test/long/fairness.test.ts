import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/actors/gateway-api.ts";
import { fleetBaseOf } from "../bench/gateway-fleet.ts";
import { demoScenario, TestSystem } from "../scenario/support/running-system.ts";

const MANY = 800;
const OTHER = "f".repeat(32);
/** A commit with its confirmation. */
const COMMITS = 2;

interface LabPage {
  readonly routers: ReadonlyArray<{ readonly name: string; readonly statistics: { readonly commits: number } }>;
}

describe(`${MANY} orders of one tenant on a router pair`, () => {
  let system: TestSystem;
  beforeAll(async () => {
    system = await TestSystem.start();
    await system.replay(demoScenario);
  });
  afterAll(() => system.stop());

  const transactions = async () => {
    const { routers } = await system.get<LabPage>("/lab");
    const commits = routers.map(({ statistics }) => statistics.commits);
    return Math.max(...commits) / COMMITS;
  };
  const create = async (type: string, fields: JsonObject): Promise<string> => {
    const { status, body } = await system.send("POST", `/v2.0/${type}s`, { [type]: { tenant_id: OTHER, ...fields } });
    expect([status, body]).toEqual([201, expect.anything()]);
    return String((body[type] as { id: string }).id);
  };

  it("keep another tenant's gateway waiting for four transactions at most", async () => {
    const client = system.client();
    const { qosOptionId, vpnServiceId } = await fleetBaseOf(client);
    const [gateway] = await client.list(await client.type("vpn_gateway"));
    const routes = Array.from({ length: MANY }, (_, at) => ({
      name: `route-${at}`,
      service_type: "vpn",
      vpn_gw_id: gateway?.["id"],
      destination: `10.${100 + (at >> 8)}.${at & 255}.0/24`,
      nexthop: "172.16.101.10",
      tenant_id: gateway?.["tenant_id"],
    }));
    // Long enough for all of them to wait while the first are committed.
    const fault = { kind: "slowCommit", ms: 1_500 };
    expect((await system.send("POST", "/lab/routers/MX-1/faults", fault)).status).toBeLessThan(300);
    const { body } = await system.send("POST", "/v2.0/static_routes/bulk", { static_routes: routes });
    const made = body.results as Array<{ status: number }>;
    expect(made.filter(({ status }) => status === 201)).toHaveLength(MANY);

    const id = await create("vpn_gateway", {
      name: "behind",
      local_as_number: "65101",
      qos_option_id: qosOptionId,
      vpn_service_id: vpnServiceId,
      uplink_vlan_id: "77",
    });
    // From when it is accepted, with the transaction that is under way then.
    const before = Math.floor(await transactions());
    await system.until(id, ({ status }) => status === "ACTIVE");
    const passed = (await transactions()) - before;
    const waiting = (await client.list(await client.type("static_route"))).filter(({ status }) => status !== "ACTIVE");
    expect(passed).toBeLessThanOrEqual(4);
    expect(waiting.length).toBeGreaterThan(MANY / 4);
    expect((await system.send("DELETE", "/lab/routers/MX-1/faults")).status).toBeLessThan(300);
  });
});
