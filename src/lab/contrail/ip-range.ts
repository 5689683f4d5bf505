import { isIPv4, isIPv6 } from "node:net";

/** An address as a number. */
export interface IpAddress {
  readonly family: "v4" | "v6";
  readonly value: bigint;
}

/** A prefix with its first and last address. */
export interface IpRange {
  readonly family: "v4" | "v6";
  readonly length: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** Parses an IPv4 or IPv6 address; undefined when it is neither. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: "v4", value: joinGroups(text.split(".").map(Number), 8n) };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  // The last 32 bits may be written as IPv4 (RFC 4291 section 2.2).
  const plain = text.replace(/\d+\.\d+\.\d+\.\d+$/, (tail) => {
    const value = joinGroups(tail.split(".").map(Number), 8n);
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  });
  const [head = "", tail] = plain.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(8 - front.length - back.length).fill(0);
  return { family: "v6", value: joinGroups([...front, ...zeros, ...back], 16n) };
}

/** An address as text: dotted, or in the canonical form of RFC 5952. */
export function formatIp(address: IpAddress): string {
  if (address.family === "v4") return splitGroups(address.value, 4, 8n).join(".");
  const groups = splitGroups(address.value, 8, 16n).map((group) => group.toString(16));
  // The longest run of two or more zero groups is left out; the first one among equals.
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === "0") length += 1;
    if (length > best.length) best = { at, length };
  }
  if (best.at < 0) return groups.join(":");
  return `${groups.slice(0, best.at).join(":")}::${groups.slice(best.at + best.length).join(":")}`;
}

/** The range of a prefix; undefined when it is none, or when bits behind the prefix length are set. */
export function parsePrefix(address: string, length: number): IpRange | undefined {
  const ip = parseIp(address);
  const bits = ip?.family === "v4" ? 32 : 128;
  if (!ip || !Number.isInteger(length) || length < 0 || length > bits) return undefined;
  const size = 1n << BigInt(bits - length);
  if (ip.value % size !== 0n) return undefined;
  return { family: ip.family, length, first: ip.value, last: ip.value + size - 1n };
}

export function contains(range: IpRange, address: IpAddress): boolean {
  return range.family === address.family && range.first <= address.value && address.value <= range.last;
}

export function overlap(a: IpRange, b: IpRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

function joinGroups(groups: readonly number[], bits: bigint): bigint {
  return groups.reduce((value, group) => (value << bits) | BigInt(group), 0n);
}

function splitGroups(value: bigint, count: number, bits: bigint): number[] {
  return Array.from({ length: count }, (_, index) =>
    Number(BigInt.asUintN(Number(bits), value >> (bits * BigInt(count - 1 - index)))),
  );
}
