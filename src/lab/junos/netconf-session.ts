import { encodeMessage, MessageDecoder } from "../../adapters/netconf/framing.ts";
import { child, element, parseXml, serializeXml, type XmlElement } from "../../xml/element.ts";
import type { ConfigurationDatabase } from "./configuration-database.ts";
import { BASE_NAMESPACE, executeOperation, type OperationContext, rpcLabels } from "./netconf-operations.ts";
import type { FaultBox } from "./router-faults.ts";
import { RpcFailure, rpcErrorElement, rpcFailure } from "./rpc-failure.ts";

const BASE_10 = "urn:ietf:params:netconf:base:1.0";
const BASE_11 = "urn:ietf:params:netconf:base:1.1";
/** As a vMX with Junos 16.1R1 announces them. */
const CAPABILITIES = [
  BASE_10,
  "urn:ietf:params:netconf:capability:candidate:1.0",
  "urn:ietf:params:netconf:capability:confirmed-commit:1.0",
  "urn:ietf:params:netconf:capability:validate:1.0",
  "urn:ietf:params:netconf:capability:url:1.0?scheme=http,ftp,file",
  "urn:ietf:params:xml:ns:netconf:base:1.0",
  "urn:ietf:params:xml:ns:netconf:capability:candidate:1.0",
  "urn:ietf:params:xml:ns:netconf:capability:confirmed-commit:1.0",
  "urn:ietf:params:xml:ns:netconf:capability:validate:1.0",
  "urn:ietf:params:xml:ns:netconf:capability:url:1.0?protocol=http,ftp,file",
  "http://xml.juniper.net/netconf/junos/1.0",
  "http://xml.juniper.net/dmi/system/1.0",
];
const JUNOS_NAMESPACE = "http://xml.juniper.net/junos/16.1R1/junos";

/** What a device sends that is broken: no XML. */
const GARBAGE = "%%%% <rpc-reply <<< %%%%";
const onPurpose = () => rpcFailure("operation-failed", "the operation was not completed");

/** The byte stream of a session, as far as it is needed. */
export interface SessionTransport {
  write(data: Buffer): void;
  /** Ends it after what was written. */
  end(): void;
  /** Cuts it, and the connection below it. */
  cut(): void;
}

export interface SessionOptions {
  readonly id: number;
  readonly user: string;
  readonly transport: SessionTransport;
  readonly base11: boolean;
  readonly faults: FaultBox;
  readonly database: ConfigurationDatabase;
  readonly context: OperationContext;
  /** The session is over, and nothing of it is under way any more. */
  readonly ended: () => void;
}

/**
 * The server's side of one NETCONF session. RPCs are executed one after the other in the order they came. When the
 * connection goes, the RPC under way is finished, as on the device, the ones behind it are forgotten, and then the
 * session's lock and uncommitted changes go.
 */
export class NetconfSession {
  readonly id: number;
  readonly user: string;
  readonly #options: SessionOptions;
  readonly #decoder = new MessageDecoder();
  readonly #waiting: string[] = [];
  #chunked = false;
  #busy = false;
  #closed = false;
  #ended = false;
  #hung = false;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.user = options.user;
    this.#options = options;
  }

  /** Sends the hello, unless a fault says otherwise. */
  async start(): Promise<void> {
    const { faults, context, transport } = this.#options;
    const opening = <T extends { readonly on?: string }>({ on }: T) => on === "hello";
    if (faults.strike("hang", opening)) return;
    if (faults.strike("drop", opening)) {
      this.kill();
      return;
    }
    if (faults.strike("error", opening)) {
      // Without a hello there is nothing that an error could answer: the subsystem ends.
      transport.end();
      this.close();
      return;
    }
    if (faults.strike("garbage", opening)) {
      this.#send(GARBAGE);
      return;
    }
    const late = faults.strike("late", opening);
    if (late) await context.pause(late.ms).catch(() => this.close());
    this.#sendHello();
  }

  /** Junos puts two comments before it. */
  #sendHello(): void {
    const part = (name: string, content: string | XmlElement[]) => element(name, content, {}, BASE_NAMESPACE);
    const capabilities = this.#options.base11 ? [BASE_10, BASE_11, ...CAPABILITIES.slice(1)] : CAPABILITIES;
    const hello = part("hello", [
      part(
        "capabilities",
        capabilities.map((uri) => part("capability", uri)),
      ),
      part("session-id", String(this.id)),
    ]);
    const comments = `<!-- No zombies were killed during the creation of this user interface -->\n<!-- user ${this.user}, class j-super-user -->\n`;
    this.#send(`${comments}${serializeXml(hello)}\n`);
  }

  /** Takes bytes of the client. */
  receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    try {
      for (const message of this.#decoder.push(bytes)) {
        if (!this.#isHello(message)) this.#waiting.push(message);
      }
    } catch {
      // Bytes that are no NETCONF framing: the device ends the session (RFC 6242 section 4.1).
      this.#options.transport.cut();
      this.close();
      return;
    }
    this.#work();
  }

  /** The connection is gone, or is to go. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.length = 0;
    if (!this.#busy || this.#hung) this.#end();
  }

  /** Cuts the connection and closes. */
  kill(): void {
    this.#options.transport.cut();
    this.close();
  }

  #isHello(message: string): boolean {
    if (!message.includes("hello")) return false;
    try {
      const hello = parseXml(message);
      if (hello.name !== "hello") return false;
      const theirs = child(hello, "capabilities")?.children.map((each) => each.text) ?? [];
      if (this.#options.base11 && theirs.includes(BASE_11)) {
        this.#chunked = true;
        this.#decoder.framing = "chunked";
      }
      return true;
    } catch {
      return false;
    }
  }

  #work(): void {
    if (this.#busy) return;
    const message = this.#waiting.shift();
    if (message === undefined) return;
    this.#busy = true;
    void this.#handle(message).then((goOn) => {
      if (!goOn) return;
      this.#busy = false;
      if (this.#closed) this.#end();
      else this.#work();
    });
  }

  /** @returns false when this session will never answer again */
  async #handle(message: string): Promise<boolean> {
    const { faults, database, context, transport } = this.#options;
    let rpc: XmlElement;
    try {
      rpc = parseXml(message);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#reply({}, [rpcErrorElement({ type: "rpc", tag: "malformed-message", message: text }, BASE_NAMESPACE)]);
      transport.end();
      this.close();
      return true;
    }
    const [operation] = rpc.children;
    const labels = operation ? rpcLabels(operation, database.pendingDeadline !== undefined) : new Set<string>();
    const meant = <T extends { readonly on?: string }>({ on }: T) => on === undefined || labels.has(on);
    const hang = faults.strike("hang", meant);
    if (hang && hang.when !== "after") return this.#hang();
    const drop = faults.strike("drop", meant);
    if (drop?.when === "before") {
      this.kill();
      return true;
    }
    const garbage = faults.strike("garbage", meant);
    if (garbage?.when === "before") {
      this.#send(GARBAGE);
      return true;
    }
    const refusal = faults.strike("error", meant);
    try {
      const late = faults.strike("late", meant);
      if (late) await context.pause(late.ms);
      if (refusal?.when === "before") throw onPurpose();
      if (rpc.name !== "rpc" || !operation) {
        throw rpcFailure("unknown-element", "expected <rpc> with an operation", { type: "rpc", badElement: rpc.name });
      }
      const { content, close } = await executeOperation(operation, context);
      if (hang) return this.#hang();
      if (refusal) throw onPurpose();
      if (garbage) {
        this.#send(GARBAGE);
        return true;
      }
      if (drop) this.kill();
      const bad = faults.strike("badBytes", meant);
      this.#reply(rpc.attributes, content, bad === undefined ? undefined : Buffer.from(bad.hex, "hex"));
      if (close) {
        transport.end();
        this.close();
      }
    } catch (error) {
      if (hang) return this.#hang();
      if (drop) this.kill();
      const errors =
        error instanceof RpcFailure
          ? error.errors
          : [{ tag: "operation-failed", message: error instanceof Error ? error.message : String(error) }];
      this.#reply(
        rpc.attributes,
        errors.map((each) => rpcErrorElement(each, BASE_NAMESPACE)),
      );
    }
    return true;
  }

  /** Answers nothing any more. */
  #hang(): boolean {
    this.#hung = true;
    if (this.#closed) this.#end();
    return false;
  }

  #reply(attributes: Readonly<Record<string, string>>, content: readonly XmlElement[], bad?: Uint8Array): void {
    // RFC 6241 section 4.2 wants all attributes back; one with a prefix would need the client's declaration too.
    const echoed = Object.entries(attributes).filter(([name]) => !name.includes(":"));
    const all = { ...Object.fromEntries(echoed), "xmlns:junos": JUNOS_NAMESPACE };
    const reply = element("rpc-reply", content, all, BASE_NAMESPACE);
    const text = `${serializeXml(reply)}\n`;
    this.#send(bad === undefined ? text : withBytes(text, bad));
  }

  #send(message: string | Uint8Array): void {
    if (!this.#closed)
      this.#options.transport.write(encodeMessage(message, this.#chunked ? "chunked" : "end-of-message"));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.database.endSession({ id: this.id, user: this.user });
    this.#options.ended();
  }
}

/** The reply with bytes in what is oldest of a history: its last comment, or who made that commit. Elsewhere in its first text, or in itself. */
function withBytes(reply: string, bytes: Uint8Array): Uint8Array {
  const oldest = Math.max(...["log", "comment", "user"].map((name) => reply.lastIndexOf(`</${name}>`)));
  const text = /[^<>]<\//.exec(reply);
  const at = oldest >= 0 ? oldest : text === null ? reply.lastIndexOf("</") : text.index + 1;
  return Buffer.concat([Buffer.from(reply.slice(0, at)), bytes, Buffer.from(reply.slice(at))]);
}
