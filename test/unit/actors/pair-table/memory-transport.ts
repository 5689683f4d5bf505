import { encodeMessage, MessageDecoder } from "../../../../src/adapters/netconf/framing.ts";
import { clientHello, type Hello, NETCONF_NAMESPACE, parseHello } from "../../../../src/adapters/netconf/hello.ts";
import { rootTag } from "../../../../src/adapters/netconf/root-tag.ts";
import type { NetconfTransport } from "../../../../src/adapters/netconf/transport.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import type { LabRouter } from "../../../../src/lab/junos/lab-router.ts";
import { element, serializeXml, type XmlElement } from "../../../../src/xml/element.ts";

const HELLO_TIMEOUT_MS = 10_000;

/** What a router and its client say to each other, without SSH and without a socket: messages in the order they were sent, one turn later. */
export class MemoryTransport implements NetconfTransport {
  readonly base = "1.0";
  readonly closed: Promise<SignalboxError | undefined>;
  readonly #device: string;
  readonly #decoder = new MessageDecoder();
  readonly #waiting = new Map<string, { resolve(reply: string): void; reject(error: SignalboxError): void }>();
  readonly #server: { receive(bytes: Uint8Array): void; close(): void };
  #finish: (reason: SignalboxError | undefined) => void = () => {};
  #greeted: (hello: Hello) => void = () => {};
  #hello: Hello | undefined;
  #down = false;
  #reason: SignalboxError | undefined;
  #lastId = 0;

  private constructor(device: string, router: LabRouter) {
    this.#device = device;
    this.closed = new Promise((resolve) => {
      this.#finish = (reason) => {
        if (this.#down) return;
        this.#down = true;
        this.#reason = reason;
        for (const { reject } of this.#waiting.values()) reject(this.#lost());
        this.#waiting.clear();
        queueMicrotask(() => this.#server.close());
        resolve(reason);
      };
    });
    this.#server = router.attach("lab", {
      write: (data) => queueMicrotask(() => this.#receive(data)),
      end: () => queueMicrotask(() => this.#finish(this.#lost())),
      cut: () => queueMicrotask(() => this.#finish(this.#lost())),
    });
  }

  /** @throws SB_DEVICE_REFUSED, SB_DEVICE_PROTOCOL */
  static async open(device: string, router: LabRouter): Promise<MemoryTransport> {
    const transport = new MemoryTransport(device, router);
    await new Promise<void>((resolve, reject) => {
      const fail = (code: "SB_DEVICE_REFUSED" | "SB_DEVICE_PROTOCOL", message: string) =>
        reject(new SignalboxError(code, `${device} ${message}`, { device }));
      const timer = setTimeout(() => {
        fail("SB_DEVICE_PROTOCOL", "sent no hello in time");
        transport.end();
      }, HELLO_TIMEOUT_MS);
      transport.#greeted = () => resolve();
      void transport.closed.then((reason) => {
        clearTimeout(timer);
        fail("SB_DEVICE_REFUSED", `closed the connection: ${reason?.message ?? "ended"}`);
      });
      transport.#greeted = () => {
        clearTimeout(timer);
        resolve();
      };
      transport.#server.receive(encodeMessage(clientHello(), "end-of-message"));
    });
    return transport;
  }

  get sessionId(): string {
    return this.#hello?.sessionId ?? "";
  }

  get capabilities(): ReadonlySet<string> {
    return this.#hello?.capabilities ?? new Set();
  }

  request(operation: XmlElement): Promise<string> {
    if (this.#down) return Promise.reject(this.#lost());
    const id = String(++this.#lastId);
    const rpc = serializeXml(element("rpc", [operation], { "message-id": id }, NETCONF_NAMESPACE));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      queueMicrotask(() => this.#server.receive(encodeMessage(rpc, "end-of-message")));
    });
  }

  end(): void {
    this.#finish(undefined);
  }

  abort(reason: SignalboxError): void {
    this.#finish(reason);
  }

  #receive(bytes: Buffer): void {
    if (this.#down) return;
    for (const message of this.#decoder.push(bytes)) {
      try {
        this.#take(message);
      } catch (thrown) {
        this.#finish(thrown instanceof SignalboxError ? thrown : this.#broken(String(thrown)));
      }
    }
  }

  #take(message: string): void {
    if (this.#hello === undefined) {
      this.#hello = parseHello(message);
      this.#greeted(this.#hello);
      return;
    }
    const root = rootTag(message);
    const waiting = root?.name === "rpc-reply" ? this.#waiting.get(root.messageId ?? "") : undefined;
    if (waiting === undefined) throw this.#broken("sent what is no reply");
    this.#waiting.delete(root?.messageId ?? "");
    waiting.resolve(message);
  }

  #broken(what: string): SignalboxError {
    return new SignalboxError("SB_DEVICE_PROTOCOL", `${this.#device}: ${what}`, { device: this.#device });
  }

  #lost(): SignalboxError {
    const why = this.#reason === undefined ? "" : `: ${this.#reason.message}`;
    return new SignalboxError("SB_DEVICE_CLOSED", `the session with ${this.#device} closed${why}`, {
      device: this.#device,
    });
  }
}
