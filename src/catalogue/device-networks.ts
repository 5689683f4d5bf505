import { BlockList, isIP } from "node:net";

/** Where no device is: an address of this machine, of a link, of many, or of none. */
const NEVER: ReadonlyArray<readonly [network: string, what: string]> = [
  ["0.0.0.0/8", "no address of a device"],
  ["127.0.0.0/8", "a loopback address"],
  ["169.254.0.0/16", "a link-local address"],
  ["224.0.0.0/4", "a multicast address"],
  ["240.0.0.0/4", "a reserved or broadcast address"],
  ["::/128", "no address of a device"],
  ["::1/128", "a loopback address"],
  ["fe80::/10", "a link-local address"],
  ["ff00::/8", "a multicast address"],
];

/** IPv6 prefixes of 96 bits with an IPv4 address behind them: mapped and compatible (RFC 4291), translated (RFC 6052). */
const EMBEDDING = ["::ffff:0:0", "::", "64:ff9b::"].map((prefix) => blocks([`${prefix}/96`]));

/** The networks that devices are in. Nothing outside them is contacted for a resource. */
export class DeviceNetworks {
  readonly #never = NEVER.map(([network, what]) => ({ block: blocks([network]), what }));
  readonly #allowed: BlockList | undefined;

  /**
   * @param allowed CIDR networks; undefined: all but those in which no device can be
   * @throws Error naming what is no network
   */
  constructor(allowed?: readonly string[]) {
    this.#allowed = allowed === undefined ? undefined : blocks(allowed);
  }

  /** Why an IP address is not a device's, as in "is a loopback address"; undefined when it may be one. */
  refusal(address: string): string | undefined {
    const bare = address.replace(/%.*$/, "");
    if (isIP(bare) === 0) return "is no IP address";
    const forms = [bare, ...embedded(bare)];
    for (const form of forms) {
      const found = this.#never.find(({ block }) => holds(block, form));
      if (found !== undefined) return `is ${found.what}`;
    }
    if (this.#allowed === undefined || forms.some((form) => this.#allowed && holds(this.#allowed, form)))
      return undefined;
    return "is in none of devices.allowed_networks";
  }
}

function blocks(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [, address = "", bits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(network) ?? [];
    const family = isIP(address);
    if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) {
      throw new Error(`${network} is no network: write address/bits, such as 10.0.0.0/8`);
    }
    list.addSubnet(address, Number(bits), family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

function holds(block: BlockList, address: string): boolean {
  return block.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

/** The IPv4 address within an IPv6 one. */
function embedded(address: string): string[] {
  if (isIP(address) !== 6 || !EMBEDDING.some((block) => holds(block, address))) return [];
  // The canonical form has the last 32 bits in hexadecimal, in two groups at most.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(":").slice(-2);
  const [high = 0, low = 0] = groups.map((group) => Number.parseInt(group || "0", 16));
  return [`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`];
}
