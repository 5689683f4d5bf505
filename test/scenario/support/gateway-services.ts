import { createHash } from "node:crypto";
import type { ScenarioRequest } from "../../../src/cli/scenario-file.ts";

/** The devices of the demos, by the ids of the scenario that the requests of a service are added to. */
export interface ServiceDevices {
  readonly uplink: string;
  readonly downlink: string;
}

export const TENANT = "b3e3095c0a5b4383805efe9cf2a6b5ef";
const OPERATOR = "5f0c1b7e9d2a4c6f8e3b1a7d5c9e2f40";

/** Services whose gateways have an uplink, besides VPN; the number tells their addresses and VLANs apart. */
export const UPLINK_SERVICES = { aws: 1, azure: 2, gcp: 3, interdc: 4 } as const;
export type UplinkService = keyof typeof UPLINK_SERVICES;

/** The scenario's id of what a service has of a type. */
export const serviceId = (service: UplinkService, type: string): string => {
  const digits = createHash("sha256").update(type).digest("hex").slice(0, 12);
  return `0000000${UPLINK_SERVICES[service]}-0000-4000-8000-${digits}`;
};

/**
 * The requests that build everything a service can have on a router pair: the service, two bandwidths, a gateway with its uplink, and a
 * network behind it with a route. Configuration groups and filters are those that the lab's routers have.
 */
export function serviceRequests(service: UplinkService, { uplink, downlink }: ServiceDevices): ScenarioRequest[] {
  const number = UPLINK_SERVICES[service];
  const own = (type: string) => serviceId(service, type);
  const post = (type: string, fields: Record<string, unknown>, creates = own(type)): ScenarioRequest => ({
    method: "POST",
    path: `/v2.0/${type}s`,
    body: { [type]: { tenant_id: TENANT, ...fields } } as NonNullable<ScenarioRequest["body"]>,
    creates,
  });
  const cloud = service !== "interdc";
  // An inter-data-centre gateway's filters have the policers' names, the others' a name made of them.
  const policer = (name: string) => (cloud ? name : `FILTER_${name}`);
  const bandwidth = (kind: "VPN" | "INET", creates: string) =>
    post(
      "qos_option",
      {
        name: `${service} 10 Mbit/s ${kind}`,
        bandwidth: "10",
        qos_type: "guarantee",
        service_type: service,
        [`${service}_service_id`]: own(`${service}_service`),
        incoming_policer_name: policer(`10M-GA-UP-${kind}`),
        outgoing_policer_name: policer(`10M-GA-DOWN-${kind}`),
        incoming_policer_config: "single-rate { color-blind; committed-information-rate 10m; }",
        outgoing_policer_config: "if-exceeding { bandwidth-limit 10m; burst-size-limit 125000; } then discard;",
        tenant_id: OPERATOR,
      },
      creates,
    );
  const groups = cloud
    ? {
        primary_ebgp_config_group: "VPNGW1-RI-EBGP",
        secondary_ebgp_config_group: "VPNGW2-RI-EBGP",
        primary_ibgp_config_group: "VPNGW1-RI-IBGP",
        secondary_ibgp_config_group: "VPNGW2-RI-IBGP",
      }
    : { primary_uplink_vrrp_config_group: "VPNGW1-VRRP", secondary_uplink_vrrp_config_group: "VPNGW2-VRRP" };
  const side = (last: number) => ({
    ip_address: `192.0.2.${16 * number + last + 1}/30`,
    bgp_peer_ip: `192.0.2.${16 * number + last}`,
    bgp_router_id: `192.0.2.${16 * number + last + 1}`,
  });
  const uplinkAddresses = cloud
    ? {
        bgp_remote_as: `6462${number}`,
        primary: side(1),
        secondary: side(5),
        ...(service === "gcp" ? {} : { bgp_md5: `${service}-key` }),
      }
    : { vrid: 30, gw_vipv4: "198.51.100.1", primary_ipv4: "198.51.100.2", secondary_ipv4: "198.51.100.3", netmask: 29 };
  const gateway = { service_type: service, [`${service}_gw_id`]: own(`${service}_gateway`) };
  return [
    post(`${service}_service`, {
      name: `${service} of the demo zone`,
      zone: "demo-zone",
      uplink_interfaces: [uplink],
      downlink_interfaces: [downlink],
      primary_downlink_vrrp_config_group: "VPNGW1-VRRP",
      secondary_downlink_vrrp_config_group: "VPNGW2-VRRP",
      ...groups,
      tenant_id: OPERATOR,
    }),
    bandwidth("VPN", own("qos_option")),
    bandwidth("INET", own("other_qos_option")),
    post(`${service}_gateway`, {
      name: `${service} gateway`,
      ...(cloud ? { local_as_number: "65101" } : {}),
      [`${service}_service_id`]: own(`${service}_service`),
      qos_option_id: own("qos_option"),
      uplink_vlan_id: `${220 + number}`,
    }),
    post(`${service}_interface`, {
      name: `${service} interface`,
      [`${service}_gw_id`]: own(`${service}_gateway`),
      ...uplinkAddresses,
    }),
    post("network", { name: `${service} network`, plane: "data" }),
    post("subnet", { name: `${service} subnet`, network_id: own("network"), cidr: `172.16.${number}.0/24` }),
    post("gw_interface", {
      name: `${service} network on the gateway`,
      ...gateway,
      network_id: own("network"),
      gw_vipv4: `172.16.${number}.151`,
      primary_ipv4: `172.16.${number}.152`,
      secondary_ipv4: `172.16.${number}.153`,
      netmask: 24,
      vrid: 40 + number,
    }),
    post("static_route", {
      name: `${service} route`,
      ...gateway,
      destination: `198.51.${100 + number}.0/24`,
      nexthop: `172.16.${number}.10`,
    }),
  ];
}

/** The requests of all those services. */
export function uplinkServiceRequests(devices: ServiceDevices): ScenarioRequest[] {
  return (Object.keys(UPLINK_SERVICES) as UplinkService[]).flatMap((service) => serviceRequests(service, devices));
}
