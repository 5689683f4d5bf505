import type { JsonObject } from "../../src/actors/gateway-api.ts";
import type { GatewayClient } from "../../src/cli/gateway-client.ts";
import type { Scenario } from "../../src/cli/scenario-file.ts";

const TENANT = "b3e3095c0a5b4383805efe9cf2a6b5ef";

/** What every VPN gateway of the demo scenario stands on: switch, routers, interfaces, service and QoS option. */
export function infrastructureOf(scenario: Scenario): Scenario {
  const end = scenario.requests.findIndex(({ path }) => path === "/v2.0/vpn_gateways");
  return { requests: scenario.requests.slice(0, end) };
}

/** Names of the shared resources by which the gateways of a fleet refer to them. */
export interface FleetBase {
  readonly vpnServiceId: string;
  readonly qosOptionId: string;
}

/** The ids that the gateway gave to the service and the QoS option of the demo scenario. */
export async function fleetBaseOf(client: GatewayClient): Promise<FleetBase> {
  const only = async (type: string) => {
    const [resource, ...others] = await client.list(await client.type(type));
    if (resource === undefined || others.length > 0) throw new Error(`there is not exactly one ${type}`);
    return String(resource["id"]);
  };
  return { vpnServiceId: await only("vpn_service"), qosOptionId: await only("qos_option") };
}

/** Most gateways that one pair's downlink has VLANs for: 4094 less the restricted 1 to 1024. */
export const MOST_GATEWAYS = 3069;

/** Resources that one gateway of a fleet comes to: 5 that are asked for, the subnet's DHCP port, 2 ports and 2 logical ports. */
export const RESOURCES_PER_GATEWAY = 10;

/**
 * Creates gateway number `index` (from 0): a VPN gateway, which has one gw_interface at most, its vpn_interface, a network
 * with its subnet, and the gw_interface between them. Resolves when all five are accepted; what builds on another waits
 * for it by itself.
 * @returns the id of the gw_interface
 */
export async function createGateway(client: GatewayClient, base: FleetBase, index: number): Promise<string> {
  const name = `bench-${index}`;
  const uplink = (host: number) => `100.${64 + (index >> 13)}.${(index >> 5) & 255}.${((index & 31) << 3) + host}`;
  const prefix = `10.${index >> 8}.${index & 255}`;
  const create = async (type: string, fields: JsonObject): Promise<string> => {
    const created = await client.create(await client.type(type), { tenant_id: TENANT, name, ...fields });
    return String(created["id"]);
  };
  const gateway = await create("vpn_gateway", {
    local_as_number: "65101",
    qos_option_id: base.qosOptionId,
    vpn_service_id: base.vpnServiceId,
    uplink_vlan_id: String(index + 1),
  });
  await create("vpn_interface", {
    vpn_gw_id: gateway,
    bgp_md5: `key-${index}`,
    bgp_remote_as: "64620",
    primary: { ip_address: `${uplink(2)}/30`, bgp_peer_ip: uplink(1), bgp_router_id: uplink(2) },
    secondary: { ip_address: `${uplink(6)}/30`, bgp_peer_ip: uplink(5), bgp_router_id: uplink(6) },
  });
  const network = await create("network", { plane: "data" });
  await create("subnet", { network_id: network, cidr: `${prefix}.0/24` });
  return create("gw_interface", {
    service_type: "vpn",
    vpn_gw_id: gateway,
    network_id: network,
    gw_vipv4: `${prefix}.151`,
    primary_ipv4: `${prefix}.152`,
    secondary_ipv4: `${prefix}.153`,
    netmask: 24,
    vrid: 1 + (index % 255),
  });
}
