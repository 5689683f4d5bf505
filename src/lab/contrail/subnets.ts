import type { Json } from "../../actors/ports.ts";
import { ApiError } from "./api-error.ts";
import { contains, formatIp, type IpAddress, type IpRange, overlap, parseIp, parsePrefix } from "./ip-range.ts";
import { asList, isObject, type JsonObject } from "./json-value.ts";
import type { ObjectStore, StoredObject, StoredRef } from "./object-store.ts";

/** A subnet of a virtual network: an entry of `ipam_subnets` on its reference to a network-ipam. */
interface NetworkSubnet {
  readonly uuid: string;
  readonly range: IpRange;
  /** As written; 0.0.0.0 for none. */
  readonly gateway: string;
  readonly dnsServer: string;
  readonly fromStart: boolean;
}

/** The subnets of a virtual network. */
function subnetsOf(refs: readonly StoredRef[]): NetworkSubnet[] {
  return refs
    .filter(({ kind }) => kind === "network-ipam")
    .flatMap(({ attr }) => (isObject(attr) ? asList(attr.ipam_subnets) : []))
    .flatMap((entry) => {
      const range = isObject(entry) ? rangeOf(entry) : undefined;
      if (!isObject(entry) || !range) return [];
      return {
        uuid: textOf(entry.subnet_uuid),
        range,
        gateway: textOf(entry.default_gateway),
        dnsServer: textOf(entry.dns_server_address),
        fromStart: entry.addr_from_start === true,
      };
    });
}

/**
 * Checks and completes the subnets on the references of a virtual network as the controller does: subnet_uuid, gateway
 * and service address are filled in where they are missing, and a prefix that was there keeps its uuid.
 * @throws ApiError 400 for a subnet that is none, 409 for subnets that overlap
 */
export function completeSubnets(
  refs: readonly StoredRef[],
  before: readonly StoredRef[],
  newUuid: () => string,
): StoredRef[] {
  const known = subnetsOf(before);
  const seen: IpRange[] = [];
  return refs.map((ref) => {
    if (ref.kind !== "network-ipam" || !isObject(ref.attr)) return ref;
    const subnets = asList(ref.attr.ipam_subnets).map((entry): Json => {
      if (!isObject(entry)) throw new ApiError(400, "Invalid ipam_subnets entry: not an object");
      const range = rangeOf(entry);
      if (!range) throw new ApiError(400, `Invalid subnet: ${JSON.stringify(entry.subnet ?? null)}`);
      const clash = seen.find((other) => overlap(other, range));
      if (clash)
        throw new ApiError(
          409,
          `Overlapping addresses: [IPNetwork('${prefixText(clash)}'), IPNetwork('${prefixText(range)}')]`,
        );
      seen.push(range);
      const fromStart = entry.addr_from_start === true;
      const gateway = textOf(entry.default_gateway) || formatIp(edgeAddress(range, fromStart, 1n));
      const gatewayIp = parseIp(gateway);
      if (!gatewayIp || (gatewayIp.value !== 0n && !contains(range, gatewayIp)))
        throw new ApiError(400, `Gateway IP ${gateway} is not in subnet ${prefixText(range)}`);
      const same = known.find((subnet) => prefixText(subnet.range) === prefixText(range));
      return {
        enable_dhcp: true,
        addr_from_start: fromStart,
        ...entry,
        default_gateway: gateway,
        dns_server_address: textOf(entry.dns_server_address) || formatIp(edgeAddress(range, fromStart, 2n)),
        subnet_uuid: textOf(entry.subnet_uuid) || same?.uuid || newUuid(),
      };
    });
    return { ...ref, attr: { ...ref.attr, ipam_subnets: subnets } };
  });
}

/** Throws ApiError 409 when an address of the network lies in none of its subnets any more. */
export function checkAddressesKeepSubnet(store: ObjectStore, network: StoredObject, refs: readonly StoredRef[]): void {
  const subnets = subnetsOf(refs);
  for (const { address } of addressesOf(store, network.uuid)) {
    if (!subnets.some(({ range }) => contains(range, address)))
      throw new ApiError(409, `Cannot Delete IP Block, IP(${formatIp(address)}) is in use`);
  }
}

/**
 * The properties of an instance-ip with its address, taken from the first subnet of its network that has one when none
 * is given.
 * @throws ApiError 400 without a network or with an address outside its subnets, 409 when the address is taken or none is left
 */
export function allocateAddress(store: ObjectStore, properties: JsonObject, refs: readonly StoredRef[]): JsonObject {
  const network = refs.find(({ kind }) => kind === "virtual-network");
  const stored = network && store.byUuid(network.uuid);
  if (!stored) throw new ApiError(400, "virtual_network_refs or network_ipam_refs must be present for an instance-ip");
  const name = stored.fqName.join(":");
  const used = new Set(addressesOf(store, stored.uuid).map(({ address }) => formatIp(address)));
  const wantedSubnet = textOf(properties.subnet_uuid);
  const family = textOf(properties.instance_ip_family) || undefined;
  const asked = textOf(properties.instance_ip_address);
  const subnets = subnetsOf(stored.refs).filter(
    (subnet) =>
      (wantedSubnet === "" || subnet.uuid === wantedSubnet) &&
      (family === undefined || asked !== "" || subnet.range.family === family),
  );
  if (asked !== "") {
    const address = parseIp(asked);
    if (!address) throw new ApiError(400, `Invalid IP address ${asked}`);
    const subnet = subnets.find(({ range }) => contains(range, address));
    if (!subnet || isEdge(subnet.range, address))
      throw new ApiError(400, `Virtual-Network(${name}) has invalid or no subnet for IP ${asked}`);
    if (used.has(formatIp(address))) throw new ApiError(409, `Ip address already in use: ${asked}`);
    return { ...properties, instance_ip_family: address.family, subnet_uuid: subnet.uuid };
  }
  for (const subnet of subnets) {
    const address = freeAddress(subnet, used);
    if (!address) continue;
    return {
      ...properties,
      instance_ip_address: formatIp(address),
      instance_ip_family: address.family,
      subnet_uuid: subnet.uuid,
    };
  }
  throw new ApiError(409, `Virtual-Network(${name}) has exhausted subnet(${wantedSubnet || "all"})`);
}

/** Contrail gives addresses from the top of the subnet, unless addr_from_start is set. */
function freeAddress(
  { range, gateway, dnsServer, fromStart }: NetworkSubnet,
  used: ReadonlySet<string>,
): IpAddress | undefined {
  const step = fromStart ? 1n : -1n;
  for (let value = fromStart ? range.first : range.last; value >= range.first && value <= range.last; value += step) {
    const address: IpAddress = { family: range.family, value };
    if (isEdge(range, address)) continue;
    const text = formatIp(address);
    if (text !== gateway && text !== dnsServer && !used.has(text)) return address;
  }
  return undefined;
}

function addressesOf(store: ObjectStore, network: string): Array<{ address: IpAddress }> {
  return store
    .backRefs(network)
    .filter(({ kind }) => kind === "instance-ip")
    .flatMap(({ properties }) => {
      const address = parseIp(textOf(properties.instance_ip_address));
      return address ? [{ address }] : [];
    });
}

/** Network and broadcast address, which no host has (point-to-point and host prefixes have none, RFC 3021). */
function isEdge(range: IpRange, { value }: IpAddress): boolean {
  return range.last - range.first > 1n && (value === range.first || value === range.last);
}

/** The nth address from the end where the controller starts to allocate. */
function edgeAddress(range: IpRange, fromStart: boolean, nth: bigint): IpAddress {
  const inside = range.last - range.first > 1n ? nth : 0n;
  const value = fromStart ? range.first + inside : range.last - inside;
  return { family: range.family, value: value < range.first || value > range.last ? range.first : value };
}

function rangeOf(entry: JsonObject): IpRange | undefined {
  const { subnet } = entry;
  if (!isObject(subnet)) return undefined;
  return parsePrefix(textOf(subnet.ip_prefix), Number(subnet.ip_prefix_len ?? Number.NaN));
}

const prefixText = (range: IpRange): string =>
  `${formatIp({ family: range.family, value: range.first })}/${range.length}`;

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");
