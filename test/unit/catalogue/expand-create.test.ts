import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { bitmapOf } from "../../../src/catalogue/bitmap.ts";
import { type Expansion, expandCreate } from "../../../src/catalogue/expand-request.ts";
import { type Body, poolKey } from "../../../src/catalogue/resource-view.ts";
import { catalogueOf, refusalOf, typeOf } from "./catalogue-text.ts";
import { heatJob, MemoryView } from "./memory-view.ts";

/** The side effects of a POST, with the product's own types. */
const { catalogue } = loadTemplates();

const tenant = "b3e3095c0a5b4383805efe9cf2a6b5ef";
const stranger = "0b576f6f4cbf414f829cd12f008bf08f";
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

function expand(type: string, fields: Body, view: MemoryView): Expansion {
  let made = 900;
  let jobs = 0;
  return expandCreate(typeOf(catalogue, type), fields, {
    catalogue,
    view,
    uuid: () => id(++made),
    suffix: () => String(++jobs).padStart(5, "0"),
  });
}

const network = id(1);
const subnet = id(2);
const gateway = id(3);
const downlink = id(4);
const uplink = id(5);
const service = id(6);
const qos = id(7);

const vlans = bitmapOf(4096, [...Array(1025).keys(), 4094, 4095]);
const all = bitmapOf(4096, Array(4096).keys());

/** What a VPN gateway and what is on it are built on. */
function surroundings(): MemoryView {
  return new MemoryView()
    .add("ese_device", id(10), { management_ip_address: "10.161.0.34" })
    .add("ese_physical_port", id(11), { name: "xe-0/0/3", ese_device_id: id(10) })
    .add("ese_physical_port", id(12), { name: "xe-0/0/4", ese_device_id: id(10) })
    .add("edge_router", id(13), { ip: "10.79.5.185", login: "a", password: "b", ssh_port: 830 })
    .add("edge_router", id(14), { ip: "10.79.5.184", login: "a", password: "b", ssh_port: 830 })
    .add("ha_router", id(15), { primary_router_id: id(13), secondary_router_id: id(14) })
    .add("er_physical_interface", id(16), { name: "ae0", device_id: id(13), connected_ese_port_id: id(11) })
    .add("er_physical_interface", id(17), { name: "ae0", device_id: id(14), connected_ese_port_id: id(12) })
    .add("er_physical_interface", id(18), { name: "ge-0/0/1", device_id: id(13) })
    .add("er_physical_interface", id(19), { name: "ge-0/0/1", device_id: id(14) })
    .add("ha_interface", downlink, {
      name: "down",
      link_type: "downlink",
      ha_router_id: id(15),
      primary_interface_id: id(16),
      secondary_interface_id: id(17),
      vlan_pool_state: vlans,
    })
    .add("ha_interface", uplink, {
      name: "up",
      link_type: "uplink",
      ha_router_id: id(15),
      primary_interface_id: id(18),
      secondary_interface_id: id(19),
      vlan_pool_state: bitmapOf(4096, [0, 4095]),
    })
    .add("vpn_service", service, { uplink_interfaces: [uplink], downlink_interfaces: [downlink] })
    .add("qos_option", qos, {
      incoming_policer_name: "in",
      outgoing_policer_name: "out",
      service_type: "vpn",
      vpn_service_id: service,
    })
    .add("vpn_gateway", gateway, {
      tenant_id: tenant,
      vpn_service_id: service,
      downlink_interface_id: downlink,
      uplink_interface_id: uplink,
      downlink_vlan_id: "1025",
      local_as_number: "65101",
      vrf_name: "vrf",
      primary_logical_downlink_interface_name: "ae0.1025",
      secondary_logical_downlink_interface_name: "ae0.1025",
      connected_vpn_interface: id(8),
    })
    .add("vpn_interface", id(8), { tenant_id: tenant, vpn_gw_id: gateway })
    .add("network", network, { tenant_id: tenant })
    .add(
      "subnet",
      subnet,
      { tenant_id: tenant, network_id: network, cidr: "172.16.101.0/24" },
      {
        refersTo: [{ type: "network", id: network }],
      },
    );
}

const gatewayFields = {
  name: "gw",
  tenant_id: tenant,
  vpn_service_id: service,
  qos_option_id: qos,
  uplink_vlan_id: "210",
  local_as_number: "65101",
};
const interfaceFields = {
  tenant_id: tenant,
  service_type: "vpn",
  vpn_gw_id: gateway,
  network_id: network,
  gw_vipv4: "172.16.101.151",
  primary_ipv4: "172.16.101.152",
  secondary_ipv4: "172.16.101.153",
  netmask: 24,
  vrid: 20,
};

describe("the body of a new resource", () => {
  it("has the defaults of the schema and a status, and nothing that nobody set", () => {
    const { root } = expand("network", { name: "n", tenant_id: tenant }, surroundings());
    expect(root.body).toEqual({
      id: id(901),
      name: "n",
      description: "",
      tenant_id: tenant,
      admin_state_up: true,
      tags: {},
      plane: "data",
      subnets: [],
      shared: false,
      status: "PENDING_CREATE",
    });
    expect(Object.keys(root.body)).not.toContain("orchestration_state");
  });

  it("has a default of its own, not a shared one", () => {
    const [one, other] = [1, 2].map(() => expand("network", { name: "n" }, surroundings()).root.body["tags"]);
    expect(one).toEqual({});
    expect(one).not.toBe(other);
  });

  it("has what is derived from it, where the client has not set it", () => {
    const of = (fields: Body) => {
      const { body } = expand("subnet", { network_id: network, cidr: "10.0.0.0/24", ...fields }, surroundings()).root;
      return [body["gateway_ip"], body["dhcp_server_address"], body["allocation_pools"]];
    };
    const pools = [{ start: "10.0.0.2", end: "10.0.0.254" }];
    expect(of({})).toEqual(["10.0.0.1", "10.0.0.2", pools]);
    expect(of({ gateway_ip: "10.0.0.9" })).toEqual(["10.0.0.9", "10.0.0.2", pools]);
    // A null that was set stays: the common function network has no gateway (reference: side effects).
    expect(of({ gateway_ip: null })).toEqual([null, "10.0.0.2", pools]);
    const own = [{ start: "10.0.0.20", end: "10.0.0.30" }];
    expect(of({ allocation_pools: own })[2]).toEqual(own);
    expect(of({ allocation_pools: [] })[2]).toEqual(pools);
  });

  it("of an ha_interface has its pool and its bandwidths", () => {
    const fields = {
      ha_router_id: id(15),
      primary_interface_id: id(16),
      secondary_interface_id: id(17),
      link_type: "downlink",
      restricted_vlans: "0-1024,4094",
      maximum_be_bandwidth: 100,
    };
    expect(expand("ha_interface", fields, surroundings()).root.body).toMatchObject({
      gateway_instances_count: 0,
      vlan_pool_state: vlans,
      vlan_ids_available: 3069,
      available_be_bandwidth: 100,
      available_ga_bandwidth: 0,
    });
    const error = refusalOf(() => expand("ha_interface", { ...fields, restricted_vlans: "9-1" }, surroundings()));
    expect([error.code, error.fields[0]?.pointer]).toEqual(["SB_INVALID_BODY", "/restricted_vlans"]);
  });
});

describe("numbers from a pool", () => {
  const allocated = (view: MemoryView, fields: Body = {}) =>
    expand("vpn_gateway", { ...gatewayFields, ...fields }, view).root;
  const pool = poolKey("ha_interface", downlink, "vlan");

  it("are the lowest free one, and name what is named after them", () => {
    const { body, claims } = allocated(surroundings());
    expect(body).toMatchObject({
      downlink_interface_id: downlink,
      uplink_interface_id: uplink,
      downlink_vlan_id: "1025",
      vrf_name: "vrf_gw_down_1025",
      primary_logical_downlink_interface_name: "ae0.1025",
      secondary_logical_downlink_interface_name: "ae0.1025",
      primary_logical_uplink_interface_name: "ge-0/0/1.210",
      secondary_logical_uplink_interface_name: "ge-0/0/1.210",
      connected_vpn_interface: "",
    });
    expect(claims).toEqual([
      { pool, number: 1025, field: "downlink_vlan_id", allocated: true },
      { pool: poolKey("ha_interface", uplink, "vlan"), number: 210, field: "uplink_vlan_id", allocated: false },
    ]);
  });

  it("skip those that somebody else has claimed", () => {
    const { body } = allocated(surroundings().claim(pool, 1025, 1026, 1028));
    expect(body["downlink_vlan_id"]).toBe("1027");
  });

  it("are the client's where it names one that is free", () => {
    const { body, claims } = allocated(surroundings(), { downlink_vlan_id: "2000" });
    expect([body["downlink_vlan_id"], claims[0]?.allocated]).toEqual(["2000", false]);
    const taken = refusalOf(() => allocated(surroundings().claim(pool, 2000), { downlink_vlan_id: "2000" }));
    expect([taken.code, taken.fields[0]?.pointer]).toEqual(["SB_UNIQUE_TAKEN", "/downlink_vlan_id"]);
    const restricted = refusalOf(() => allocated(surroundings(), { downlink_vlan_id: "7" }));
    expect([restricted.code, restricted.fields[0]?.pointer]).toEqual(["SB_INVALID_BODY", "/downlink_vlan_id"]);
  });

  it("run out, and say where", () => {
    const full = surroundings().add("ha_interface", downlink, { vlan_pool_state: all });
    const error = refusalOf(() => allocated(full));
    expect([error.code, error.message]).toEqual(["SB_POOL_EXHAUSTED", expect.stringContaining(downlink)]);
  });

  it("are never given twice, in whatever order they are taken and named", () => {
    const wish = fc.option(fc.integer({ min: 1025, max: 1035 }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(wish, { minLength: 1, maxLength: 12 }), (wishes) => {
        const view = surroundings();
        const given: number[] = [];
        for (const [at, number] of wishes.entries()) {
          const fields = {
            ...(number === undefined ? {} : { downlink_vlan_id: String(number) }),
            uplink_vlan_id: String(100 + at),
          };
          if (number !== undefined && given.includes(number)) {
            expect(refusalOf(() => allocated(view, fields)).code).toBe("SB_UNIQUE_TAKEN");
            continue;
          }
          const [claim] = allocated(view, fields).claims;
          given.push(claim?.number ?? -1);
          view.claim(pool, claim?.number ?? -1);
        }
        expect(new Set(given).size).toBe(given.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe("resources that are created along with one", () => {
  it("of a gw_interface are two ports and two logical ports, planned in the order of seed 004", () => {
    const { root, dependents } = expand("gw_interface", interfaceFields, surroundings());
    expect(dependents.map(({ type, id: made, owner }) => [type, made, owner])).toEqual(
      ["port", "ese_logical_port", "port", "ese_logical_port"].map((type, at) => [
        type,
        id(902 + at),
        { type: "gw_interface", id: root.id },
      ]),
    );
    const [port, logicalPort, second] = dependents.map(({ body }) => body);
    expect(port).toMatchObject({
      name: `Port for : ${id(11)}`,
      tenant_id: tenant,
      network_id: network,
      device_owner: "network:gw_interface",
      device_id: root.id,
      attached: false,
      segmentation_id: 1025,
      segmentation_type: "vlan",
      status: "PENDING_CREATE",
      fixed_ips: [
        { subnet_id: subnet, ip_address: "172.16.101.151" },
        { subnet_id: subnet, ip_address: "172.16.101.152" },
      ],
      mac_address: expect.stringMatching(/^fa:16:3e(:[0-9a-f]{2}){3}$/),
    });
    expect(second?.["fixed_ips"]).toEqual([{ subnet_id: subnet, ip_address: "172.16.101.153" }]);
    expect(logicalPort).toMatchObject({
      name: "xe-0/0/3.1025",
      description: `ESE Logical port for Port ${id(902)}`,
      port_ids: [id(902)],
      gw_interface_id: root.id,
      ese_physical_port_id: id(11),
      vlan_id: 1025,
    });
  });

  it("wait for one another as the cases show: port for gateway, logical port for port, nothing for itself", () => {
    const view = surroundings().add(
      "network",
      network,
      { tenant_id: tenant },
      { unfinishedJobs: [heatJob("network-heat")] },
    );
    const { root, dependents } = expand("gw_interface", interfaceFields, view);
    const [rootHeat] = root.plan.jobs;
    const firsts = dependents.map(({ plan }) => plan.jobs[0]?.dependency.toSorted());
    expect(rootHeat?.dependency).toEqual(["network-heat"]);
    expect(firsts[0]).toEqual([rootHeat?.id ?? "", "network-heat"].toSorted());
    expect(firsts[1]).toEqual([dependents[0]?.plan.jobs[0]?.id]);
    expect(firsts[3]).toEqual([dependents[2]?.plan.jobs[0]?.id]);
  });

  it("of a subnet are a DHCP port that is there at once, with no jobs and no segmentation", () => {
    const { dependents } = expand(
      "subnet",
      { tenant_id: tenant, network_id: network, cidr: "10.0.0.0/24" },
      surroundings(),
    );
    const [port] = dependents;
    expect(dependents).toHaveLength(1);
    expect(port?.plan.jobs).toEqual([]);
    expect(port?.body).toMatchObject({
      name: "dhcp-server-port",
      device_owner: "network:dhcp",
      mac_address: "00:00:5e:00:01:00",
      status: "ACTIVE",
      fixed_ips: [{ subnet_id: id(901), ip_address: "10.0.0.2" }],
    });
    expect(port?.body).not.toHaveProperty("segmentation_type");
  });

  it("are none when an address is in no subnet of the network", () => {
    const error = refusalOf(() => expand("gw_interface", { ...interfaceFields, gw_vipv4: "10.9.9.9" }, surroundings()));
    expect([error.code, error.fields[0]?.pointer]).toEqual(["SB_INVALID_BODY", "/gw_vipv4"]);
  });
});

describe("numbers that belong to one request", () => {
  const things = catalogueOf({
    site: `type: site
collection: sites
title: A site
fields: { id: { type: string }, numbers: { type: string } }
pools: { number: { bitmap: numbers, size: 8 } }
`,
    link: `type: link
collection: links
title: A link
fields: { id: { type: string }, site_id: { type: string, relation: site }, number: { type: integer } }
derive: { number: { claim: number, of: site_id } }
`,
    bundle: `type: bundle
collection: bundles
title: Links
fields: { id: { type: string }, site_id: { type: string, relation: site, writable: [create], set_by: member, belongs_to: tenant } }
dependents:
  - { as: one, type: link, fields: { site_id: .site_id } }
  - { as: two, type: link, fields: { site_id: .site_id } }
  - { as: three, type: link, fields: { site_id: .site_id } }
`,
  });

  it("are different ones, and not those that others have", () => {
    const view = new MemoryView().add("site", "s1", { numbers: "QA==" }).claim(poolKey("site", "s1", "number"), 2);
    let made = 0;
    const sources = { catalogue: things, view, uuid: () => id(++made), suffix: () => "aaaaa" };
    const { dependents } = expandCreate(typeOf(things, "bundle"), { site_id: "s1" }, sources);
    // 1 is set in the bitmap, 2 is claimed.
    expect(dependents.map(({ body }) => body["number"])).toEqual([0, 3, 4]);
    expect(dependents.flatMap(({ claims }) => claims.map(({ number }) => number))).toEqual([0, 3, 4]);
  });
});

describe("what a new resource refers to", () => {
  it("must exist, every one that is missing being named", () => {
    const error = refusalOf(() =>
      expand(
        "port",
        { tenant_id: tenant, network_id: id(77), fixed_ips: [{ subnet_id: id(78), ip_address: "10.0.0.1" }] },
        surroundings(),
      ),
    );
    expect(error.code).toBe("SB_RELATION_NOT_FOUND");
    expect(error.fields.map(({ pointer }) => pointer)).toEqual(["/network_id", "/fixed_ips/0/subnet_id"]);
  });

  it("must be the tenant's own or shared: another tenant's is as if it did not exist", () => {
    const port = (fields: Body, view = surroundings()) => expand("port", { network_id: network, ...fields }, view);
    const error = refusalOf(() => port({ tenant_id: stranger }));
    expect([error.code, error.fields[0]?.detail]).toEqual(["SB_RELATION_NOT_FOUND", `there is no network ${network}`]);
    expect(port({ tenant_id: tenant }).root.type).toBe("port");
    const shared = surroundings().add("network", network, { tenant_id: tenant, shared: true });
    expect(port({ tenant_id: stranger }, shared).root.type).toBe("port");
    // What operators provide belongs to nobody in particular.
    const owned = surroundings().add("qos_option", qos, {
      tenant_id: stranger,
      service_type: "vpn",
      vpn_service_id: service,
    });
    expect(expand("vpn_gateway", gatewayFields, owned).root.type).toBe("vpn_gateway");
  });

  it("must not be on its way out", () => {
    const leaving = surroundings().add("network", network, { tenant_id: tenant }, { markedForDeletion: true });
    const error = refusalOf(() => expand("port", { tenant_id: tenant, network_id: network }, leaving));
    expect([error.code, error.fields[0]?.pointer]).toEqual(["SB_BEING_DELETED", "/network_id"]);
  });

  it("includes the owner of the pool that a number is taken from", () => {
    const error = refusalOf(() =>
      expand("vpn_gateway", { ...gatewayFields, uplink_interface_id: id(77) }, surroundings()),
    );
    expect([error.code, error.fields[0]?.pointer]).toEqual(["SB_RELATION_NOT_FOUND", "/uplink_interface_id"]);
  });
});

describe("fields that must go together", () => {
  const things = catalogueOf({
    thing: `type: thing
collection: things
title: A thing
fields:
  id: { type: string }
  kind: { type: string, writable: [create] }
  a: { type: string, writable: [create] }
  b: { type: string, writable: [create] }
checks:
  - { when: { field: kind, equals: vpn }, require: [a], forbid: [b] }
  - { distinct: [a, b] }
`,
  });
  const problems = (fields: Body) => {
    const sources = { catalogue: things, view: new MemoryView(), uuid: () => id(1), suffix: () => "aaaaa" };
    try {
      expandCreate(typeOf(things, "thing"), fields, sources);
      return [];
    } catch {
      const error = refusalOf(() => expandCreate(typeOf(things, "thing"), fields, sources));
      return error.fields.map(({ pointer, detail }) => `${pointer} ${detail}`);
    }
  };

  it("are required, forbidden or different by a rule", () => {
    expect(problems({ kind: "vpn", a: "1" })).toEqual([]);
    expect(problems({ kind: "vpn" })).toEqual(["/a is required when kind is vpn"]);
    expect(problems({ kind: "vpn", a: "", b: "2" })).toEqual([
      "/a is required when kind is vpn",
      "/b is not allowed when kind is vpn",
    ]);
    expect(problems({ kind: "other", b: "2" })).toEqual([]);
    expect(problems({ a: "1", b: "1" })).toEqual(["/b must be another one than a"]);
    expect(problems({ a: "", b: "" })).toEqual([]);
  });
});
