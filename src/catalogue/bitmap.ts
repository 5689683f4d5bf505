/**
 * Pools of numbers as base64 bitmaps: bit 0 first (most significant bit of byte 0), set = taken (reference: etcd documents of the
 * ha_interface, seed 003).
 */

export function bitmapOf(size: number, taken: Iterable<number>): string {
  const bytes = Buffer.alloc(Math.ceil(size / 8));
  for (const bit of taken) {
    if (bit >= 0 && bit < size) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  }
  return bytes.toString("base64");
}

export function isTaken(bitmap: Buffer, bit: number): boolean {
  return ((bitmap[bit >> 3] ?? 0xff) & (0x80 >> (bit & 7))) !== 0;
}

/** The lowest bit that is neither set nor in `claimed`. */
export function lowestFree(bitmapBase64: string, size: number, claimed: ReadonlySet<number>): number | undefined {
  const bitmap = Buffer.from(bitmapBase64, "base64");
  for (let bit = 0; bit < size; bit += 1) {
    if (!isTaken(bitmap, bit) && !claimed.has(bit)) return bit;
  }
  return undefined;
}

/** The lowest number below `size` that is not in `claimed`. */
export function lowestUnclaimed(size: number, claimed: ReadonlySet<number>): number | undefined {
  for (let number = 0; number < size; number += 1) if (!claimed.has(number)) return number;
  return undefined;
}

/** How many of the first `size` bits are clear; of all bits when it is not given. */
export function countFree(bitmapBase64: string, wanted?: number): number {
  const bitmap = Buffer.from(bitmapBase64, "base64");
  const size = wanted ?? bitmap.length * 8;
  let free = 0;
  for (let bit = 0; bit < size; bit += 1) if (!isTaken(bitmap, bit)) free += 1;
  return free;
}

/** The bitmap with bits set or cleared; those beyond its end are left out. */
export function withBits(bitmapBase64: string, bits: Iterable<number>, taken: boolean): string {
  const bytes = Buffer.from(bitmapBase64, "base64");
  for (const bit of bits) {
    const at = bit >> 3;
    if (bit < 0 || at >= bytes.length) continue;
    const mask = 0x80 >> (bit & 7);
    bytes[at] = taken ? (bytes[at] ?? 0) | mask : (bytes[at] ?? 0) & ~mask;
  }
  return bytes.toString("base64");
}

/** "0-1024,4094" to its numbers; undefined when the text is no such list or a number is not below `size`. */
export function parseNumberRanges(text: string, size: number): Set<number> | undefined {
  const numbers = new Set<number>();
  if (text.trim() === "") return numbers;
  for (const part of text.split(",")) {
    const match = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(part);
    if (!match) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first > last || last >= size) return undefined;
    for (let number = first; number <= last; number += 1) numbers.add(number);
  }
  return numbers;
}
