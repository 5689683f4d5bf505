/**
 * The part of the Basic Encoding Rules (X.690) that SNMP uses (RFC 3417 section 8): definite lengths, single-byte tags.
 */

/** Tags of RFC 3416 section 3 and of the universal types below it. */
export const TAG = {
  integer: 0x02,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  sequence: 0x30,
  counter32: 0x41,
  gauge32: 0x42,
  timeTicks: 0x43,
  counter64: 0x46,
  noSuchObject: 0x80,
  noSuchInstance: 0x81,
  endOfMibView: 0x82,
} as const;

/** The bytes are not what the encoding rules allow. */
export class BerError extends Error {
  override readonly name = "BerError";
}

/** Reads one element after the other from a buffer; never beyond its end. */
export class BerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The next element's tag and content, which moves past it. */
  element(): { tag: number; content: Buffer } {
    const tag = this.#byte();
    const length = this.#length();
    if (this.#at + length > this.#bytes.length) throw new BerError("an element is longer than the message");
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { tag, content };
  }

  /** The content of the next element, which must have that tag. */
  expect(tag: number): Buffer {
    const found = this.element();
    if (found.tag !== tag) throw new BerError(`tag ${found.tag} stands where ${tag} is expected`);
    return found.content;
  }

  integer(): number {
    const content = this.expect(TAG.integer);
    if (content.length < 1 || content.length > 4) throw new BerError("an integer has 1 to 4 bytes");
    return content.readIntBE(0, content.length);
  }

  objectIdentifier(): number[] {
    return decodeOid(this.expect(TAG.objectIdentifier));
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new BerError("the message ends too early");
    this.#at += 1;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count < 1 || count > 3) throw new BerError("a length has an unusable form");
    let length = 0;
    for (let index = 0; index < count; index += 1) length = length * 256 + this.#byte();
    return length;
  }
}

/** One element: tag, length, content. */
export function encode(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x10000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

export function encodeSequence(parts: readonly Buffer[], tag: number = TAG.sequence): Buffer {
  return encode(tag, Buffer.concat(parts));
}

/** A signed or unsigned integer type in as few bytes as it takes (X.690 section 8.3). */
export function encodeInteger(value: number | bigint, tag: number = TAG.integer): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    bytes.unshift(Number(rest & 0xffn));
    rest >>= 8n;
  } while (!((rest === 0n && (bytes[0] ?? 0) < 0x80) || (rest === -1n && (bytes[0] ?? 0) >= 0x80)));
  return encode(tag, Buffer.from(bytes));
}

export function encodeOid(oid: readonly number[]): Buffer {
  const [first = 0, second = 0, ...rest] = oid;
  const bytes: number[] = [];
  for (const part of [first * 40 + second, ...rest]) {
    const group = [part % 128];
    for (let high = Math.floor(part / 128); high > 0; high = Math.floor(high / 128)) group.unshift((high % 128) + 128);
    bytes.push(...group);
  }
  return encode(TAG.objectIdentifier, Buffer.from(bytes));
}

function decodeOid(content: Buffer): number[] {
  const parts: number[] = [];
  let part = 0;
  for (const byte of content) {
    part = part * 128 + (byte & 0x7f);
    if (part > 0xffffffff) throw new BerError("a part of an object identifier is too large");
    if ((byte & 0x80) !== 0) continue;
    parts.push(part);
    part = 0;
  }
  const last = content.at(-1);
  if (last === undefined || (last & 0x80) !== 0) throw new BerError("an object identifier is cut off");
  // X.690 section 8.19.4: the first two parts share a number.
  const [head = 0, ...rest] = parts;
  const first = Math.min(2, Math.floor(head / 40));
  return [first, head - first * 40, ...rest];
}
