import { isIPv6 } from "node:net";

/** A host and its port, as a URL or a Host header names them. */
export interface Authority {
  /** Lower case, without a dot at the end; an IPv6 address in its shortest form (RFC 5952), without brackets. */
  readonly host: string;
  /** Undefined where none is named: that of the scheme. */
  readonly port: number | undefined;
}

const ADDRESS = /^\[([0-9A-Fa-f:.]+)\](?::([0-9]{0,5}))?$/;
const NAME = /^([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?(?::([0-9]{0,5}))?$/;
const LONGEST = 260;

/**
 * Reads `host[:port]` (RFC 9110 section 7.2): a name, an IPv4 address, or an IPv6 address in brackets. Names are not looked up, and numbers
 * that stand for an address (`2130706433`) stay the names that they are.
 * @returns undefined for anything else, such as a user in front of the host or an address with a zone
 */
export function parseAuthority(text: string): Authority | undefined {
  if (text.length > LONGEST) return undefined;
  const address = ADDRESS.exec(text);
  const found = address ?? NAME.exec(text);
  const [, given = "", digits = ""] = found ?? [];
  const port = digits === "" ? undefined : Number(digits);
  if (found === null || (port ?? 0) > 65_535) return undefined;
  if (address === null) return { host: given.toLowerCase(), port };
  return isIPv6(given) ? { host: canonicalIpv6(given), port } : undefined;
}

export function defaultPort(scheme: "http" | "https"): number {
  return scheme === "https" ? 443 : 80;
}

/** An address as sockets tell it, in the form of `Authority.host`: an IPv4 address on an IPv6 socket is that IPv4 address. */
export function canonicalAddress(address: string): string {
  const plain = /^::ffff:([0-9.]+)$/i.exec(address)?.[1] ?? address.replace(/%.*$/, "");
  return isIPv6(plain) ? canonicalIpv6(plain) : plain.toLowerCase();
}

function canonicalIpv6(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}
