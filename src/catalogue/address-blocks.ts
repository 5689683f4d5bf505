import { formatIpv4, type Ipv4Cidr, parseCidr } from "./ipv4.ts";

/** Aligned blocks of addresses out of a larger block, whose addresses are counted from 0. */

/** Numbers that belong together: `count` of them from `number` on; one when it is not said. */
export interface NumberRun {
  readonly number: number;
  readonly count?: number;
}

export function numbersOf({ number, count = 1 }: NumberRun): number[] {
  return Array.from({ length: count }, (_, at) => number + at);
}

/** The first address of the lowest block of `count` addresses, a power of two, none of which is taken; undefined when there is none. */
export function lowestFreeBlock(size: number, count: number, taken: ReadonlySet<number>): number | undefined {
  const blocks = Math.floor(size / count);
  const used = new Set([...taken].map((number) => Math.floor(number / count)));
  for (let block = 0; block < blocks; block += 1) if (!used.has(block)) return block * count;
  return undefined;
}

/** The block of a first address and a prefix length; undefined when it is none or has host bits set. */
export function blockOf(network: unknown, length: unknown): Ipv4Cidr | undefined {
  return parseCidr(`${String(network)}/${String(length)}`);
}

/** "203.0.113.8/29" for the part of a block that begins with that address of it. */
export function partOf(block: Ipv4Cidr, number: number, length: number): string {
  return `${formatIpv4(block.network + number)}/${length}`;
}

/** The addresses of a part by their numbers in the block; undefined when it is not within. */
export function numbersOfPart(block: Ipv4Cidr, part: Ipv4Cidr): Required<NumberRun> | undefined {
  const number = part.network - block.network;
  return number >= 0 && number + part.size <= block.size ? { number, count: part.size } : undefined;
}
