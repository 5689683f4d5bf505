import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario, type ScenarioRequest } from "../../src/cli/scenario-file.ts";
import { internetRequests, publicIp, TENANT } from "../scenario/support/internet-requests.ts";
import { added, changes, type Lines, linesOf, routers } from "../scenario/support/pair-configuration.ts";
import { demoScenario, TestSystem } from "../scenario/support/running-system.ts";

type Resource = Record<string, unknown>;

const PREFIXES = "vrf_gw_sample-ha-router-downlink_1025_prefix";

/** The demo's requests for devices, and those of an Internet service on them. */
async function requests(): Promise<ScenarioRequest[]> {
  const { requests: demo } = await readScenario(demoScenario);
  const first = demo.findIndex(({ path }) => path === "/v2.0/vpn_services");
  const downlink = demo.find(({ body }) => JSON.stringify(body).includes('"link_type":"downlink"'))?.creates ?? "";
  const router = demo.find(({ path }) => path === "/v2.0/ha_routers")?.creates ?? "";
  return [...demo.slice(0, first), ...internetRequests({ router, downlink })];
}

const texts = (system: TestSystem) =>
  Promise.all(routers.map((name) => system.text(`/lab/routers/${name}/configuration`)));

const oneMore = (count: Record<string, number>) =>
  Object.fromEntries(Object.entries(count).map(([name, n]) => [name, n + 1]));

async function all(system: TestSystem, collection: string): Promise<Resource[]> {
  return (await system.get<Record<string, Resource[]>>(`/v2.0/${collection}`))[collection] ?? [];
}

/** The only resource of a collection. */
async function only(system: TestSystem, collection: string): Promise<Resource> {
  const list = await all(system, collection);
  expect([collection, list.length]).toEqual([collection, 1]);
  return list[0] ?? {};
}

/** Creates a resource and waits until it is ACTIVE; what was refused is the answer. */
async function create(system: TestSystem, type: string, fields: Resource): Promise<Resource> {
  const { status, body } = await system.send("POST", `/v2.0/${type}s`, { [type]: fields });
  if (status !== 201) return { refused: status, ...body };
  const made = body[type] as Resource;
  if (made["status"] !== undefined) await system.until(String(made["id"]), ({ status: now }) => now === "ACTIVE");
  return made;
}

async function remove(system: TestSystem, collection: string, id: unknown): Promise<void> {
  const answer = await system.send("DELETE", `/v2.0/${collection}/${String(id)}`);
  expect([collection, answer.status]).toEqual([collection, 204]);
  await system.until(String(id), ({ state }) => state === "deleted");
}

/** The blocks of a pool that its bitmap shows as free, as a text of one character for each address. */
function shownState(pool: Resource): string {
  return [...Buffer.from(String(pool["pool_state"]), "base64")]
    .map((byte) => byte.toString(2).padStart(8, "0"))
    .join("");
}

/** Waits until the document of the only pool counts so many addresses; answers its body. */
async function poolWith(system: TestSystem, available: number): Promise<Resource> {
  const bodies = (documents: ReadonlyMap<string, unknown>) =>
    [...documents].flatMap(([key, value]) =>
      key.startsWith("/config/v2.0/public_ip_pools/") ? [(value as { body: Resource }).body] : [],
    );
  const documents = await system.documentsUntil((now) => bodies(now)[0]?.["addresses_available"] === available);
  return bodies(documents)[0] ?? {};
}

/** What an Internet gateway, a block of addresses, an interface and a route leave on a router. */
function statements(primary: boolean): string[] {
  const [self, peer, priority] = primary ? [152, 153, 105] : [153, 152, 100];
  const [role, group] = primary ? [1, 2] : [2, 1];
  const name = "vrf_gw_sample-ha-router-downlink_1025";
  const unit = "interfaces ae0 unit 1025";
  const vrrp = `${unit} family inet address 172.16.50.${self}/24 vrrp-group 50`;
  const policy = `policy-options policy-statement UPLINK-INET-IN term ${name}`;
  const term = (way: string) => `firewall family inet filter EDGE-INET-${way} term ${name}_filter`;
  const bgp = `routing-instances ${name} protocols bgp group inet-gw-group`;
  return [
    `${unit} apply-groups InetGW${role}-VRRP`,
    `${unit} description inet_gw`,
    `${unit} vlan-id 1025`,
    `${unit} family inet filter input FILTER_10M-GA-UP-INET`,
    `${unit} family inet filter output FILTER_10M-GA-DOWN-INET`,
    `${vrrp} virtual-address 172.16.50.151`,
    `${vrrp} priority ${priority}`,
    `policy-options prefix-list ${name}_prefix 203.0.113.0/29`,
    `${policy} from instance ${name}`,
    `${policy} then accept`,
    `${term("IN")} from destination-prefix-list ${name}_prefix`,
    `${term("IN")} then count ${name}_IN`,
    `${term("IN")} then accept`,
    `${term("OUT")} from source-prefix-list ${name}_prefix`,
    `${term("OUT")} then count ${name}_OUT`,
    `${term("OUT")} then accept`,
    `routing-instances ${name} instance-type virtual-router`,
    `routing-instances ${name} interface ae0.1025`,
    `routing-instances ${name} routing-options instance-import TENANT-INET-IN`,
    `routing-instances ${name} routing-options instance-export TENANT-INET-OUT`,
    `routing-instances ${name} routing-options static route 203.0.113.0/29 next-hop 172.16.50.10`,
    `${bgp} apply-groups InetGW${group}-RI-IBGP`,
    `${bgp} local-address 172.16.50.${self}`,
    `${bgp} neighbor 172.16.50.${peer}`,
  ].map((line) => `set ${line}`);
}

describe("an Internet gateway from POST to routers and back", () => {
  let system: TestSystem;
  let base: Lines;
  let baseTexts: string[];
  let gateway: Resource;

  beforeAll(async () => {
    system = await TestSystem.start();
    [base, baseTexts] = [await linesOf(system), await texts(system)];
    await system.replay({ requests: await requests() });
    gateway = await only(system, "internet_gateways");
  });
  afterAll(async () => {
    await system.stop();
  });

  it("knows its interface and VLAN, and everything on it is ACTIVE", async () => {
    expect(gateway).toMatchObject({
      status: "ACTIVE",
      vlan_id: "1025",
      vrf_name: "vrf_gw_sample-ha-router-downlink_1025",
      primary_logical_interface_name: "ae0.1025",
      secondary_logical_interface_name: "ae0.1025",
    });
    for (const collection of ["public_ips", "gw_interfaces", "static_routes"])
      expect([collection, (await only(system, collection))["status"]]).toEqual([collection, "ACTIVE"]);
    const { id } = await only(system, "ha_routers");
    for (const qos of await all(system, "qos_options")) expect(qos["ha_router_id"]).toBe(id);
  });

  it("has the lowest free block of the service's pool, which shows what is left; the route knows the block that it leads to", async () => {
    const pool = await only(system, "public_ip_pools");
    const address = await only(system, "public_ips");
    expect(address).toMatchObject({ cidr: "203.0.113.0/29", ip_pool_id: pool["id"] });
    expect((await only(system, "static_routes"))["public_ip_id"]).toBe(address["id"]);
    expect((await only(system, "gw_interfaces"))["public_ip_id"] ?? null).toBeNull();
    expect(shownState(await poolWith(system, 16))).toBe("11111111000000001111111100000000");
  });

  it("is on both routers with all that belongs to it, and nothing else", async () => {
    expect(added(base, await linesOf(system))).toEqual({
      "MX-2": statements(true).sort(),
      "MX-1": statements(false).sort(),
    });
    expect(JSON.stringify(await system.get("/lab"))).toContain('"violations":[]');
  });

  it("counts before the filters accept everything", async () => {
    for (const text of await texts(system)) {
      const terms = [...text.matchAll(/ filter (EDGE-INET-\w+) term (\S+) then accept$/gm)];
      expect(terms.map(([, filter, term]) => `${filter} ${term}`)).toEqual([
        "EDGE-INET-IN vrf_gw_sample-ha-router-downlink_1025_filter",
        "EDGE-INET-IN all-accept",
        "EDGE-INET-OUT vrf_gw_sample-ha-router-downlink_1025_filter",
        "EDGE-INET-OUT all-accept",
      ]);
    }
  });

  it("is monitored through its counters on both routers", async () => {
    const path = `v2.0/internet_gateways/${String(gateway["id"])}`;
    const { state } = (await system.documents()).get(`/state/${path}`) as { state: { state_monitoring: string } };
    expect(JSON.parse(state.state_monitoring)).toEqual({
      downlink: "ACTIVE",
      counter_in_primary: "ACTIVE",
      counter_out_primary: "ACTIVE",
      counter_in_secondary: "ACTIVE",
      counter_out_secondary: "ACTIVE",
    });
  });

  it("with another bandwidth has exactly the two other filters, in one commit of each router", async () => {
    const other = (await all(system, "qos_options")).find(({ name }) => name === "internet 10 Mbit/s VPN");
    const [before, count] = [await linesOf(system), await changes(system)];
    const path = `/v2.0/internet_gateways/${String(gateway["id"])}`;
    const put = await system.send("PUT", path, {
      internet_gateway: { qos_option_id: other?.["id"], description: "slower", maximum_static_routes: 8 },
    });
    expect(put.status).toBe(200);
    await system.documentsUntil(
      (documents) => (documents.get(`/state${path}`) as Resource | undefined)?.["version"] === 2,
    );
    const after = await linesOf(system);
    const filters = (kind: string) =>
      [`input FILTER_10M-GA-UP-${kind}`, `output FILTER_10M-GA-DOWN-${kind}`].map(
        (what) => `set interfaces ae0 unit 1025 family inet filter ${what}`,
      );
    expect(added(before, after)).toEqual({ "MX-2": filters("VPN"), "MX-1": filters("VPN") });
    expect(added(after, before)).toEqual({ "MX-2": filters("INET"), "MX-1": filters("INET") });
    expect(await changes(system)).toEqual(oneMore(count));
  });

  it("can be renamed without touching a device, and so can all that belongs to it", async () => {
    const count = await changes(system);
    for (const type of ["internet_service", "internet_gateway", "public_ip", "suspended_public_ip"]) {
      const { id } = await only(system, `${type}s`);
      const answer = await system.send("PUT", `/v2.0/${type}s/${String(id)}`, { [type]: { name: "renamed" } });
      expect([type, answer.status]).toEqual([type, 200]);
      const key = `/config/v2.0/${type}s/${String(id)}`;
      await system.documentsUntil((documents) => JSON.stringify(documents.get(key) ?? "").includes("renamed"));
    }
    expect(await changes(system)).toEqual(count);
  });

  it("gets what is held back only by its name, and only for the tenant that had it", async () => {
    const held = await only(system, "suspended_public_ips");
    const ask = (more: Record<string, string>) => create(system, "public_ip", publicIp(gateway["id"], more));
    expect(await ask({ cidr: "203.0.113.16/29" })).toMatchObject({ refused: 409, code: "SB_UNIQUE_TAKEN" });
    expect(await ask({ cidr: "203.0.113.16/28" })).toMatchObject({ refused: 400, code: "SB_INVALID_BODY" });
    const before = await linesOf(system);
    const mine = await ask({ suspended_public_ip_id: String(held["id"]) });
    expect(mine).toMatchObject({ cidr: "203.0.113.16/29", ip_pool_id: held["ip_pool_id"] });
    const line = `set policy-options prefix-list ${PREFIXES} 203.0.113.16/29`;
    expect(added(before, await linesOf(system))).toEqual({ "MX-2": [line], "MX-1": [line] });
    expect(await ask({ suspended_public_ip_id: String(held["id"]) })).toMatchObject({
      refused: 409,
      code: "SB_UNIQUE_TAKEN",
    });
    const answer = await system.send("DELETE", `/v2.0/suspended_public_ips/${String(held["id"])}`);
    expect([answer.status, answer.body["code"]]).toEqual([409, "SB_REFERENCED"]);
    await remove(system, "public_ips", mine["id"]);
    expect(added(base, await linesOf(system))["MX-2"]).not.toContain(line);
    // It is held back all the while.
    expect(shownState(await poolWith(system, 16))).toBe("11111111000000001111111100000000");
  });

  it("keeps what it is built on", async () => {
    const used = async (collection: string, id: unknown) => {
      const answer = await system.send("DELETE", `/v2.0/${collection}/${String(id)}`);
      expect([collection, answer.status, answer.body["code"]]).toEqual([collection, 409, "SB_REFERENCED"]);
    };
    await used("internet_services", gateway["internet_service_id"]);
    await used("internet_gateways", gateway["id"]);
    for (const collection of ["public_ip_pools", "public_ips"])
      await used(collection, (await only(system, collection))["id"]);
  });

  it("leaves both routers as they were, byte for byte, when all is deleted", async () => {
    const order = ["static_routes", "gw_interfaces", "public_ips", "suspended_public_ips"];
    for (const collection of order) await remove(system, collection, (await only(system, collection))["id"]);
    expect(shownState(await poolWith(system, 32))).toBe("0".repeat(32));
    const left = statements(true).filter((line) => /address|inet-gw-group|static route|_prefix 203/.test(line)).length;
    expect(added(base, await linesOf(system))["MX-2"]).toContain(`set policy-options prefix-list ${PREFIXES}`);
    expect(added(base, await linesOf(system))["MX-2"]).toHaveLength(statements(true).length - left + 1);
    await remove(system, "internet_gateways", gateway["id"]);
    for (const { id } of await all(system, "qos_options")) await remove(system, "qos_options", id);
    for (const collection of ["public_ip_pools", "internet_services"])
      await remove(system, collection, (await only(system, collection))["id"]);
    expect(await texts(system)).toEqual(baseTexts);
  });
});

describe("several Internet gateways at once", () => {
  it("never share an address, however their requests come together, and give back what they had", async () => {
    const system = await TestSystem.start();
    try {
      const withoutBlocks = (await requests()).filter(
        ({ path }) => !/public_ips|gw_interfaces|static_routes/.test(path),
      );
      await system.replay({ requests: withoutBlocks });
      const first = await only(system, "internet_gateways");
      const alone = await texts(system);
      const second = await create(system, "internet_gateway", {
        name: "another",
        tenant_id: TENANT,
        internet_service_id: first["internet_service_id"],
        qos_option_id: first["qos_option_id"],
      });
      const before = await texts(system);
      const ask = (gateway: Resource, length: number) =>
        create(system, "public_ip", publicIp(gateway["id"], { submask_length: length }));
      // 32 addresses: a /28, three /30 and four /32 are 32 with no room to spare only when every block is aligned.
      const lengths = [30, 32, 28, 32, 30, 32, 30, 32];
      const made = await Promise.all(lengths.map((length, at) => ask(at % 2 === 0 ? first : second, length)));
      const numbers = made.flatMap(({ cidr }) => {
        const [address = "", length = ""] = String(cidr).split("/");
        const start = Number(address.split(".")[3]);
        expect(start % 2 ** (32 - Number(length))).toBe(0);
        return Array.from({ length: 2 ** (32 - Number(length)) }, (_, at) => start + at);
      });
      expect(made.map(({ refused }) => refused)).toEqual(lengths.map(() => undefined));
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(Math.max(...numbers)).toBeLessThan(32);
      const pool = await poolWith(system, 32 - numbers.length);
      expect(shownState(pool)).toBe(Array.from({ length: 32 }, (_, at) => (numbers.includes(at) ? "1" : "0")).join(""));

      const none = await ask(first, 28);
      expect(none).toMatchObject({ refused: 409, code: "SB_POOL_EXHAUSTED" });
      expect(String(none["detail"])).toContain(`public_ip_pool ${String(pool["id"])}`);
      expect(await ask(first, 27)).toMatchObject({ refused: 400, code: "SB_INVALID_BODY" });

      for (const { id } of made) await remove(system, "public_ips", id);
      expect(shownState(await poolWith(system, 32))).toBe("0".repeat(32));
      expect(await texts(system)).toEqual(before);
      const whole = await ask(second, 28);
      expect(whole["cidr"]).toBe("203.0.113.0/28");
      await remove(system, "public_ips", whole["id"]);
      await remove(system, "internet_gateways", second["id"]);
      expect(await texts(system)).toEqual(alone);
      expect(JSON.stringify(await system.get("/lab"))).toContain('"violations":[]');
    } finally {
      await system.stop();
    }
  });
});

describe("an Internet gateway of a service whose filter does not end in accepting everything", () => {
  it("fails, says why, and leaves nothing on the routers", async () => {
    const system = await TestSystem.start();
    try {
      const base = await texts(system);
      const devices = (await requests()).filter(
        ({ path }) => !/internet_|public_ip|gw_interfaces|static_routes/.test(path),
      );
      await system.replay({ requests: devices.filter(({ path }) => path !== "/v2.0/qos_options") });
      const [downlink] = (await all(system, "ha_interfaces")).filter((each) => each["link_type"] === "downlink");
      const service = await create(system, "internet_service", {
        downlink_interfaces: [downlink?.["id"]],
        vrf_import_policy: "TENANT-INET-IN",
        vrf_export_policy: "TENANT-INET-OUT",
        uplink_import_policy: "UPLINK-INET-IN",
        inet_in_filter: "EDGE-IN",
        inet_out_filter: "EDGE-INET-OUT",
        minimal_submask_length: 28,
      });
      const qos = await system.send("POST", "/v2.0/qos_options", {
        qos_option: {
          bandwidth: "10",
          qos_type: "guarantee",
          service_type: "internet",
          internet_service_id: service["id"],
          incoming_policer_name: "10M-GA-UP-INET",
          outgoing_policer_name: "10M-GA-DOWN-INET",
          incoming_policer_config: "a",
          outgoing_policer_config: "a",
        },
      });
      const answer = await system.send("POST", "/v2.0/internet_gateways", {
        internet_gateway: {
          tenant_id: TENANT,
          internet_service_id: service["id"],
          qos_option_id: (qos.body["qos_option"] as Resource)["id"],
        },
      });
      const { id } = answer.body["internet_gateway"] as Resource;
      let error = "";
      await system.until(String(id), (transition) => {
        ({ error } = transition);
        return transition.state === "create_failed";
      });
      expect(error).toContain("SB_LOAD_REJECTED");
      expect(error).toContain("'all-accept' not found");
      expect(await texts(system)).toEqual(base);
      await remove(system, "internet_gateways", id);
      expect(await texts(system)).toEqual(base);
    } finally {
      await system.stop();
    }
  });
});
