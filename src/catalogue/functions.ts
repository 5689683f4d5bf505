import { SignalboxError } from "../errors.ts";
import { addressFunctions } from "./address-functions.ts";
import { countAddresses, parseAddressRanges } from "./address-ranges.ts";
import { bitmapOf, countFree, lowestFree, lowestUnclaimed, parseNumberRanges } from "./bitmap.ts";
import { cidrContains, formatIpv4, parseCidr, parseIpv4 } from "./ipv4.ts";
import { publicAddressFunctions } from "./public-addresses.ts";
import { poolKey, type ResourceView } from "./resource-view.ts";

const VLANS = 4096;
/** Bitmaps of addresses are padded to whole words of so many bits, and have so many at most. */
const WORD = 32;
const MAX_ADDRESSES = 65_536;

/**
 * The functions that an expression may call: each a pure rule of the original's derivations (reference: side effects).
 * A new kind of rule is a new entry here.
 */
const functions: Readonly<Record<string, (args: readonly unknown[], view: ResourceView) => unknown>> = {
  ...publicAddressFunctions,
  ...addressFunctions,
  /** vlan_pool(restricted): bitmap of 4096 VLAN ids with the restricted ones, 0 and 4095 taken. */
  vlan_pool: ([restricted]) => {
    const taken = parseNumberRanges(String(restricted ?? ""), VLANS);
    if (taken === undefined) {
      throw new SignalboxError("SB_INVALID_BODY", "restricted_vlans is not a list of VLAN ranges", {
        fields: [
          { pointer: "/restricted_vlans", detail: 'must be VLAN ids and ranges from 0 to 4095, such as "0-1024,4094"' },
        ],
      });
    }
    return bitmapOf(VLANS, [0, ...taken, VLANS - 1]);
  },
  /** number_pool(free, size): bitmap of so many numbers of which only the first ones may be given out. */
  number_pool: ([free, size]) => bitmapOf(Number(size), numbersFrom(Number(free), Number(size))),
  /** address_pool(ranges): bitmap of the addresses of the ranges, in order, padded with taken ones. */
  address_pool: ([field]) => {
    const ranges = parseAddressRanges(field);
    const count = ranges === undefined ? 0 : countAddresses(ranges);
    if (count === 0 || count > MAX_ADDRESSES) {
      throw new SignalboxError("SB_INVALID_BODY", "ip_ranges holds no ranges of addresses that can be given out", {
        fields: [
          {
            pointer: "/ip_ranges",
            detail: `must have ranges from a start to an end that do not overlap, with 1 to ${MAX_ADDRESSES} addresses in all`,
          },
        ],
      });
    }
    const size = Math.ceil(count / WORD) * WORD;
    return bitmapOf(size, numbersFrom(count, size));
  },
  /** vlans_free(bitmap): how many VLAN ids of the pool are free. */
  vlans_free: ([bitmap]) => countFree(String(bitmap), VLANS),
  /** or(value, fallback): the value, or the fallback when nobody set it. */
  or: ([value, fallback]) => value ?? fallback,
  /** zero(): the number 0. */
  zero: () => 0,
  /** first(list): the first item, or null. */
  first: ([list]) => (Array.isArray(list) ? (list[0] ?? null) : null),
  /** with_room(ha_interface ids, pool, ha_router id): the first one, of that router pair unless it is null, whose pool has a free number. */
  with_room: ([ids, pool, router], view) => {
    const all = Array.isArray(ids) ? ids.map(String) : [];
    const candidates = all.filter((id) => isOnPair(id, router, view));
    if (all.length > 0 && candidates.length === 0)
      throw new SignalboxError(
        "SB_PARAMETER_INVALID",
        `no downlink interface of the service is on ha_router ${String(router)}, which the qos_option is for`,
      );
    for (const id of candidates) {
      const owner = view.get("ha_interface", id);
      const bitmap = String(owner?.body["vlan_pool_state"] ?? "");
      const claimed = view.claimed(poolKey("ha_interface", id, String(pool)));
      if (owner && !owner.markedForDeletion && lowestFree(bitmap, VLANS, claimed) !== undefined) return id;
    }
    const which = candidates.map((id) => `ha_interface ${id}`).join(", ");
    throw candidates.length === 0
      ? new SignalboxError(
          "SB_PARAMETER_INVALID",
          "downlink_interfaces of the service is empty: there is no interface for a gateway",
        )
      : new SignalboxError("SB_POOL_EXHAUSTED", `no VLAN is left on ${which}`);
  },
  /** on_pair(ha_interface ids, ha_router id): the first one of that router pair, or null. */
  on_pair: ([ids, router], view) =>
    (Array.isArray(ids) ? ids.map(String) : []).find((id) => isOnPair(id, router, view)) ?? null,
  /** nat_ip_pool_of(common_function_pool id, ha_router id): the nat_ip_pool of both that has a free address. */
  nat_ip_pool_of: ([pool, router], view) => {
    const pools = view
      .referrers("common_function_pool", String(pool))
      .filter(({ type, body }) => type === "nat_ip_pool" && body["ha_router_id"] === router);
    for (const { id, body, markedForDeletion } of pools) {
      const size = countAddresses(parseAddressRanges(body["ip_ranges"]) ?? []);
      const claimed = view.claimed(poolKey("nat_ip_pool", id, "address"));
      if (!markedForDeletion && lowestUnclaimed(size, claimed) !== undefined) return id;
    }
    const of = `common_function_pool ${String(pool)} on ha_router ${String(router)}`;
    const which = pools.map(({ id }) => `nat_ip_pool ${id}`).join(", ");
    throw new SignalboxError(
      "SB_POOL_EXHAUSTED",
      pools.length === 0 ? `there is no nat_ip_pool of ${of}` : `no address is left in ${which} of ${of}`,
    );
  },
  /** common_functions_of(common_function_pool id): its common functions by their numbers, as the gateway lists them. */
  common_functions_of: ([pool], view) => {
    const found = view
      .referrers("common_function_pool", String(pool))
      .filter(({ type, markedForDeletion }) => type === "common_function" && !markedForDeletion)
      .sort((a, b) => Number(a.body["common_function_number"]) - Number(b.body["common_function_number"]));
    if (found.length > 0) return found.map(({ id }) => ({ common_function_id: id }));
    throw new SignalboxError(
      "SB_PARAMETER_INVALID",
      `common_function_pool ${String(pool)} has no common_function: there is nothing that a gateway could lead to`,
    );
  },
  /** vrrp_entry(vrrp_config, number, member): a member of the entry for the common function of that number, counted from 1. */
  vrrp_entry: ([config, number, member]) => {
    const entry: unknown = Array.isArray(config) ? config[Number(number) - 1] : undefined;
    if (typeof entry === "object" && entry !== null) return (entry as Record<string, unknown>)[String(member)] ?? null;
    throw new SignalboxError(
      "SB_POOL_EXHAUSTED",
      `vrrp_config of the common_function_pool has no entry left: common function number ${String(number)} needs one`,
    );
  },
  /** ha_router_of(ha_interface ids): the router pair of the first interface pair. */
  ha_router_of: ([ids], view) => {
    const [first] = Array.isArray(ids) ? ids : [];
    return view.get("ha_interface", String(first))?.body["ha_router_id"] ?? null;
  },
  /** sum(a, b): of two numbers, or texts that spell them. */
  sum: (terms) => terms.reduce<number>((sum, term) => sum + Number(term), 0),
  /** integer(text): the number that the text spells. */
  integer: ([text]) => {
    if (/^-?\d+$/.test(String(text))) return Number(text);
    throw new SignalboxError("SB_PARAMETER_INVALID", `${JSON.stringify(text) ?? "nothing"} is not a whole number`);
  },
  /** prefix_length(cidr): as a number; null when it is no block. */
  prefix_length: ([cidr]) => parseCidr(String(cidr))?.length ?? null,
  /** address(cidr, n): the n-th address of the block, counted from its network address. */
  address: ([cidr, offset]) => {
    const block = parseCidr(String(cidr));
    if (block === undefined) return null;
    if (Number(offset) < block.size) return formatIpv4(block.network + Number(offset));
    throw new SignalboxError("SB_INVALID_BODY", `${String(cidr)} has no address number ${String(offset)}`, {
      fields: [{ pointer: "/cidr", detail: `is too small: it has no address number ${String(offset)}` }],
    });
  },
  /** pool(cidr): the allocation pool of a subnet: second host address to the last one before broadcast. */
  pool: ([cidr]) => {
    const block = parseCidr(String(cidr));
    if (block === undefined || block.size < 8) {
      throw new SignalboxError("SB_INVALID_BODY", "the subnet is too small", {
        fields: [
          { pointer: "/cidr", detail: "must be a block of at least 8 addresses (/29): gateway, DHCP server and hosts" },
        ],
      });
    }
    return [{ start: formatIpv4(block.network + 2), end: formatIpv4(block.network + block.size - 2) }];
  },
  /** known(type, id): the id, when a resource of the type has it; null otherwise. */
  known: ([type, id], view) => view.get(String(type), String(id))?.id ?? null,
  /** holder(type, field, value): the id of the resource of the type that has the unique value in its field, or null. */
  holder: ([type, field, value], view) =>
    typeof value === "string" && value !== "" ? (view.holder(String(type), String(field), value) ?? null) : null,
  /** vlan_within(ranges, segmentation type, segmentation id): the VLAN of a port: 0, untagged, unless it is of type vlan. */
  vlan_within: ([ranges, type, id]) => {
    if (type !== "vlan") return 0;
    const allowed = Array.isArray(ranges) ? (ranges as ReadonlyArray<{ start: number; end: number }>) : [];
    if (typeof id === "number" && allowed.some(({ start, end }) => start <= id && id <= end)) return id;
    const list = allowed.map(({ start, end }) => `${start}-${end}`).join(", ");
    throw new SignalboxError("SB_INVALID_BODY", `the physical_port takes no VLAN ${String(id ?? "")}`, {
      fields: [
        { pointer: "/segmentation_id", detail: `must be a VLAN in the physical_port's segmentation_ranges: ${list}` },
      ],
    });
  },
  /** mac(suffix): a locally known MAC address fa:16:3e:... from six hexadecimal digits of the id. */
  mac: ([id]) => `fa:16:3e:${[0, 2, 4].map((at) => String(id).slice(at, at + 2)).join(":")}`,
  /** subnet_of(network id, address, field): id of the network's subnet that contains the address. */
  subnet_of: ([network, address, field], view) => {
    const value = parseIpv4(String(address));
    for (const subnet of view.referrers("network", String(network))) {
      const block = subnet.type === "subnet" ? parseCidr(String(subnet.body["cidr"])) : undefined;
      if (value !== undefined && block !== undefined && cidrContains(block, value)) return subnet.id;
    }
    throw new SignalboxError("SB_INVALID_BODY", `no subnet of network ${String(network)} contains ${String(address)}`, {
      fields: [
        {
          pointer: `/${String(field)}`,
          detail: `${String(address)} is in no subnet of network ${String(network)}; create the subnet first`,
        },
      ],
    });
  },
};

/** Without a router pair every interface will do. */
function isOnPair(id: string, router: unknown, view: ResourceView): boolean {
  const isAny = router === undefined || router === null || router === "";
  return isAny || view.get("ha_interface", id)?.body["ha_router_id"] === router;
}

/** The numbers from one up to, and without, another. */
function numbersFrom(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, at) => first + at);
}

/** Calls a function by name. Names are checked when the catalogue is loaded. */
export function callFunction(name: string, args: readonly unknown[], view: ResourceView): unknown {
  const implementation = functions[name];
  if (implementation === undefined) throw new SignalboxError("SB_CATALOGUE_INVALID", `unknown function ${name}()`);
  return implementation(args, view);
}

export function isFunction(name: string): boolean {
  return Object.hasOwn(functions, name);
}
