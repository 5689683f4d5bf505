import { formatIpv4, parseIpv4 } from "./ipv4.ts";

/** Ranges of addresses as a field holds them: a list of `{ start, end }`, both included. Addresses are counted through all of them. */
export interface AddressRange {
  /** As a number. */
  readonly start: number;
  readonly size: number;
}

/** The ranges of a field; undefined when one is none, ends before it starts, or overlaps one before it. */
export function parseAddressRanges(field: unknown): readonly AddressRange[] | undefined {
  const ranges: AddressRange[] = [];
  for (const item of Array.isArray(field) ? (field as unknown[]) : []) {
    const { start, end } = (item ?? {}) as { start?: unknown; end?: unknown };
    const [first, last] = [parseIpv4(String(start)), parseIpv4(String(end))];
    if (first === undefined || last === undefined || last < first) return undefined;
    if (ranges.some((other) => first < other.start + other.size && other.start <= last)) return undefined;
    ranges.push({ start: first, size: last - first + 1 });
  }
  return ranges;
}

export function countAddresses(ranges: readonly AddressRange[]): number {
  return ranges.reduce((sum, { size }) => sum + size, 0);
}

/** The address with that number, counted from 0 through all ranges; undefined when there are not as many. */
export function addressAt(ranges: readonly AddressRange[], number: number): string | undefined {
  let left = number;
  for (const { start, size } of ranges) {
    if (left < size) return formatIpv4(start + left);
    left -= size;
  }
  return undefined;
}
