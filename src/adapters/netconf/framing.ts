import { SignalboxError } from "../../errors.ts";

/** How messages are told apart on the wire: RFC 6242 section 4.3 (`]]>]]>`) and section 4.2 (`\n#<size>\n`). */
export type Framing = "end-of-message" | "chunked";

const END_OF_MESSAGE = Buffer.from("]]>]]>");
const END_OF_CHUNKS = Buffer.from("\n##\n");
const LF = 0x0a;
const HASH = 0x23;
/** `\n#4294967295\n`: the longest chunk header of RFC 6242 section 4.2. */
const LONGEST_HEADER = 13;
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/**
 * Frames one message for the wire; bytes are framed as they are.
 * @throws SB_DEVICE_PROTOCOL when the message cannot be sent so: it holds the end-of-message mark, or is empty in chunked framing
 */
export function encodeMessage(message: string | Uint8Array, framing: Framing): Buffer {
  const body = Buffer.from(message);
  if (framing === "chunked") {
    if (body.length === 0) throw new SignalboxError("SB_DEVICE_PROTOCOL", "an empty message has no chunked form");
    return Buffer.concat([Buffer.from(`\n#${body.length}\n`), body, END_OF_CHUNKS]);
  }
  const framed = Buffer.concat([body, END_OF_MESSAGE]);
  // Also true for a message that ends in a part of the mark: the peer would cut it too early.
  if (framed.indexOf(END_OF_MESSAGE) !== body.length) {
    throw new SignalboxError("SB_DEVICE_PROTOCOL", "the message contains the end-of-message mark ]]>]]>");
  }
  return framed;
}

/**
 * Takes bytes as they come and hands out complete messages.
 *
 * `framing` may be set between two messages, also while the messages of one `push` are being handed out: bytes are
 * decoded only when the next message is asked for. So a peer that sends its hello and its first chunked message in one
 * TCP segment is understood:
 *
 *     for (const message of decoder.push(bytes)) {
 *       if (isHello(message)) decoder.framing = "chunked"; // holds from the next message on
 *     }
 *
 * Leaving the loop early loses nothing: the next `push` (or `messages()`) goes on from there. After an error the
 * stream has no meaning any more and every further call throws the same error.
 */
export class MessageDecoder {
  framing: Framing = "end-of-message";
  readonly #maxBytes: number;
  /** Received bytes are `#buffer[#start, #end)`; the buffer grows by doubling so that large messages stay linear. */
  #buffer: Buffer = Buffer.alloc(4096);
  #start = 0;
  #end = 0;
  /** Bytes from `#start` on that are known to hold no complete end-of-message mark. */
  #scanned = 0;
  /** Data of the chunks of the message that is under way, and their sum. */
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  /** Bytes still missing from the chunk that is under way. */
  #missing = 0;
  #failure: SignalboxError | undefined;

  /** @param options.maxBytes the longest message that is accepted (256 MiB) */
  constructor(options: { maxBytes?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  /**
   * Adds bytes and returns the messages that are complete now, decoded as they are iterated.
   * Bytes that are not UTF-8 are read as U+FFFD: the framing still says where the next message starts.
   * @throws SB_DEVICE_PROTOCOL (while iterating) on bytes that the framing does not allow, or a message longer than maxBytes
   */
  push(chunk: Uint8Array): IterableIterator<string> {
    this.#append(chunk);
    return this.messages();
  }

  /** The complete messages among the bytes received so far that have not been handed out yet. */
  *messages(): IterableIterator<string> {
    for (let message = this.#next(); message !== undefined; message = this.#next()) yield message;
  }

  /** The first `longest` bytes that are not part of a complete message yet, as text: what a peer says that speaks no NETCONF. */
  pending(longest: number): string {
    return this.#text(this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + longest)));
  }

  #next(): string | undefined {
    if (this.#failure) throw this.#failure;
    return this.framing === "chunked" ? this.#nextChunked() : this.#nextMarked();
  }

  #nextMarked(): string | undefined {
    const received = this.#buffer.subarray(this.#start, this.#end);
    const at = received.indexOf(END_OF_MESSAGE, this.#scanned);
    if (at < 0) {
      this.#checkSize(received.length);
      this.#scanned = Math.max(0, received.length - (END_OF_MESSAGE.length - 1));
      return undefined;
    }
    this.#checkSize(at);
    const message = this.#text(received.subarray(0, at));
    this.#consume(at + END_OF_MESSAGE.length);
    return message;
  }

  #nextChunked(): string | undefined {
    while (this.#start < this.#end) {
      if (this.#missing > 0) {
        const available = Math.min(this.#missing, this.#end - this.#start);
        this.#chunks.push(Buffer.from(this.#buffer.subarray(this.#start, this.#start + available)));
        this.#missing -= available;
        this.#consume(available);
        continue;
      }
      const header = this.#readHeader();
      if (header === undefined) return undefined;
      if (header === "end") {
        const message = this.#text(Buffer.concat(this.#chunks));
        this.#chunks = [];
        this.#chunkBytes = 0;
        return message;
      }
      this.#missing = header;
      this.#chunkBytes += header;
      this.#checkSize(this.#chunkBytes);
    }
    return undefined;
  }

  /** Reads `\n#<size>\n` or `\n##\n`; undefined while it is not complete. */
  #readHeader(): number | "end" | undefined {
    // Some servers end a message with a line feed of their own; between two messages it carries no meaning.
    if (this.#chunkBytes === 0) {
      while (this.#end - this.#start >= 2 && this.#buffer[this.#start] === LF && this.#buffer[this.#start + 1] === LF) {
        this.#consume(1);
      }
    }
    const received = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + LONGEST_HEADER));
    if (received[0] !== LF || (received.length > 1 && received[1] !== HASH)) throw this.#badHeader(received);
    const stop = received.indexOf(LF, 1);
    const written = received.subarray(2, stop < 0 ? received.length : stop).toString("latin1");
    if (stop < 0) {
      if (received.length === LONGEST_HEADER || !/^(#|[1-9][0-9]*)?$/.test(written)) throw this.#badHeader(received);
      return undefined;
    }
    if (written === "#") {
      if (this.#chunkBytes === 0) throw this.#fail("the device ends a chunked message that has no chunk");
      this.#consume(stop + 1);
      return "end";
    }
    if (!/^[1-9][0-9]{0,9}$/.test(written)) throw this.#badHeader(received);
    this.#consume(stop + 1);
    return Number(written);
  }

  #append(chunk: Uint8Array): void {
    const used = this.#end - this.#start;
    if (this.#end + chunk.length > this.#buffer.length) {
      const size = Math.max(4096, 2 ** Math.ceil(Math.log2(used + chunk.length)));
      // Moved in place when the free room before it is enough, so that one long message costs few allocations.
      const target = size > this.#buffer.length ? Buffer.alloc(size) : this.#buffer;
      this.#buffer.copy(target, 0, this.#start, this.#end);
      this.#buffer = target;
      this.#start = 0;
      this.#end = used;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  #consume(length: number): void {
    this.#start += length;
    this.#scanned = 0;
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    }
  }

  #text(bytes: Uint8Array): string {
    // Whole messages only: a character that came in two packets or chunks is complete here.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }

  #checkSize(bytes: number): void {
    if (bytes > this.#maxBytes) throw this.#fail(`the device sent a message longer than ${this.#maxBytes} bytes`);
  }

  #badHeader(received: Uint8Array): SignalboxError {
    const seen = JSON.stringify(Buffer.from(received).toString("latin1"));
    return this.#fail(`expected a chunk of RFC 6242, the device sent ${seen}`);
  }

  #fail(message: string): SignalboxError {
    this.#failure = new SignalboxError("SB_DEVICE_PROTOCOL", message);
    return this.#failure;
  }
}
