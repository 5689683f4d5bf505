import type { OfferedAlgorithms } from "./algorithms.ts";

const LONGEST = 64 * 1024;
const KEXINIT = 20;
const COOKIE_BYTES = 16;
const LISTS = 6;

/**
 * What an SSH server says in the clear: lines of text, its identification and the algorithms that it offers (RFC 4253 sections
 * 4.2 and 7.1). A device that takes no more sessions says so there, and ssh2 tells neither that nor what was offered.
 */
export class SshPreamble {
  #bytes = Buffer.alloc(0);

  /** Takes the first bytes of a connection as they come. */
  push(bytes: Uint8Array): void {
    if (this.#bytes.length < LONGEST) this.#bytes = Buffer.concat([this.#bytes, bytes]).subarray(0, LONGEST);
  }

  /** Nothing more is to be learned from the stream. */
  get complete(): boolean {
    return this.#bytes.length >= LONGEST || this.offered !== undefined;
  }

  /** The lines in front of the identification; all that came when there is none. */
  get text(): string {
    const { start } = this.#identification() ?? { start: this.#bytes.length };
    return this.#bytes.subarray(0, start).toString("utf8").trim();
  }

  /** Undefined while it has not come, or when it is not what RFC 4253 has. */
  get offered(): OfferedAlgorithms | undefined {
    const { end } = this.#identification() ?? {};
    // packet_length, padding_length, then the payload: SSH_MSG_KEXINIT, a cookie, name-lists.
    if (end === undefined || this.#bytes.length < end + 6) return undefined;
    if (this.#bytes.length < end + 4 + this.#bytes.readUInt32BE(end)) return undefined;
    if (this.#bytes[end + 5] !== KEXINIT) return undefined;
    const lists: string[][] = [];
    let at = end + 6 + COOKIE_BYTES;
    while (lists.length < LISTS) {
      if (this.#bytes.length < at + 4) return undefined;
      const length = this.#bytes.readUInt32BE(at);
      if (this.#bytes.length < at + 4 + length) return undefined;
      const names = this.#bytes.toString("latin1", at + 4, at + 4 + length);
      lists.push(names === "" ? [] : names.split(","));
      at += 4 + length;
    }
    const [kex = [], serverHostKey = [], toServer = [], fromServer = [], macToServer = [], macFromServer = []] = lists;
    return { kex, serverHostKey, ciphers: [toServer, fromServer], hmacs: [macToServer, macFromServer] };
  }

  #identification(): { start: number; end: number } | undefined {
    const at = this.#bytes.subarray(0, 4).equals(Buffer.from("SSH-")) ? 0 : this.#bytes.indexOf("\nSSH-") + 1;
    if (at === 0 && !this.#bytes.subarray(0, 4).equals(Buffer.from("SSH-"))) return undefined;
    const stop = this.#bytes.indexOf("\n", at);
    return stop < 0 ? undefined : { start: at, end: stop + 1 };
  }
}
