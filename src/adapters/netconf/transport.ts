import type { SignalboxError } from "../../errors.ts";
import type { XmlElement } from "../../xml/element.ts";

/**
 * What a NETCONF session needs from the wire: an established session (hellos exchanged) over which one operation
 * becomes one reply. Two drivers implement it, over ssh2 and over node-netconf.
 */
export interface NetconfTransport {
  readonly sessionId: string;
  /** The protocol version that both sides speak; what came with 1.1 (persist ids) needs it. */
  readonly base: "1.0" | "1.1";
  /** Capability URIs of the device's hello. */
  readonly capabilities: ReadonlySet<string>;
  /** Resolves when the transport is down: undefined after `end`, else why. Never rejects. */
  readonly closed: Promise<SignalboxError | undefined>;
  /**
   * Sends one operation in an `<rpc>` and resolves with the text of its `<rpc-reply>`.
   * @throws SB_DEVICE_CLOSED when the transport goes down before the reply, SB_DEVICE_PROTOCOL
   */
  request(operation: XmlElement): Promise<string>;
  /** Ends the connection on purpose. */
  end(): void;
  /** Tears the connection down because of `reason`; requests that wait are rejected. */
  abort(reason: SignalboxError): void;
}

/** How long each step may take, in milliseconds. */
export interface NetconfTimeouts {
  /** TCP connection, SSH handshake and login. */
  readonly connectMs: number;
  /** From login until the device's hello. */
  readonly helloMs: number;
  /** Any request but those below, counted from the call. */
  readonly rpcMs: number;
  /** Commits and validations: a large commit takes minutes. */
  readonly commitMs: number;
}

export const DEFAULT_TIMEOUTS: NetconfTimeouts = {
  connectMs: 10_000,
  helloMs: 10_000,
  rpcMs: 30_000,
  commitMs: 180_000,
};
