import { createHash } from "node:crypto";
import type { JsonObject } from "../../../src/actors/gateway-api.ts";
import type { Json } from "../../../src/actors/ports.ts";
import type { Scenario, ScenarioRequest } from "../../../src/cli/scenario-file.ts";
import { labPairPlans } from "../../../src/lab/lab-devices.ts";

/**
 * What a request must come to. `either`: of two requests with the same `rivals` exactly one is accepted, whichever comes
 * first in the log. `refused` ones break a rule, `foreign` ones that of tenants.
 */
export type Fate = "accepted" | "refused" | "foreign" | "either";

/** A request with what must be there before it is sent. */
export interface FleetRequest extends ScenarioRequest {
  /** Different for each request; also its idempotency key. */
  readonly name: string;
  readonly fate: Fate;
  readonly rivals?: string;
  /** Ids (of `creates`) that must be accepted before, those in path and body included. */
  readonly after: readonly string[];
  /** Waits until those that it comes after are complete. */
  readonly whenDone: boolean;
}

export interface Fleet {
  readonly requests: readonly FleetRequest[];
  /** How many of them create what stays. */
  readonly resources: number;
  /** Texts that must be found nowhere in the clear. */
  readonly secrets: readonly string[];
}

const TENANT = "b3e3095c0a5b4383805efe9cf2a6b5ef";
const OTHER_TENANT = "c4f4106d1b6c4494916ffa0d03b7c6f0";
const ROUTES_PER_GATEWAY = 4;

/**
 * The requests of a fleet: on each pair of the lab the infrastructure of the demo scenario with a second QoS option, two
 * gateways that want the same uplink VLAN, then VPN gateways in turn over the pairs, each with its interfaces, network,
 * subnet and static routes, until there are so many resources; besides them changes, deletions, and requests that must be
 * refused.
 */
export function fleetRequests(options: {
  readonly demo: Scenario;
  readonly pairs: number;
  readonly resources: number;
}): Fleet {
  const { demo, pairs, resources } = options;
  const builders = Array.from({ length: pairs }, (_, at) => new PairRequests(demo, at + 1));
  const infrastructure = builders.flatMap((pair) => pair.infrastructure());
  const least = creations(infrastructure);
  if (resources < least) throw new Error(`${pairs} pairs come to ${least} resources by themselves, not ${resources}`);
  const fleet: FleetRequest[] = [];
  let left = resources - least;
  for (let number = 1; left > 0; number += 1) {
    for (const pair of builders) {
      const gateway = pair.gateway(number, left);
      left -= creations(gateway);
      fleet.push(...gateway);
    }
  }
  const requests = [...infrastructure, ...fleet];
  return { requests, resources, secrets: builders.flatMap(({ secrets }) => secrets) };
}

/** How many resources requests create that stay. */
function creations(requests: readonly FleetRequest[]): number {
  const rivals = new Set(requests.flatMap((request) => request.rivals ?? []));
  const of = (wanted: string) => requests.filter(({ method, fate }) => method === wanted && fate === "accepted").length;
  return rivals.size + of("POST") - of("DELETE");
}

/** The requests about one pair of routers. */
class PairRequests {
  readonly secrets: string[] = [];
  readonly #demo: Scenario;
  readonly #pair: number;
  #service = "";
  #qos: readonly string[] = [];

  constructor(demo: Scenario, pair: number) {
    this.#demo = demo;
    this.#pair = pair;
  }

  infrastructure(): FleetRequest[] {
    const end = this.#demo.requests.findIndex(({ path }) => path === "/v2.0/vpn_gateways");
    const written = this.#demo.requests.slice(0, end);
    const of = JSON.stringify(written);
    const requests = (JSON.parse(this.#ofPair(of)) as ScenarioRequest[]).map((request, at) =>
      this.#request(`infrastructure-${at + 1}`, request),
    );
    const created = (path: string) => requests.find((request) => request.path === path)?.creates ?? "";
    this.#service = created("/v2.0/vpn_services");
    const first = requests.find(({ path }) => path === "/v2.0/qos_options");
    const option = (first?.body as Record<string, JsonObject> | undefined)?.["qos_option"] ?? {};
    const wider = this.#create("qos-2", "qos_option", {
      ...option,
      name: "as for the internet",
      // Filters that the routers of the lab have.
      incoming_policer_name: "10M-GA-UP-INET",
      outgoing_policer_name: "10M-GA-DOWN-INET",
    });
    this.#qos = [first?.creates ?? "", wider.creates ?? ""];
    const twins = [1, 2].map((twin) => ({
      ...this.#create(`twin-${twin}`, "vpn_gateway", this.#gatewayFields(4000)),
      fate: "either" as const,
      rivals: `twins of pair ${this.#pair}`,
    }));
    return [...requests, wider, ...twins];
  }

  /** Gateway `number` of the pair, from 1 on, with what belongs to it; at most so many creations. */
  gateway(number: number, most: number): FleetRequest[] {
    if (most <= 0) return [];
    const prefix = `10.${this.#pair}.${number}`;
    const uplink = (host: number) => `100.${64 + this.#pair}.${number}.${host}`;
    const key = this.#secret(`bgp-${number}`);
    const gateway = this.#create(`gateway-${number}`, "vpn_gateway", this.#gatewayFields(100 + number));
    const network = this.#create(`network-${number}`, "network", { plane: "data" });
    const gatewayId = gateway.creates ?? "";
    const networkId = network.creates ?? "";
    const vpnInterface = this.#create(`vpn-interface-${number}`, "vpn_interface", {
      vpn_gw_id: gatewayId,
      bgp_md5: key,
      bgp_remote_as: "64620",
      primary: { ip_address: `${uplink(2)}/30`, bgp_peer_ip: uplink(1), bgp_router_id: uplink(2) },
      secondary: { ip_address: `${uplink(6)}/30`, bgp_peer_ip: uplink(5), bgp_router_id: uplink(6) },
    });
    const subnet = this.#create(`subnet-${number}`, "subnet", { network_id: networkId, cidr: `${prefix}.0/24` });
    const gwInterface = this.#create(
      `gw-interface-${number}`,
      "gw_interface",
      {
        service_type: "vpn",
        vpn_gw_id: gatewayId,
        network_id: networkId,
        gw_vipv4: `${prefix}.151`,
        primary_ipv4: `${prefix}.152`,
        secondary_ipv4: `${prefix}.153`,
        netmask: 24,
        vrid: number,
      },
      [subnet.creates ?? "", vpnInterface.creates ?? ""],
    );
    const routes = Array.from({ length: ROUTES_PER_GATEWAY }, (_, at) =>
      this.#create(`route-${number}-${at + 1}`, "static_route", {
        service_type: "vpn",
        vpn_gw_id: gatewayId,
        destination: `198.${18 + this.#pair}.${number}.${16 * at}/28`,
        nexthop: `${prefix}.${10 + at}`,
      }),
    );
    const made = [gateway, network, vpnInterface, subnet, gwInterface, ...routes].slice(0, most);
    return [...made, ...(made.includes(gateway) ? this.#besides(number, gateway, network, made) : [])];
  }

  /** What else is asked about a gateway: changes, a deletion, and what must be refused. */
  #besides(
    number: number,
    gateway: FleetRequest,
    network: FleetRequest,
    made: readonly FleetRequest[],
  ): FleetRequest[] {
    const gatewayId = gateway.creates ?? "";
    const route = (name: string, fields: JsonObject) =>
      this.#create(name, "static_route", {
        service_type: "vpn",
        vpn_gw_id: gatewayId,
        destination: `203.0.113.${number}/32`,
        nexthop: `10.${this.#pair}.${number}.9`,
        ...fields,
      });
    const passing = { ...route(`passing-${number}`, {}), fate: "accepted" as const };
    const update = (name: string, of: FleetRequest, type: string, fields: JsonObject, after: readonly string[]) =>
      this.#request(name, { method: "PUT", path: `${of.path}/${of.creates}`, body: { [type]: fields } as Json }, after);
    return [
      {
        ...this.#create(`refused-vlan-${number}`, "vpn_gateway", this.#gatewayFields(100 + number), [gatewayId]),
        fate: "refused",
      },
      { ...route(`refused-route-${number}`, { nexthop: "nowhere" }), fate: "refused" },
      { ...route(`foreign-route-${number}`, { tenant_id: OTHER_TENANT }), fate: "foreign" },
      update(`wider-${number}`, gateway, "vpn_gateway", { qos_option_id: this.#qos[1] ?? "" }, []),
      ...(made.includes(network)
        ? [update(`renamed-${number}`, network, "network", { description: `renamed ${number}` }, [])]
        : []),
      passing,
      {
        ...this.#request(`passed-${number}`, { method: "DELETE", path: `${passing.path}/${passing.creates}` }),
        whenDone: true,
      },
    ];
  }

  #gatewayFields(uplinkVlan: number): JsonObject {
    return {
      local_as_number: "65101",
      qos_option_id: this.#qos[0] ?? "",
      vpn_service_id: this.#service,
      uplink_vlan_id: String(uplinkVlan),
    };
  }

  #create(name: string, type: string, fields: JsonObject, after: readonly string[] = []): FleetRequest {
    const whole = `p${this.#pair}-${name}`;
    const body = { [type]: { tenant_id: TENANT, name: whole, ...fields } } as Json;
    return this.#request(name, { method: "POST", path: `/v2.0/${type}s`, body, creates: uuidOf(whole) }, after);
  }

  #request(name: string, request: ScenarioRequest, after: readonly string[] = []): FleetRequest {
    const named = JSON.stringify([request.path, request.body]).match(UUID) ?? [];
    return {
      ...request,
      name: `p${this.#pair}-${name}`,
      fate: "accepted",
      after: [...new Set([...named, ...after])].filter((id) => id !== request.creates),
      whenDone: false,
    };
  }

  /** The text of the demo's infrastructure, about this pair. */
  #ofPair(text: string): string {
    const [pair] = labPairPlans(this.#pair).slice(-1);
    if (pair === undefined) throw new Error("there is no such pair");
    const [secondary, primary] = pair.routers;
    return text
      .replaceAll(UUID, (id) => uuidOf(`pair ${this.#pair}: ${id}`))
      .replaceAll("QFX-NW02", pair.switch.name)
      .replaceAll("10.161.0.34", pair.switch.address)
      .replaceAll("10.79.5.184", secondary.address)
      .replaceAll("10.79.5.185", primary.address)
      .replaceAll("demo-router", this.#secret("router"))
      .replaceAll("demo-switch", this.#secret("switch"))
      .replaceAll("demo-", `p${this.#pair}-`)
      .replaceAll("sample-ha-router-downlink", `p${this.#pair}-downlink`);
  }

  #secret(what: string): string {
    const secret = `hush-${this.#pair}-${what}-hush`;
    this.secrets.push(secret);
    return secret;
  }
}

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

/** Always the same id for a name. */
function uuidOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}
