import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DryRun } from "../../src/actors/dry-run/dry-run.ts";
import { emptyConfiguration } from "../../src/lab/junos/config-node.ts";
import { applyXml } from "../../src/lab/junos/edit-xml.ts";
import { applySet, renderSet } from "../../src/lab/junos/set-lines.ts";
import { parseXml } from "../../src/xml/element.ts";
import { type Order, ordersAfter, type Resource, withId } from "./support/demo-orders.ts";
import { TestSystem } from "./support/running-system.ts";

const ROUTERS = { "MX-1": "10.79.5.184", "MX-2": "10.79.5.185" } as const;

let system: TestSystem;
/** The demo's requests from the VPN interface on. */
let orders: Order[];

beforeAll(async () => {
  system = await TestSystem.start();
  orders = await ordersAfter(system, 15);
});
afterAll(() => system.stop());

async function dry(method: string, path: string, body?: unknown): Promise<DryRun> {
  const answer = await system.send(method, `${path}?dry_run=true`, body);
  expect(answer).toMatchObject({ status: 200 });
  return answer.body["dry_run"] as DryRun;
}

/** What each router has, as lines of `set` without the texts of secrets. */
async function configurations(): Promise<Record<string, string[]>> {
  const pages = Object.entries(ROUTERS).map(async ([name, address]) => {
    return [address, linesOf(await system.text(`/lab/routers/${name}/configuration`))] as const;
  });
  return Object.fromEntries(await Promise.all(pages));
}

const linesOf = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.replace(/ authentication-key .*/, " authentication-key SECRET"))
    .sort();

/** What the routers would have after what a dry run shows. */
function afterSending(before: Record<string, string[]>, { devices }: DryRun): Record<string, string[]> {
  const entries = Object.entries(before).map(([address, lines]) => {
    let { tree } = applySet(emptyConfiguration, lines.join("\n"));
    for (const { router, configuration } of devices) {
      if (router === address) ({ tree } = applyXml(tree, parseXml(configuration)));
    }
    return [address, linesOf(renderSet(tree).join("\n"))] as const;
  });
  return Object.fromEntries(entries);
}

/** A VPN interface, made or deleted, is a new version of its gateway, a little later. */
const INTERFACES = "/v2.0/vpn_interfaces";
async function gatewayKnows(wanted: number): Promise<void> {
  const [gateway] = (await system.get<{ vpn_gateways: Resource[] }>("/v2.0/vpn_gateways")).vpn_gateways;
  await system.until(
    String(gateway?.["id"]),
    ({ version, status, state }) => version === wanted && status === "ACTIVE" && state.endsWith("_completed"),
  );
}

const complete = ({ status }: { status: string | null }) => status === "ACTIVE";

describe("a dry run", () => {
  it("of every creation shows what is then sent to the routers, and does nothing", async () => {
    const made: Array<{ path: string; id: string }> = [];
    let left = orders;
    for (let order = left[0]; order !== undefined; order = left[0]) {
      const { path, body } = order;
      const before = await configurations();
      const shown = await dry("POST", path, body);
      expect(await configurations()).toEqual(before);
      expect(JSON.stringify(shown)).not.toMatch(/sb[123]~|demo-key/);

      const { status, body: answer } = await system.send("POST", path, body);
      expect(status).toBe(201);
      const [resource] = Object.values(answer) as Resource[];
      const id = String(resource?.["id"]);
      await system.until(id, complete);
      if (path === INTERFACES) await gatewayKnows(2);
      expect(await configurations()).toEqual(afterSending(before, shown));
      // The resource, but for its id and its states, is the one that was shown.
      const { id: shownId, ...wanted } = shown.resource;
      expect(shownId).toMatch(/^\(id of the new /);
      const states = ["status", "operational_state", "orchestration_state"];
      const fields = Object.entries(wanted).filter(([name]) => !states.includes(name));
      for (const [name, value] of fields) {
        if (JSON.stringify(value)?.includes("(")) expect(resource?.[name]).not.toEqual(value);
        else expect([name, resource?.[name]]).toEqual([name, value]);
      }
      made.push({ path, id });
      left = withId(left.slice(1), order, id);
    }
    expect(made.length).toBe(5);

    // And back again, last one first.
    for (const { path, id } of made.toReversed()) {
      const before = await configurations();
      const shown = await dry("DELETE", `${path}/${id}`);
      expect(await configurations()).toEqual(before);
      expect(shown.jobs.map(({ action }) => action)).toEqual(Array(shown.jobs.length).fill("delete"));
      expect((await system.send("DELETE", `${path}/${id}`)).status).toBe(204);
      for (const { resource } of [...shown.dependents, shown]) {
        await system.until(String(resource["id"]), ({ state }) => state === "deleted");
      }
      if (path === INTERFACES) await gatewayKnows(3);
      expect(await configurations()).toEqual(afterSending(before, shown));
    }
  });

  it("of a resource with dependents says what they are, what is taken and what waits for what", async () => {
    const shown = await dry("POST", "/v2.0/vpn_gateways", await secondGateway());
    expect(shown.allocations).toEqual([
      {
        action: "take",
        type: "vpn_gateway",
        id: "(id of the new vpn_gateway)",
        field: "downlink_vlan_id",
        value: "1026",
        pool: { type: "ha_interface", id: expect.any(String), name: "vlan" },
        chosen: true,
      },
      expect.objectContaining({ field: "uplink_vlan_id", value: "3100", chosen: false }),
    ]);
    expect(shown.jobs.map(({ name, handler, waits_for }) => [name, handler, waits_for])).toEqual([
      ["jobs/0", "heat_worker", []],
      ["jobs/1", "monitoring_worker", ["jobs/0"]],
    ]);
    // The number was not held: the next one who asks is shown the same.
    expect((await dry("POST", "/v2.0/vpn_gateways", await secondGateway())).allocations).toEqual(shown.allocations);
  });

  it("of a subnet names its DHCP port and calls what comes of new ids by name", async () => {
    const network = { network: { name: "n", tenant_id: "b3e3095c0a5b4383805efe9cf2a6b5ef" } };
    const { body } = await system.send("POST", "/v2.0/networks", network);
    const { id } = body["network"] as { id: string };
    const subnet = { network_id: id, cidr: "10.9.0.0/24", tenant_id: "b3e3095c0a5b4383805efe9cf2a6b5ef" };
    const shown = await dry("POST", "/v2.0/subnets", { subnet });
    expect(shown.resource).toMatchObject({ gateway_ip: "10.9.0.1", status: "PENDING_CREATE" });
    expect(shown.dependents).toMatchObject([
      { type: "port", resource: { id: "(id of the new port)", device_id: "(id of the new subnet)", status: "ACTIVE" } },
    ]);
    const port = { network_id: id, fixed_ips: [], tenant_id: "b3e3095c0a5b4383805efe9cf2a6b5ef" };
    // A MAC address is derived from the id.
    expect((await dry("POST", "/v2.0/ports", { port })).resource).toMatchObject({
      mac_address: "(made when it is created)",
    });
  });

  it("of a change shows only what changes, and nothing for a change of nothing", async () => {
    const [gateway] = (await system.get<{ vpn_gateways: Resource[] }>("/v2.0/vpn_gateways")).vpn_gateways;
    const path = `/v2.0/vpn_gateways/${gateway?.["id"]}`;
    const named = await dry("PUT", path, { vpn_gateway: { name: "other" } });
    expect([named.resource["name"], named.jobs.map(({ action }) => action)]).toEqual([
      "other",
      ["delete", "modify", "create"],
    ]);
    expect((await dry("PUT", path, { vpn_gateway: { name: gateway?.["name"] } })).jobs).toEqual([]);
    expect((await system.get<{ vpn_gateway: Resource }>(path)).vpn_gateway).toEqual(gateway);
  });

  it("is refused as the change itself is, with the same words", async () => {
    const gateway = await secondGateway();
    const [first] = (await system.get<{ vpn_gateways: Resource[] }>("/v2.0/vpn_gateways")).vpn_gateways;
    const routers = (await system.get<{ edge_routers: Resource[] }>("/v2.0/edge_routers")).edge_routers;
    const router = `/v2.0/edge_routers/${routers[0]?.["id"]}`;
    const taken = { vpn_gateway: { ...gateway.vpn_gateway, uplink_vlan_id: first?.["uplink_vlan_id"] } };
    for (const [method, path, body, status] of [
      ["POST", "/v2.0/vpn_gateways", taken, 409],
      ["POST", "/v2.0/edge_routers", { edge_router: { colour: 1 } }, 400],
      ["POST", "/v2.0/gw_interfaces", orders.find(({ path }) => path.endsWith("gw_interfaces"))?.body, 400],
      ["PUT", router, { edge_router: { ip: "10.0.0.1" } }, 400],
      ["DELETE", router, undefined, 409],
      ["DELETE", "/v2.0/edge_routers/none", undefined, 404],
      ["POST", `${router}/retry`, undefined, 409],
    ] as const) {
      const [shown, done] = [
        await system.send(method, `${path}?dry_run=true`, body),
        await system.send(method, path, body),
      ];
      expect([path, shown.status]).toEqual([path, status]);
      expect(shown.body).toEqual({ ...done.body, request_id: shown.body["request_id"] });
    }
    expect((await system.send("POST", "/v2.0/vpn_gateways?dry_run=perhaps", gateway)).status).toBe(400);
    expect((await system.send("POST", "/v2.0/vpn_gateways?dryrun=true", gateway)).status).toBe(400);
  });
});

async function secondGateway(): Promise<{ vpn_gateway: Resource }> {
  const [first] = (await system.get<{ vpn_gateways: Resource[] }>("/v2.0/vpn_gateways")).vpn_gateways;
  const { vpn_service_id, qos_option_id, local_as_number, tenant_id } = first ?? {};
  return {
    vpn_gateway: { name: "second", uplink_vlan_id: "3100", vpn_service_id, qos_option_id, local_as_number, tenant_id },
  };
}
