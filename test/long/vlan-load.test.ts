import { Agent, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { demoScenario } from "../scenario/support/running-system.ts";
import { SharedStores } from "../scenario/support/shared-stores.ts";

/** More than there are VLANs for. */
const CREATIONS = 2_000;
/** What the interface leaves free: 2,501 to 4,000. */
const FREE = 1_500;

describe(`${CREATIONS} creations at once that compete for ${FREE} VLANs`, () => {
  let shared: SharedStores;
  let gateways: GatewayClient[];
  let order: Record<string, unknown>;

  beforeAll(async () => {
    shared = await SharedStores.open();
    // Nothing is built: the gateways give numbers away before any worker begins.
    const processes = await Promise.all(["a", "b"].map((name) => shared.start(name, ["gateway", "actors"])));
    gateways = processes.map(({ url }) => new GatewayClient(url));
    order = await preparedOrder(gateways[0] as GatewayClient);
  });
  afterAll(() => shared.close());

  it("give each VLAN once, all of them, and refuse the rest", async () => {
    // Not `fetch`, which gives up on a connection that is not accepted within 10 s.
    const agent = new Agent({ keepAlive: true, maxSockets: CREATIONS });
    const post = (at: number) =>
      new Promise<number | string>((resolve, reject) => {
        const options = { method: "POST", agent, headers: { "content-type": "application/json" } };
        const sent = request(`${gateways[at % gateways.length]?.url}/v2.0/vpn_gateways`, options, async (response) => {
          const answer = JSON.parse(Buffer.concat(await response.toArray()).toString()) as {
            code?: string;
            vpn_gateway?: { downlink_vlan_id: string };
          };
          resolve(answer.vpn_gateway === undefined ? String(answer.code) : Number(answer.vpn_gateway.downlink_vlan_id));
        });
        sent.on("error", reject);
        sent.end(JSON.stringify({ vpn_gateway: { ...order, name: `gw-${at}`, uplink_vlan_id: String(1_025 + at) } }));
      });
    const outcomes = await Promise.all(Array.from({ length: CREATIONS }, (_, at) => post(at)));
    const counts: Record<string, number> = {};
    for (const each of outcomes) {
      const what = typeof each === "number" ? "made" : each;
      counts[what] = (counts[what] ?? 0) + 1;
    }
    expect(counts).toEqual({ made: FREE, SB_POOL_EXHAUSTED: CREATIONS - FREE });
    agent.destroy();
    const vlans = outcomes.filter((each) => typeof each === "number");
    expect(vlans.toSorted((a, b) => a - b)).toEqual(Array.from({ length: FREE }, (_, at) => 2_501 + at));
    // Those that were refused have left nothing behind.
    for (const client of gateways) expect(await client.list(await client.type("vpn_gateway"))).toHaveLength(FREE);
  }, 240_000);
});

/** Sends what the demo has before its gateway, with an interface that has few VLANs; answers the gateway's fields. */
async function preparedOrder(client: GatewayClient): Promise<Record<string, unknown>> {
  const { requests } = await readScenario(demoScenario);
  let text = JSON.stringify(requests);
  for (let at = 0; at < 15; at += 1) {
    const request = (JSON.parse(text) as typeof requests)[at];
    const [[name, fields] = ["", {}]] = Object.entries(request?.body ?? {}) as Array<[string, Record<string, unknown>]>;
    if (name === "vpn_gateway") return fields;
    const free = fields["link_type"] === "downlink" ? { restricted_vlans: "0-2500,4001-4095" } : {};
    const made = await client.create(await client.type(name), { ...fields, ...free } as never);
    text = text.replaceAll(String(request?.creates), String(made["id"]));
  }
  throw new Error("the demo has no vpn_gateway among its first requests");
}
