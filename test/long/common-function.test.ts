import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario, type ScenarioRequest } from "../../src/cli/scenario-file.ts";
import { TestSystem } from "../scenario/support/running-system.ts";

type Resource = Record<string, unknown>;

const demo = fileURLToPath(new URL("../../templates/_demo/common_function_gateway.json", import.meta.url));
const tenant = "b3e3095c0a5b4383805efe9cf2a6b5ef";

async function only(system: TestSystem, collection: string): Promise<Resource> {
  const { [collection]: list = [] } = await system.get<Record<string, Resource[]>>(`/v2.0/${collection}`);
  expect(list).toHaveLength(1);
  return list[0] ?? {};
}

/** The bits of a bitmap document that are set, below `size`. */
function taken(bitmap: unknown, size: number): number[] {
  const bytes = Buffer.from(String(bitmap), "base64");
  return Array.from({ length: size }, (_, bit) => bit).filter(
    (bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0,
  );
}

/** The latest body of the only document of a collection. */
function bodyOf(documents: ReadonlyMap<string, unknown>, collection: string): Resource {
  const [, document] = [...documents].find(([key]) => key.startsWith(`/config/v2.0/${collection}/`)) ?? [];
  return ((document as { body?: Resource } | undefined)?.body ?? {}) as Resource;
}

describe("a common function gateway from POST to routers", () => {
  let system: TestSystem;
  let gateway: Resource;

  beforeAll(async () => {
    system = await TestSystem.start();
    await system.replay(demo);
    gateway = await only(system, "common_function_gateways");
  });
  afterAll(async () => {
    await system.stop();
  });

  it("has its VLAN, its address and every function of its pool", async () => {
    const { common_functions: functions } = await system.get<{ common_functions: Resource[] }>(
      "/v2.0/common_functions?sort_key=common_function_number",
    );
    expect(gateway).toMatchObject({
      vlan_id: "1025",
      vrf_name: "vrf_gw_sample-ha-router-downlink_1025",
      primary_logical_interface_name: "ae0.1025",
      logical_tunnel_unit_user: "1025",
      logical_tunnel_unit_service: "11025",
      nat_ip: "100.64.1.10",
      status: "ACTIVE",
      operational_state: "UP",
      common_functions: functions.map(({ id }) => ({ common_function_id: id })),
    });
    expect(functions.map((each) => [each["common_function_number"], each["vrid"], each["secondary_vrrp_ip"]])).toEqual([
      [1, 41, "169.254.1.252"],
      [2, 42, "169.254.1.254"],
    ]);
  });

  it("comes with a network, a subnet without a gateway, and ports on both sides that know it once they are attached", async () => {
    const network = await only(system, "networks");
    const subnet = await only(system, "subnets");
    expect([gateway["network_id"], gateway["subnet_id"]]).toEqual([network["id"], subnet["id"]]);
    expect(subnet).toMatchObject({ cidr: "169.254.0.0/17", gateway_ip: null, dhcp_server_address: "169.254.0.2" });
    const { ports } = await system.get<{ ports: Resource[] }>("/v2.0/ports");
    const addressesOf = (port: Resource) => (port["fixed_ips"] as Resource[]).map((each) => each["ip_address"]);
    expect(ports.map(addressesOf).sort()).toEqual([["169.254.0.2"], ["169.254.0.3"], ["169.254.0.4"]]);
    for (const port of ports.filter((each) => !addressesOf(each).includes("169.254.0.2"))) {
      expect(port).toMatchObject({ device_id: gateway["id"], segmentation_id: 1025, attached: true, status: "ACTIVE" });
    }
  });

  it("shows in the pools what is given out", async () => {
    const documents = await system.documents();
    const pool = bodyOf(documents, "common_function_pools");
    expect(taken(pool["common_function_pool_state"], 16)).toEqual([0, 1]);
    expect(pool["link_local_netmask"]).toBe(17);
    expect(taken(bodyOf(documents, "nat_ip_pools")["ip_allocation_state"], 24)).toEqual([0]);
  });

  it("is on both routers alike, and its primary is master", async () => {
    const [one, two] = await Promise.all(["MX-1", "MX-2"].map((name) => system.text(`/lab/routers/${name}/set`)));
    const about = (text: string | undefined) =>
      (text ?? "").split("\n").filter((line) => /vrf_gw_|11025|ms-0/.test(line));
    expect(about(one)).toEqual(about(two));
    expect(about(one).length).toBeGreaterThan(25);
    expect(one).toContain(
      "set routing-instances DEMO-SHARED routing-options static route 100.64.1.10/32 next-hop lt-0/0/0.11025",
    );
    const documents = await system.documentsUntil((all) =>
      all.has(`/monitoring/v2.0/common_function_gateways/${String(gateway["id"])}`),
    );
    expect(documents.get(`/monitoring/v2.0/common_function_gateways/${String(gateway["id"])}`)).toEqual({
      version: 1,
      primary_41: "MASTER",
      primary_42: "MASTER",
      secondary_41: "BACKUP",
      secondary_42: "BACKUP",
    });
  });

  it("stays as it is over a restart", async () => {
    await system.restart();
    const { routers } = await system.get<{ routers: Array<{ name: string; vrrp: Resource[] }> }>("/lab");
    const states = routers.map(({ name, vrrp }) => [name, vrrp.map(({ state }) => state)]);
    expect(Object.fromEntries(states)).toMatchObject({ "MX-1": ["backup", "backup"], "MX-2": ["master", "master"] });
    const after = await only(system, "common_function_gateways");
    expect([after["status"], after["operational_state"]]).toEqual(["ACTIVE", "UP"]);
  });

  it("keeps what it is built on: none of it can be deleted", async () => {
    const used = async (collection: string, id: unknown) => {
      const answer = await system.send("DELETE", `/v2.0/${collection}/${String(id)}`);
      expect([collection, answer.status, answer.body["code"]]).toEqual([collection, 409, "SB_REFERENCED"]);
    };
    await used("nat_ip_pools", (await only(system, "nat_ip_pools"))["id"]);
    await used("common_function_pools", gateway["common_function_pool_id"]);
    for (const each of gateway["common_functions"] as Resource[])
      await used("common_functions", each["common_function_id"]);
  });

  it("says which pool is exhausted when there is no vrrp_config for another function", async () => {
    const answer = await system.send("POST", "/v2.0/common_functions", {
      common_function: {
        name: "one too many",
        tenant_id: tenant,
        common_function_pool_id: gateway["common_function_pool_id"],
        link_local_ip_address: "169.254.1.229",
        shared_ip_address: "100.64.0.129",
      },
    });
    expect([answer.status, answer.body["code"]]).toEqual([409, "SB_POOL_EXHAUSTED"]);
    expect(String(answer.body["detail"])).toContain("vrrp_config");
    expect(taken(bodyOf(await system.documents(), "common_function_pools")["common_function_pool_state"], 16)).toEqual([
      0, 1,
    ]);
  });
});

describe("several gateways at once", () => {
  it("have different VLANs and addresses, and give back what they had", async () => {
    const system = await TestSystem.start();
    try {
      await system.replay(demo);
      const first = await only(system, "common_function_gateways");
      const post = async (name: string) => {
        const { status, body } = await system.send("POST", "/v2.0/common_function_gateways", {
          common_function_gateway: {
            name,
            tenant_id: tenant,
            common_function_pool_id: first["common_function_pool_id"],
          },
        });
        return status === 201 ? (body["common_function_gateway"] as Resource) : { status, ...body };
      };
      const made = await Promise.all(["one", "two", "three", "four"].map(post));
      const addresses = [first, ...made].map((each) => each["nat_ip"]);
      // Through the end of the first range into the second.
      expect(addresses.toSorted()).toEqual(["100.64.1.10", "100.64.1.11", "100.64.1.12", "100.64.1.20", "100.64.1.21"]);
      expect(new Set([first, ...made].map((each) => each["vlan_id"])).size).toBe(5);
      for (const { id } of made) await system.until(String(id), ({ status }) => status === "ACTIVE");
      const shown = (wanted: readonly number[]) =>
        system.documentsUntil(
          (documents) => taken(bodyOf(documents, "nat_ip_pools")["ip_allocation_state"], 24).join() === wanted.join(),
        );
      await shown([0, 1, 2, 3, 4]);
      const before = await system.text("/lab/routers/MX-2/set");
      const leaving = made.find((each) => each["nat_ip"] === "100.64.1.11") ?? {};
      expect((await system.send("DELETE", `/v2.0/common_function_gateways/${String(leaving["id"])}`)).status).toBe(204);
      await system.until(String(leaving["id"]), ({ state }) => state === "deleted");
      // What the others have beside it stays.
      const after = await system.text("/lab/routers/MX-2/set");
      const names = new RegExp(
        `${String(leaving["vrf_name"])}\\b|\\b1?0?${String(leaving["vlan_id"])}\\b|100\\.64\\.1\\.11/`,
      );
      expect(after.split("\n")).toEqual(before.split("\n").filter((line) => !names.test(line)));
      await shown([0, 2, 3, 4]);
      const again = await post("five");
      expect([again["nat_ip"], again["vlan_id"]]).toEqual(["100.64.1.11", leaving["vlan_id"]]);
      await shown([0, 1, 2, 3, 4]);
      expect(JSON.stringify(await system.get("/lab"))).toContain('"violations":[]');
    } finally {
      await system.stop();
    }
  });
});

describe("deleting everything in reverse", () => {
  it("leaves routers at their base, no document and no controller object", async () => {
    const system = await TestSystem.start();
    try {
      const base = await Promise.all(["MX-1", "MX-2"].map((name) => system.text(`/lab/routers/${name}/configuration`)));
      const scenario = await readScenario(demo);
      const deletions = scenario.requests
        .toReversed()
        .map(({ path, creates }): ScenarioRequest => ({ method: "DELETE", path: `${path}/${creates}` }));
      await system.replay({ requests: [...scenario.requests, ...deletions] });
      const left = await Promise.all(["MX-1", "MX-2"].map((name) => system.text(`/lab/routers/${name}/configuration`)));
      expect(left).toEqual(base);
      expect(await system.text("/lab/routers/MX-1/compare")).toBe("");
      expect([...(await system.documentsUntil((documents) => documents.size === 0)).keys()]).toEqual([]);
      const objects = JSON.stringify(await system.get("/lab/controller/objects"));
      for (const kind of ["virtual-machine-interface/", "virtual-network/"]) expect(objects).not.toContain(kind);
    } finally {
      await system.stop();
    }
  });
});
