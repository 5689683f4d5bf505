/** An IPv4 address with its prefix length, as numbers. */
export interface Ipv4Prefix {
  readonly address: number;
  readonly length: number;
}

/** Reads `a.b.c.d` or `a.b.c.d/n`; undefined for anything else. */
export function parseIpv4(text: string): Ipv4Prefix | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (!match) return undefined;
  const octets = match.slice(1, 5).map(Number);
  const length = match[5] === undefined ? 32 : Number(match[5]);
  if (length > 32 || octets.some((octet) => octet > 255)) return undefined;
  return { address: octets.reduce((sum, octet) => sum * 256 + octet, 0), length };
}

/** Is the address within the subnet? */
export function inSubnet(address: Ipv4Prefix, subnet: Ipv4Prefix): boolean {
  const size = 2 ** (32 - subnet.length);
  return Math.floor(address.address / size) === Math.floor(subnet.address / size);
}
