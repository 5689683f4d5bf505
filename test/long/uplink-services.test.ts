import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario, type ScenarioRequest } from "../../src/cli/scenario-file.ts";
import { FaultySystem } from "../scenario/support/faulty-system.ts";
import {
  type ServiceDevices,
  UPLINK_SERVICES,
  type UplinkService,
  uplinkServiceRequests,
} from "../scenario/support/gateway-services.ts";
import { added, changes, type Lines, linesOf as pairLines, routers } from "../scenario/support/pair-configuration.ts";
import { demoScenario, type TestSystem } from "../scenario/support/running-system.ts";

type Resource = Record<string, unknown>;

const services = Object.keys(UPLINK_SERVICES) as UplinkService[];

/** The demo's requests for devices, and what they are called there. */
async function devices(): Promise<{ requests: readonly ScenarioRequest[]; found: ServiceDevices }> {
  const { requests } = await readScenario(demoScenario);
  const first = requests.findIndex(({ path }) => path === "/v2.0/vpn_services");
  const pairs = requests.filter(({ path }) => path === "/v2.0/ha_interfaces");
  const idOf = (link: string) =>
    pairs.find(({ body }) => JSON.stringify(body).includes(`"link_type":"${link}"`))?.creates;
  return {
    requests: requests.slice(0, first),
    found: { uplink: idOf("uplink") ?? "", downlink: idOf("downlink") ?? "" },
  };
}

/** The router's own scrambling of a key differs from run to run. */
const keyless = (text: string) => text.replaceAll(/(authentication-key) .*/g, "$1 KEY");
const linesOf = (system: TestSystem) => pairLines(system, keyless);

/** What the four resources of a service leave on a router. */
function statements(service: UplinkService, vlan: string, primary: boolean): string[] {
  const number = UPLINK_SERVICES[service];
  const [self, peer, priority] = primary ? [152, 153, 105] : [153, 152, 100];
  const role = primary ? 1 : 2;
  const [up, down] = [`interfaces ge-0/0/1 unit ${220 + number}`, `interfaces ae0 unit ${vlan}`];
  const instance = `routing-instances vrf_gw_sample-ha-router-downlink_${vlan}`;
  const group = `${down} family inet address 172.16.${number}.${self}/24 vrrp-group ${40 + number}`;
  const name = service.toUpperCase();
  const common = [
    `${up} vlan-id ${220 + number}`,
    `${down} apply-groups VPNGW${role}-VRRP`,
    `${down} vlan-id ${vlan}`,
    `${down} family inet filter input FILTER_10M-GA-UP-VPN`,
    `${down} family inet filter output FILTER_10M-GA-DOWN-VPN`,
    `${instance} instance-type virtual-router`,
    `${instance} interface ge-0/0/1.${220 + number}`,
    `${instance} interface ae0.${vlan}`,
    `${group} virtual-address 172.16.${number}.151`,
    `${group} priority ${priority}`,
    `${instance} routing-options static route 198.51.${100 + number}.0/24 next-hop 172.16.${number}.10`,
  ];
  if (service === "interdc") {
    const uplink = `${up} family inet address 198.51.100.${primary ? 2 : 3}/29 vrrp-group 30`;
    return [
      ...common,
      `${up} apply-groups VPNGW${role}-VRRP`,
      `${up} description DC10GVDX`,
      `${down} description interdc_gw`,
      `${uplink} virtual-address 198.51.100.1`,
      `${uplink} priority ${priority}`,
      `${uplink} track interface ae0.${vlan} priority-cost 10`,
      `${group} track interface ge-0/0/1.224 priority-cost 10`,
    ];
  }
  const last = 16 * number + (primary ? 1 : 5);
  const [outer, inner] = [
    `${instance} protocols bgp group ${name}-PE`,
    `${instance} protocols bgp group inet-gw-group`,
  ];
  return [
    ...common,
    `${up} description ${name}_Uplink`,
    `${down} description ${name}_Downlink`,
    `${up} family inet address 192.0.2.${last + 1}/30`,
    `${instance} routing-options router-id 192.0.2.${last + 1}`,
    `${instance} routing-options autonomous-system 65101`,
    `${outer} apply-groups VPNGW${role}-RI-EBGP`,
    `${outer} local-address 192.0.2.${last + 1}`,
    `${outer} peer-as 6462${number}`,
    service === "gcp"
      ? `${outer} neighbor 192.0.2.${last}`
      : `${outer} neighbor 192.0.2.${last} authentication-key KEY`,
    `${inner} apply-groups VPNGW${role}-RI-IBGP`,
    `${inner} local-address 172.16.${number}.${self}`,
    `${inner} peer-as 65101`,
    `${inner} neighbor 172.16.${number}.${peer}`,
  ];
}

describe("gateways with an uplink to AWS, Azure, GCP and another data centre, on one pair", () => {
  let faulty: FaultySystem;
  let system: TestSystem;
  let base: Lines;
  let baseTexts: string[];

  const texts = () => Promise.all(routers.map((name) => system.text(`/lab/routers/${name}/configuration`)));
  const all = async (collection: string): Promise<Resource[]> =>
    (await system.get<Record<string, Resource[]>>(`/v2.0/${collection}`))[collection] ?? [];
  const of = async (service: string, collection: string): Promise<Resource> => {
    const found = (await all(collection)).find(({ name }) => String(name).startsWith(`${service} `));
    if (found === undefined) throw new Error(`there is no ${collection} of ${service}`);
    return found;
  };
  const gatewayOf = (service: UplinkService) => of(service, `${service}_gateways`);

  beforeAll(async () => {
    faulty = await FaultySystem.start({ monitoring: { interval_ms: 200 } });
    system = faulty.system;
    base = await linesOf(system);
    baseTexts = await texts();
    const { requests, found } = await devices();
    await system.replay({ requests: [...requests, ...uplinkServiceRequests(found)] });
  });
  afterAll(async () => {
    await faulty.stop();
  });

  it.each(services)("%s: everything is ACTIVE, and the gateway knows its interfaces and VLANs", async (service) => {
    const gateway = await gatewayOf(service);
    const vlan = gateway["downlink_vlan_id"];
    expect(gateway).toMatchObject({
      status: "ACTIVE",
      vrf_name: `vrf_gw_sample-ha-router-downlink_${String(vlan)}`,
      primary_logical_downlink_interface_name: `ae0.${String(vlan)}`,
      secondary_logical_uplink_interface_name: `ge-0/0/1.${220 + UPLINK_SERVICES[service]}`,
    });
    const uplink = await of(service, `${service}_interfaces`);
    expect(gateway[`connected_${service}_interface`]).toBe(service === "interdc" ? undefined : uplink["id"]);
    for (const each of [uplink, await of(service, "gw_interfaces"), await of(service, "static_routes")])
      expect([each["name"], each["status"]]).toEqual([each["name"], "ACTIVE"]);
    expect((await of(service, "qos_options"))["ha_router_id"]).toBe((await all("ha_routers"))[0]?.["id"]);
  });

  it("leave on both routers what each service has there, and nothing else", async () => {
    const wanted = { "MX-2": [] as string[], "MX-1": [] as string[] };
    for (const service of services) {
      const vlan = String((await gatewayOf(service))["downlink_vlan_id"]);
      for (const name of routers)
        wanted[name].push(...statements(service, vlan, name === "MX-2").map((line) => `set ${line}`));
    }
    expect(added(base, await linesOf(system))).toEqual({
      "MX-2": wanted["MX-2"].sort(),
      "MX-1": wanted["MX-1"].sort(),
    });
    expect(JSON.stringify(await system.get("/lab"))).toContain('"violations":[]');
  });

  it.each(services)(
    "%s: another bandwidth is exactly the two filters, in one commit of each router",
    async (service) => {
      const gateway = await gatewayOf(service);
      const other = (await all("qos_options")).find(({ name }) => name === `${service} 10 Mbit/s INET`);
      const [before, count] = [await linesOf(system), await changes(system)];
      const put = await system.send("PUT", `/v2.0/${service}_gateways/${String(gateway["id"])}`, {
        [`${service}_gateway`]: { qos_option_id: other?.["id"], description: "faster", maximum_static_routes: 8 },
      });
      expect(put.status).toBe(200);
      const key = `/state/v2.0/${service}_gateways/${String(gateway["id"])}`;
      const version = service === "interdc" ? 2 : 3;
      await system.documentsUntil(
        (documents) => (documents.get(key) as { version?: number } | undefined)?.version === version,
      );
      const after = await linesOf(system);
      const filters = (kind: string) =>
        [`input FILTER_10M-GA-UP-${kind}`, `output FILTER_10M-GA-DOWN-${kind}`].map(
          (what) => `set interfaces ae0 unit ${String(gateway["downlink_vlan_id"])} family inet filter ${what}`,
        );
      expect(added(before, after)).toEqual({ "MX-2": filters("INET"), "MX-1": filters("INET") });
      expect(added(after, before)).toEqual({ "MX-2": filters("VPN"), "MX-1": filters("VPN") });
      expect(await changes(system)).toEqual(
        Object.fromEntries(Object.entries(count).map(([name, n]) => [name, n + 1])),
      );
    },
  );

  it.each(services)("%s: a name touches no device", async (service) => {
    const count = await changes(system);
    for (const type of [`${service}_service`, `${service}_interface`, `${service}_gateway`]) {
      const { id, name } = await of(service, `${type}s`);
      const answer = await system.send("PUT", `/v2.0/${type}s/${String(id)}`, {
        [type]: { name: `${String(name)}, renamed`, description: "renamed" },
      });
      expect([type, answer.status]).toEqual([type, 200]);
      const key = `/config/v2.0/${type}s/${String(id)}`;
      await system.documentsUntil((documents) => JSON.stringify(documents.get(key) ?? "").includes("renamed"));
    }
    expect(await changes(system)).toEqual(count);
  });

  it("follow the uplink of the other data centre: who loses it is no longer master of the network behind", async () => {
    const { id } = await of("interdc", "gw_interfaces");
    const key = `/monitoring/v2.0/gw_interfaces/${String(id)}`;
    const shows = (wanted: Resource) =>
      system.documentsUntil((documents) => {
        const { primary, secondary } = (documents.get(key) ?? {}) as Resource;
        return primary === wanted["primary"] && secondary === wanted["secondary"];
      });
    await shows({ primary: "MASTER", secondary: "BACKUP" });
    await faulty.break("routers/MX-2", { kind: "interfaceDown", interface: "ge-0/0/1" });
    await shows({ primary: "BACKUP", secondary: "MASTER" });
    await faulty.heal();
    await shows({ primary: "MASTER", secondary: "BACKUP" });
  });

  it.each(services)("%s: what others are built on cannot be deleted", async (service) => {
    for (const collection of [`${service}_services`, `${service}_gateways`, "qos_options"]) {
      const found = collection === "qos_options" ? undefined : await of(service, collection);
      const id = found?.["id"] ?? (await gatewayOf(service))["qos_option_id"];
      const answer = await system.send("DELETE", `/v2.0/${collection}/${String(id)}`);
      expect([collection, answer.status, answer.body["code"]]).toEqual([collection, 409, "SB_REFERENCED"]);
    }
  });

  it("leave both routers as they were, byte for byte, when all is deleted", async () => {
    for (const service of services.toReversed()) {
      const vlan = String((await gatewayOf(service))["downlink_vlan_id"]);
      const before = await linesOf(system);
      const collections = ["static_routes", "gw_interfaces", `${service}_interfaces`, `${service}_gateways`];
      for (const collection of [...collections, "qos_options", "qos_options", `${service}_services`]) {
        const { id } = await of(service, collection);
        const answer = await system.send("DELETE", `/v2.0/${collection}/${String(id)}`);
        expect([collection, answer.status]).toEqual([collection, 204]);
        await system.until(String(id), ({ state }) => state === "deleted");
      }
      // What the other services have stays.
      const own = statements(service, vlan, true).length;
      expect(added(await linesOf(system), before)["MX-2"]).toHaveLength(own);
    }
    expect(await texts()).toEqual(baseTexts);
  });
});
