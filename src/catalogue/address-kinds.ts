import { parseCidr, parseIpv4 } from "./ipv4.ts";

/** What an address is used for: of a host, of a host or a link-local one, of a network, or where a route leads to. */
export type AddressUse = "host" | "host-or-link-local" | "network" | "network-or-link-local" | "destination";

interface SpecialRange {
  readonly name: string;
  readonly network: number;
  readonly size: number;
}

/** Ranges that no host and no network of a tenant has (RFC 6890, RFC 5735). */
const SPECIAL: readonly SpecialRange[] = [
  special("unspecified (0.0.0.0/8)", "0.0.0.0/8"),
  special("a loopback address (127.0.0.0/8)", "127.0.0.0/8"),
  special("link-local (169.254.0.0/16)", "169.254.0.0/16"),
  special("multicast (224.0.0.0/4)", "224.0.0.0/4"),
  special("reserved or broadcast (240.0.0.0/4)", "240.0.0.0/4"),
];
const LINK_LOCAL = SPECIAL[2];
const DEFAULT_ROUTE = "0.0.0.0/0";

/**
 * Why an address or a block cannot be used so.
 * @param text an address, a block, or an address with the length of its prefix; what is none of these is refused by its format
 * @returns undefined: it can
 */
export function unusable(text: string, use: AddressUse): string | undefined {
  const range = rangeOf(text, use);
  if (range === undefined || (use === "destination" && text === DEFAULT_ROUTE)) return undefined;
  const isAllowed = (each: SpecialRange) => each === LINK_LOCAL && use.endsWith("or-link-local");
  const found = SPECIAL.find((each) => !isAllowed(each) && meets(range, each, use));
  return found && `must be no such address: ${text} is ${found.name}`;
}

/** A route may lead to a block that has such addresses among others. */
function meets(range: { first: number; last: number }, { network, size }: SpecialRange, use: AddressUse): boolean {
  const end = network + size - 1;
  return use === "destination"
    ? range.first >= network && range.last <= end
    : range.first <= end && range.last >= network;
}

function rangeOf(text: string, use: AddressUse): { first: number; last: number } | undefined {
  const block = use.startsWith("host") ? undefined : parseCidr(text);
  if (block !== undefined) return { first: block.network, last: block.network + block.size - 1 };
  const address = parseIpv4(text.split("/")[0] ?? "");
  return address === undefined ? undefined : { first: address, last: address };
}

function special(name: string, cidr: string): SpecialRange {
  const block = parseCidr(cidr);
  if (block === undefined) throw new Error(`${cidr} is no block`);
  return { name, network: block.network, size: block.size };
}
