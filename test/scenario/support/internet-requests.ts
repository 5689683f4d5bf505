import type { Json } from "../../../src/actors/ports.ts";
import type { ScenarioRequest } from "../../../src/cli/scenario-file.ts";

/** The devices of the demos, by the ids of the scenario that these requests are added to. */
interface InternetDevices {
  readonly router: string;
  readonly downlink: string;
}

export const TENANT = "b3e3095c0a5b4383805efe9cf2a6b5ef";
const OPERATOR = "5f0c1b7e9d2a4c6f8e3b1a7d5c9e2f40";

/** The scenario's ids of what these requests create. */
const INTERNET = {
  service: "00000009-0000-4000-8000-000000000001",
  pool: "00000009-0000-4000-8000-000000000002",
  qos: "00000009-0000-4000-8000-000000000003",
  otherQos: "00000009-0000-4000-8000-000000000004",
  gateway: "00000009-0000-4000-8000-000000000005",
  publicIp: "00000009-0000-4000-8000-000000000006",
  suspended: "00000009-0000-4000-8000-000000000007",
  network: "00000009-0000-4000-8000-000000000008",
  subnet: "00000009-0000-4000-8000-000000000009",
  interface: "00000009-0000-4000-8000-000000000010",
  route: "00000009-0000-4000-8000-000000000011",
} as const;

/** The body of a public_ip: the lowest free /29 for the gateway unless `more` says otherwise. */
export function publicIp(gateway: unknown, more: Record<string, Json> = {}): Record<string, Json> {
  return { name: "addresses", tenant_id: TENANT, internet_gw_id: String(gateway), submask_length: 29, ...more };
}

/**
 * The requests that build everything an Internet service can have on a router pair: the service with its addresses, one block of them held back,
 * two bandwidths, and a gateway with a network behind it, to which a block of public addresses leads. Names are those of the lab's routers.
 */
export function internetRequests({ router, downlink }: InternetDevices): ScenarioRequest[] {
  const post = (type: string, creates: string, fields: Record<string, Json>): ScenarioRequest => ({
    method: "POST",
    path: `/v2.0/${type}s`,
    body: { [type]: { tenant_id: TENANT, ...fields } },
    creates,
  });
  const bandwidth = (kind: "INET" | "VPN", creates: string) =>
    post("qos_option", creates, {
      name: `internet 10 Mbit/s ${kind}`,
      bandwidth: "10",
      qos_type: "guarantee",
      service_type: "internet",
      internet_service_id: INTERNET.service,
      incoming_policer_name: `10M-GA-UP-${kind}`,
      outgoing_policer_name: `10M-GA-DOWN-${kind}`,
      incoming_policer_config: "single-rate { color-blind; committed-information-rate 10m; }",
      outgoing_policer_config: "if-exceeding { bandwidth-limit 10m; burst-size-limit 125000; } then discard;",
      tenant_id: OPERATOR,
    });
  return [
    post("internet_service", INTERNET.service, {
      name: "internet of the demo zone",
      zone: "demo-zone",
      downlink_interfaces: [downlink],
      vrf_import_policy: "TENANT-INET-IN",
      vrf_export_policy: "TENANT-INET-OUT",
      uplink_import_policy: "UPLINK-INET-IN",
      inet_in_filter: "EDGE-INET-IN",
      inet_out_filter: "EDGE-INET-OUT",
      minimal_submask_length: 28,
      tenant_id: OPERATOR,
    }),
    post("public_ip_pool", INTERNET.pool, {
      internet_service_id: INTERNET.service,
      ha_router_id: router,
      subnet_ip: "203.0.113.0",
      submask_length: 27,
      ip_version: 4,
      tenant_id: OPERATOR,
    }),
    bandwidth("INET", INTERNET.qos),
    bandwidth("VPN", INTERNET.otherQos),
    post("internet_gateway", INTERNET.gateway, {
      name: "internet gateway",
      internet_service_id: INTERNET.service,
      qos_option_id: INTERNET.qos,
    }),
    post("public_ip", INTERNET.publicIp, publicIp(INTERNET.gateway)),
    post("suspended_public_ip", INTERNET.suspended, {
      name: "held back",
      previous_tenant_id: TENANT,
      ip_pool_id: INTERNET.pool,
      cidr: "203.0.113.16/29",
      submask_length: "29",
      tenant_id: OPERATOR,
    }),
    post("network", INTERNET.network, { name: "internet network", plane: "data" }),
    post("subnet", INTERNET.subnet, {
      name: "internet subnet",
      network_id: INTERNET.network,
      cidr: "172.16.50.0/24",
    }),
    post("gw_interface", INTERNET.interface, {
      name: "internet network on the gateway",
      service_type: "internet",
      internet_gw_id: INTERNET.gateway,
      network_id: INTERNET.network,
      gw_vipv4: "172.16.50.151",
      primary_ipv4: "172.16.50.152",
      secondary_ipv4: "172.16.50.153",
      netmask: 24,
      vrid: 50,
    }),
    post("static_route", INTERNET.route, {
      name: "internet route",
      service_type: "internet",
      internet_gw_id: INTERNET.gateway,
      destination: "203.0.113.0/29",
      nexthop: "172.16.50.10",
    }),
  ];
}
