import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { bitmapOf } from "../../../src/catalogue/bitmap.ts";
import { expandCreate } from "../../../src/catalogue/expand-request.ts";
import type { Body } from "../../../src/catalogue/resource-view.ts";
import type { FieldProblem } from "../../../src/errors.ts";
import { refusalOf, typeOf } from "./catalogue-text.ts";
import { MemoryView } from "./memory-view.ts";

/** What fields must belong to, and which values must go together, of the product's own types. */
const { catalogue } = loadTemplates();

const T = "b3e3095c0a5b4383805efe9cf2a6b5ef";
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const SERVICES = ["vpn", "aws", "azure", "gcp", "interdc", "internet"] as const;
const vlans = bitmapOf(4096, [0, 4095]);

/** Two router pairs (1 and 2), each with an uplink and a downlink, and of each service one on the first pair with one bandwidth. */
function world(): MemoryView {
  const view = new MemoryView();
  for (const pair of [1, 2]) {
    const [primary, secondary] = [id(100 * pair), id(100 * pair + 1)];
    view.add("edge_router", primary, { ip: `10.0.0.${pair}`, login: "a", password: "b", ssh_port: 830 });
    view.add("edge_router", secondary, { ip: `10.0.1.${pair}`, login: "a", password: "b", ssh_port: 830 });
    view.add("ha_router", id(100 * pair + 2), { primary_router_id: primary, secondary_router_id: secondary });
    for (const [at, link] of ["uplink", "downlink"].entries()) {
      const [one, other] = [id(100 * pair + 10 + at), id(100 * pair + 20 + at)];
      view.add("er_physical_interface", one, { name: `ae${at}`, device_id: primary });
      view.add("er_physical_interface", other, { name: `ae${at}`, device_id: secondary });
      view.add("ha_interface", linkOf(pair, link), {
        name: link,
        link_type: link,
        ha_router_id: id(100 * pair + 2),
        primary_interface_id: one,
        secondary_interface_id: other,
        vlan_pool_state: vlans,
      });
    }
  }
  for (const [at, service] of SERVICES.entries()) {
    view.add(`${service}_service`, id(500 + at), {
      uplink_interfaces: [linkOf(1, "uplink")],
      downlink_interfaces: [linkOf(1, "downlink")],
    });
    view.add("qos_option", id(600 + at), {
      service_type: service,
      [`${service}_service_id`]: id(500 + at),
      ha_router_id: id(102),
      incoming_policer_name: "in",
      outgoing_policer_name: "out",
    });
  }
  return view
    .add("network", id(1), { tenant_id: T })
    .add("network", id(2), { tenant_id: T })
    .add("subnet", id(3), { tenant_id: T, network_id: id(1), cidr: "192.0.2.0/24" }, on("network", id(1)))
    .add("subnet", id(4), { tenant_id: T, network_id: id(2), cidr: "198.51.100.0/24" }, on("network", id(2)))
    .add("vpn_gateway", id(5), { tenant_id: T })
    .add("aws_gateway", id(6), { tenant_id: T });
}

const on = (type: string, target: string) => ({ refersTo: [{ type, id: target }] });

function linkOf(pair: number, link: string): string {
  return id(100 * pair + (link === "uplink" ? 30 : 40));
}

function problems(type: string, fields: Body, view = world()): readonly FieldProblem[] {
  let made = 900;
  const sources = { catalogue, view, uuid: () => id(++made), suffix: () => "aaaaa" };
  return refusalOf(() => expandCreate(typeOf(catalogue, type), { tenant_id: T, ...fields }, sources)).fields;
}

const gateway = (service: string, fields: Body) => ({
  [`${service}_service_id`]: id(500 + SERVICES.indexOf(service as "vpn")),
  qos_option_id: id(600 + SERVICES.indexOf(service as "vpn")),
  ...(service === "internet" ? {} : { uplink_vlan_id: "122" }),
  ...(service === "interdc" || service === "internet" ? {} : { local_as_number: "65101" }),
  ...fields,
});

describe.each(SERVICES)("a %s gateway", (service) => {
  const type = `${service}_gateway`;
  const wrong = (fields: Body, view?: MemoryView) => problems(type, gateway(service, fields), view);
  const link = service === "internet" ? "downlink" : "uplink";

  it("is on an interface of its service's own list only: nothing is told of what is taken on others", () => {
    const detail = `must be one of the ${link}_interfaces of its ${service}_service`;
    for (const other of [linkOf(2, link), linkOf(1, link === "uplink" ? "downlink" : "uplink")]) {
      const taken = world().claim(`ha_interface/${other}/vlan`, 122);
      expect(wrong({ [`${link}_interface_id`]: other }, taken)).toContainEqual({
        pointer: `/${link}_interface_id`,
        detail,
      });
    }
  });

  it("has a bandwidth of its own service", () => {
    const others = SERVICES.filter((other) => other !== service).map((other) => SERVICES.indexOf(other));
    for (const at of others) {
      const detail = `must be a qos_option of service_type ${service}`;
      expect(wrong({ qos_option_id: id(600 + at) })).toEqual([{ pointer: "/qos_option_id", detail }]);
    }
    const elsewhere = world().add("qos_option", id(700), { service_type: service, [`${service}_service_id`]: id(701) });
    expect(wrong({ qos_option_id: id(700) }, elsewhere)).toEqual([
      { pointer: "/qos_option_id", detail: `must be a qos_option of its ${service}_service` },
    ]);
  });
});

it("a gateway's uplink is of the router pair of its downlink, also when its service has several", () => {
  const view = world().add("vpn_service", id(500), {
    uplink_interfaces: [linkOf(2, "uplink"), linkOf(1, "uplink")],
    downlink_interfaces: [linkOf(2, "downlink"), linkOf(1, "downlink")],
  });
  const sources = { catalogue, view, uuid: () => id(901), suffix: () => "aaaaa" };
  const type = typeOf(catalogue, "vpn_gateway");
  const { root } = expandCreate(type, { tenant_id: T, ...gateway("vpn", {}) }, sources);
  expect(root.body).toMatchObject({
    downlink_interface_id: linkOf(1, "downlink"),
    uplink_interface_id: linkOf(1, "uplink"),
  });
  expect(problems("vpn_gateway", gateway("vpn", { uplink_interface_id: linkOf(2, "uplink") }), view)).toEqual([
    { pointer: "/uplink_interface_id", detail: "must be an interface of the router pair of its downlink" },
  ]);
});

const side = { ip_address: "192.0.2.2/30", bgp_peer_ip: "192.0.2.1", bgp_router_id: "192.0.2.2" };
const bgp = { bgp_remote_as: "64620", bgp_md5: "k", vpn_gw_id: id(5), primary: side };
const other = { ip_address: "192.0.2.6/30", bgp_peer_ip: "192.0.2.5", bgp_router_id: "192.0.2.6" };
const vrrp = {
  service_type: "vpn",
  vpn_gw_id: id(5),
  network_id: id(1),
  gw_vipv4: "192.0.2.1",
  primary_ipv4: "192.0.2.2",
  secondary_ipv4: "192.0.2.3",
  netmask: 24,
  vrid: 1,
};
const subnet = { network_id: id(1), cidr: "10.0.0.0/24" };
const pool = (start: string, end: string) => ({ ...subnet, allocation_pools: [{ start, end }] });
const fixed = (subnet_id: string, ip_address: string) => ({
  network_id: id(1),
  fixed_ips: [{ subnet_id, ip_address }],
});

/** Type, fields, pointer and what it must be. */
const refused: ReadonlyArray<readonly [string, Body, string, string]> = [
  ["gw_interface", { ...vrrp, gw_vipv4: "192.0.2.2" }, "/primary_ipv4", "another one than gw_vipv4"],
  ["gw_interface", { ...vrrp, secondary_ipv4: "192.0.2.1" }, "/secondary_ipv4", "another one than gw_vipv4"],
  ["gw_interface", { ...vrrp, secondary_ipv4: "192.0.3.3" }, "/secondary_ipv4", "in the network of primary_ipv4"],
  ["gw_interface", { ...vrrp, gw_vipv4: "192.0.3.1" }, "/gw_vipv4", "in the network of primary_ipv4"],
  ["gw_interface", { ...vrrp, gw_vipv4: "192.0.2.0" }, "/gw_vipv4", "neither the first nor the last"],
  ["gw_interface", { ...vrrp, primary_ipv4: "192.0.2.255" }, "/primary_ipv4", "neither the first nor the last"],
  ["gw_interface", { ...vrrp, aws_gw_id: id(6) }, "/aws_gw_id", "left out unless service_type is aws"],
  [
    "static_route",
    { service_type: "vpn", vpn_gw_id: id(5), aws_gw_id: id(6), nexthop: "10.0.0.1", destination: "10.1.0.0/24" },
    "/aws_gw_id",
    "left out unless service_type is aws",
  ],
  [
    "vpn_interface",
    { ...bgp, secondary: { ...other, bgp_peer_ip: "192.0.2.9" } },
    "/secondary/bgp_peer_ip",
    "in the network",
  ],
  [
    "vpn_interface",
    { ...bgp, secondary: { ...other, bgp_peer_ip: "192.0.2.6" } },
    "/secondary/bgp_peer_ip",
    "another address",
  ],
  [
    "vpn_interface",
    { ...bgp, secondary: { ...other, bgp_peer_ip: "192.0.2.7" } },
    "/secondary/bgp_peer_ip",
    "neither the first",
  ],
  [
    "vpn_interface",
    { ...bgp, secondary: { ...other, ip_address: "192.0.2.4/30" } },
    "/secondary/ip_address",
    "neither the first",
  ],
  ["vpn_interface", { ...bgp, secondary: side }, "/secondary/ip_address", "another address than primary.ip_address"],
  ["subnet", { ...subnet, gateway_ip: "10.0.1.1" }, "/gateway_ip", "an address of the subnet"],
  ["subnet", { ...subnet, gateway_ip: "10.0.0.0" }, "/gateway_ip", "neither its first nor its last"],
  ["subnet", { ...subnet, gateway_ip: "10.0.0.255" }, "/gateway_ip", "neither its first nor its last"],
  ["subnet", pool("10.0.0.9", "10.0.1.9"), "/allocation_pools/0", "a range from a start to an end within the subnet"],
  ["subnet", pool("10.0.0.9", "10.0.0.8"), "/allocation_pools/0", "a range from a start to an end within the subnet"],
  ["subnet", { ...subnet, allocation_pools: [{}] }, "/allocation_pools/0", "a range from a start to an end"],
  ["subnet", { ...subnet, dns_nameservers: ["192.0.2.1", "2001:db8::1"] }, "/dns_nameservers/1", "no IPv6 address"],
  ["port", fixed(id(4), "198.51.100.9"), "/fixed_ips/0/subnet_id", "a subnet of its network"],
  ["port", fixed(id(3), "192.0.3.9"), "/fixed_ips/0/ip_address", "an address of its subnet"],
  ["port", fixed(id(3), "192.0.2.255"), "/fixed_ips/0/ip_address", "neither its first nor its last"],
  [
    "physical_port",
    { name: "p", service_owner: "server", service_id: "s", segmentation_ranges: [{ start: 9, end: 3 }] },
    "/segmentation_ranges/0",
    "a range from a start to an end",
  ],
  [
    "ha_interface",
    {
      name: "x",
      ha_router_id: id(102),
      link_type: "uplink",
      primary_interface_id: id(210),
      secondary_interface_id: id(120),
    },
    "/primary_interface_id",
    "an interface of the primary router of its ha_router",
  ],
  [
    "vpn_service",
    { uplink_interfaces: [linkOf(1, "downlink")], downlink_interfaces: [] },
    "/uplink_interfaces/0",
    "uplink",
  ],
];

it.each(refused)("%s %j: %s must be %s", (type, fields, pointer, says) => {
  expect(problems(type, fields)).toEqual(
    expect.arrayContaining([{ pointer, detail: expect.stringMatching(new RegExp(`^must be .*${says}`)) }]),
  );
});

describe("subnets of one network", () => {
  const sources = (view: MemoryView) => ({ catalogue, view, uuid: () => id(901), suffix: () => "aaaaa" });
  const make = (network: string, cidr: string) =>
    expandCreate(typeOf(catalogue, "subnet"), { tenant_id: T, network_id: network, cidr }, sources(world()));

  it.each(["192.0.2.0/24", "192.0.2.128/25", "192.0.0.0/16"])(
    "do not overlap: %s is refused beside 192.0.2.0/24",
    (cidr) => {
      const error = refusalOf(() => make(id(1), cidr));
      expect([error.code, error.status, error.fields[0]?.pointer]).toEqual(["SB_ADDRESSES_OVERLAP", 409, "/cidr"]);
    },
  );

  it("may lie beside one another, and be the same in another network", () => {
    expect(make(id(1), "192.0.3.0/24").root.type).toBe("subnet");
    expect(make(id(2), "192.0.2.0/24").root.type).toBe("subnet");
  });
});
