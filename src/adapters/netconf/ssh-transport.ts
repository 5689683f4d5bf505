import type { Client, ClientChannel } from "ssh2";
import type { Logger, RouterAddress } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { element, serializeXml, type XmlElement } from "../../xml/element.ts";
import type { AlgorithmSet } from "./algorithms.ts";
import { closedError, connectError, withDevice } from "./connect-errors.ts";
import { deviceWords } from "./device-words.ts";
import { encodeMessage, MessageDecoder } from "./framing.ts";
import { BASE_1_1, clientHello, type Hello, hasCapability, NETCONF_NAMESPACE, parseHello } from "./hello.ts";
import type { HostKeyChecker } from "./host-keys.ts";
import { addresseeOf, readIncoming } from "./reply-routing.ts";
import { isEmptyMessage } from "./root-tag.ts";
import { SshLogin } from "./ssh-login.ts";
import type { NetconfTimeouts, NetconfTransport } from "./transport.ts";

export interface SshTransportOptions {
  /** Where to connect to; differs from the address when an address book says so. */
  readonly target: { readonly host: string; readonly port: number };
  readonly hostKeys: HostKeyChecker;
  readonly algorithms: AlgorithmSet;
  readonly timeouts: NetconfTimeouts;
  /** Milliseconds between keepalives of the SSH connection; the third that stays unanswered ends it. 0: none. */
  readonly keepaliveMs: number;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** Characters of a message that cannot be read that its error shows. */
const EXCERPT = 120;
/** Characters of text in place of a hello that are looked at. */
const WORDS = 2_000;

/**
 * Opens a NETCONF session over SSH (RFC 6242) and exchanges hellos.
 * @throws SB_DEVICE_REFUSED, SB_DEVICE_UNREACHABLE, SB_DEVICE_AUTH, SB_DEVICE_HOST_KEY, SB_DEVICE_ALGORITHMS, SB_DEVICE_PROTOCOL; the signal's reason when aborted
 */
export async function openSshTransport(
  address: RouterAddress,
  options: SshTransportOptions,
): Promise<NetconfTransport> {
  const device = address.host;
  const { signal } = options;
  signal?.throwIfAborted();
  const { hostKeys, algorithms, keepaliveMs, target, timeouts, logger } = options;
  const login = new SshLogin(address, { target, hostKeys, algorithms, keepaliveMs, connectMs: timeouts.connectMs });
  const { client } = login;
  const onAbort = () => client.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  let transport: SshTransport | undefined;
  try {
    await login.run();
    const channel = await openSubsystem(client, timeouts.helloMs);
    transport = new SshTransport(device, client, channel, logger);
    await transport.exchangeHellos(timeouts.helloMs);
    return transport;
  } catch (error) {
    client.destroy();
    signal?.throwIfAborted();
    const words = `${login.words}\n${transport?.wordsBeforeHello ?? ""}`;
    throw connectError(error, device, { words, banner: login.banner, hidden: [address.password] });
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function openSubsystem(client: Client, timeoutMs: number): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new SignalboxError("SB_DEVICE_PROTOCOL", "the netconf subsystem did not start in time"));
    const timer = setTimeout(late, timeoutMs);
    const settle = (action: () => void) => {
      clearTimeout(timer);
      action();
    };
    client.once("close", () => settle(() => reject(new Error("the connection closed before the subsystem started"))));
    client.subsys("netconf", (error, channel) => settle(() => (error ? reject(error) : resolve(channel))));
  });
}

interface Waiting {
  resolve(reply: string): void;
  reject(error: SignalboxError): void;
}

/**
 * One SSH channel: frames out, frames in, replies matched by message-id. Requests may be pipelined. When it goes down,
 * for whatever reason, every request that waits is rejected and `closed` resolves, once.
 */
class SshTransport implements NetconfTransport {
  readonly closed: Promise<SignalboxError | undefined>;
  readonly #device: string;
  readonly #client: Client;
  readonly #channel: ClientChannel;
  readonly #logger: Logger;
  readonly #decoder = new MessageDecoder();
  readonly #waiting = new Map<string, Waiting>();
  readonly #resolveClosed: (reason: SignalboxError | undefined) => void;
  #lastId = 0;
  /** The device repeats message-ids, as RFC 6241 section 4.2 has it: a reply without one is then no usual reply. */
  #repeatsIds = false;
  /** Messages that belonged to no request; only the first one is worth a warning. */
  #strays = 0;
  #hello: Hello | undefined;
  #helloWaiter: { resolve(): void; reject(error: Error): void } | undefined;
  #down = false;
  #reason: SignalboxError | undefined;

  /** What came in place of a hello, and on the channel's standard error: an account that has no NETCONF says so there. */
  #wordsBeforeHello = "";

  constructor(device: string, client: Client, channel: ClientChannel, logger: Logger) {
    this.#device = device;
    this.#client = client;
    this.#channel = channel;
    this.#logger = logger;
    const { promise, resolve } = deferred<SignalboxError | undefined>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    const lost = (why: string, cause?: unknown) =>
      this.#finish(new SignalboxError("SB_DEVICE_CLOSED", why, { device, ...(cause === undefined ? {} : { cause }) }));
    channel.on("data", (bytes: Buffer) => this.#receive(bytes));
    channel.stderr.on("data", (bytes: Buffer) => {
      if (this.#hello === undefined) this.#keepWords(bytes.toString());
      logger.debug({ device, text: deviceWords(bytes.toString()) }, "the device wrote to stderr");
    });
    channel.on("error", (error: Error) => lost(error.message, error));
    channel.on("close", () => lost(`${device} closed the NETCONF channel`));
    client.on("error", (error) => {
      const silent = (error as { level?: string }).level === "client-timeout";
      lost(silent ? `${device} does not answer keepalives any more` : error.message, error);
    });
    client.on("close", () => lost(`the connection to ${device} closed`));
  }

  get sessionId(): string {
    return this.#hello?.sessionId ?? "";
  }

  get base(): "1.0" | "1.1" {
    return this.#decoder.framing === "chunked" ? "1.1" : "1.0";
  }

  get capabilities(): ReadonlySet<string> {
    return this.#hello?.capabilities ?? new Set();
  }

  /** What the device said until now in place of its hello. */
  get wordsBeforeHello(): string {
    return this.#hello === undefined ? `${this.#wordsBeforeHello}\n${this.#decoder.pending(WORDS)}` : "";
  }

  #keepWords(text: string): void {
    this.#wordsBeforeHello = `${this.#wordsBeforeHello}\n${text}`.slice(0, WORDS);
  }

  async exchangeHellos(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const late = () => reject(new SignalboxError("SB_DEVICE_PROTOCOL", `${this.#device} sent no hello in time`));
        timer = setTimeout(late, timeoutMs);
        this.#helloWaiter = { resolve, reject };
        this.#channel.write(encodeMessage(clientHello(), "end-of-message"));
      });
    } finally {
      clearTimeout(timer);
    }
  }

  request(operation: XmlElement): Promise<string> {
    if (this.#down) return Promise.reject(closedError(this.#device, this.#reason));
    this.#lastId += 1;
    const messageId = String(this.#lastId);
    const rpc = serializeXml(element("rpc", [operation], { "message-id": messageId }, NETCONF_NAMESPACE));
    return new Promise((resolve, reject) => {
      const bytes = encodeMessage(rpc, this.#decoder.framing);
      this.#waiting.set(messageId, { resolve, reject });
      this.#channel.write(bytes);
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
    try {
      for (const message of this.#decoder.push(bytes)) {
        this.#take(message);
        if (this.#down) return;
      }
    } catch (error) {
      this.#finish(withDevice(connectError(error, this.#device), this.#device));
    }
  }

  #take(message: string): void {
    if (this.#hello === undefined) {
      if (isEmptyMessage(message)) return;
      this.#keepWords(message);
      this.#hello = parseHello(message);
      // Both sides have offered base:1.1: all that follows is chunked (RFC 6242 section 4.1).
      if (hasCapability(this.#hello.capabilities, BASE_1_1)) this.#decoder.framing = "chunked";
      this.#helloWaiter?.resolve();
      return;
    }
    const incoming = readIncoming(message);
    if (incoming.kind === "nothing") return;
    if (incoming.kind === "notification") {
      this.#logger.debug({ device: this.#device }, "a notification that nobody asked for was dropped");
      return;
    }
    const waiting = new Set(this.#waiting.keys());
    const addressee = addresseeOf(incoming, { waiting, lastId: this.#lastId, repeatsIds: this.#repeatsIds });
    if (addressee.kind === "nobody") {
      const fields = { device: this.#device, message: deviceWords(message, [], EXCERPT) };
      const text = `the device sent what nobody waits for: ${addressee.why}`;
      if (this.#strays === 0) this.#logger.warn(fields, text);
      else this.#logger.debug(fields, text);
      this.#strays += 1;
      return;
    }
    const request = this.#waiting.get(addressee.id);
    this.#waiting.delete(addressee.id);
    if (incoming.kind === "reply" && addressee.kind === "answers") {
      this.#repeatsIds ||= incoming.messageId !== undefined;
      request?.resolve(incoming.text);
      return;
    }
    const why = addressee.kind === "fails" ? addressee.why : "";
    const text = `${this.#device} sends ${why}: "${deviceWords(message, [], EXCERPT)}"`;
    request?.reject(new SignalboxError("SB_DEVICE_PROTOCOL", text, { device: this.#device }));
  }

  #finish(reason: SignalboxError | undefined): void {
    if (this.#down) return;
    this.#down = true;
    this.#reason = reason;
    this.#helloWaiter?.reject(reason ?? new Error("ended"));
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(closedError(this.#device, reason));
    if (reason === undefined) this.#client.end();
    else this.#client.destroy();
    this.#resolveClosed(reason);
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
