import { cidrContains, formatIpv4, type Ipv4Cidr, parseCidr, parseIpv4 } from "./ipv4.ts";
import type { Body, ResourceView } from "./resource-view.ts";

/** The functions of constraints about addresses. Each is null where what it is asked about is none: its format says so then. */
export const addressFunctions: Readonly<Record<string, (args: readonly unknown[], view: ResourceView) => unknown>> = {
  /** network_of(address, length): the block of that prefix length around the address; the length may stand in the address. */
  network_of: ([address, length]) => textOf(around(address, length)),
  /** is_host(address, length): "yes" when it is neither the first nor the last address of that block; a block of one or two has only hosts. */
  is_host: ([address, length]) => {
    const block = around(address, length);
    const value = parseIpv4(String(address).split("/")[0] ?? "");
    return block === undefined || value === undefined ? null : yesOrNo(isHostOf(block, value));
  },
  /** prefix_of(address): the length of the prefix that stands in an address such as 192.0.2.2/30. */
  prefix_of: ([address]) => String(address).split("/")[1] ?? null,
  /** same_address(a, b): "yes" or "no", whatever prefix lengths stand in them. */
  same_address: ([a, b]) => yesOrNo(String(a).split("/")[0] === String(b).split("/")[0]),
  /** host_within(address, cidr): "yes" when it is an address of the block, and neither its first nor its last. */
  host_within: ([address, cidr]) => {
    const block = parseCidr(String(cidr));
    const value = parseIpv4(String(address));
    return block === undefined || value === undefined
      ? null
      : yesOrNo(cidrContains(block, value) && isHostOf(block, value));
  },
  /** ranges_within(ranges, cidr): of each range of addresses "yes" when it goes from a start to an end within the block. */
  ranges_within: ([ranges, cidr]) => {
    const block = parseCidr(String(cidr));
    return each(ranges, ({ start, end }) => {
      const [first, last] = [parseIpv4(String(start)), parseIpv4(String(end))];
      if (block === undefined || first === undefined || last === undefined) return false;
      return first <= last && cidrContains(block, first) && cidrContains(block, last);
    });
  },
  /** ascending(ranges): of each range of numbers "yes" when its end is not before its start. */
  ascending: ([ranges]) => each(ranges, ({ start, end }) => Number(start) <= Number(end)),
  /** hosts_of_subnets(fixed_ips): of each "yes" when its address is a host of its subnet. */
  hosts_of_subnets: ([fixed], view) =>
    each(fixed, ({ subnet_id, ip_address }) => {
      const block = parseCidr(String(view.get("subnet", String(subnet_id))?.body["cidr"]));
      const value = parseIpv4(String(ip_address));
      return block !== undefined && value !== undefined && cidrContains(block, value) && isHostOf(block, value);
    }),
  /** no_ipv6(addresses): of each text "no" when it is an IPv6 address. */
  no_ipv6: ([texts]) => (Array.isArray(texts) ? texts.map((text) => yesOrNo(!String(text).includes(":"))) : null),
};

/** Blocks that have an address in common. */
export function overlap(a: unknown, b: unknown): boolean {
  const [one, other] = [parseCidr(String(a)), parseCidr(String(b))];
  return (
    one !== undefined && other !== undefined && (cidrContains(one, other.network) || cidrContains(other, one.network))
  );
}

function around(address: unknown, length: unknown): Ipv4Cidr | undefined {
  const [text = "", own] = String(address).split("/");
  const value = parseIpv4(text);
  const bits = Number(own ?? length);
  if (value === undefined || !Number.isInteger(bits) || bits < 0 || bits > 32) return undefined;
  const size = 2 ** (32 - bits);
  return { network: value - (value % size), length: bits, size };
}

function isHostOf({ network, size }: Ipv4Cidr, address: number): boolean {
  return size <= 2 || (address !== network && address !== network + size - 1);
}

function textOf(block: Ipv4Cidr | undefined): string | null {
  return block === undefined ? null : `${formatIpv4(block.network)}/${block.length}`;
}

function each(list: unknown, test: (item: Body) => boolean): unknown {
  if (!Array.isArray(list)) return null;
  return list.map((item: unknown) => yesOrNo(typeof item === "object" && item !== null && test(item as Body)));
}

function yesOrNo(value: boolean): "yes" | "no" {
  return value ? "yes" : "no";
}
