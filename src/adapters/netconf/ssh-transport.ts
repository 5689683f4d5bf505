import ssh2, { type ClientChannel, type ConnectConfig } from "ssh2";
import type { Logger, RouterAddress } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { element, serializeXml, type XmlElement } from "../../xml/element.ts";
import { closedError, connectError, withDevice } from "./connect-errors.ts";
import { deviceWords } from "./device-words.ts";
import { encodeMessage, MessageDecoder } from "./framing.ts";
import { BASE_1_1, clientHello, type Hello, hasCapability, NETCONF_NAMESPACE, parseHello } from "./hello.ts";
import type { HostKeyChecker } from "./host-keys.ts";
import { addresseeOf, readIncoming } from "./reply-routing.ts";
import { isEmptyMessage } from "./root-tag.ts";
import type { NetconfTimeouts, NetconfTransport } from "./transport.ts";

export interface SshTransportOptions {
  /** Where to connect to; differs from the address when an address book says so. */
  readonly target: { readonly host: string; readonly port: number };
  readonly hostKeys: HostKeyChecker;
  readonly timeouts: NetconfTimeouts;
  /** Milliseconds between keepalives of the SSH connection; the third that stays unanswered ends it. 0: none. */
  readonly keepaliveMs: number;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}

const UNANSWERED_KEEPALIVES = 3;
/** Characters of a message that cannot be read that its error shows. */
const EXCERPT = 120;

/**
 * Opens a NETCONF session over SSH (RFC 6242) and exchanges hellos.
 * @throws SB_DEVICE_REFUSED, SB_DEVICE_UNREACHABLE, SB_DEVICE_AUTH, SB_DEVICE_HOST_KEY, SB_DEVICE_PROTOCOL; the signal's reason when aborted
 */
export async function openSshTransport(
  address: RouterAddress,
  options: SshTransportOptions,
): Promise<NetconfTransport> {
  const device = address.host;
  const { signal } = options;
  signal?.throwIfAborted();
  const client = new ssh2.Client();
  // A client without an error listener would throw; whoever waits below is told by its own listeners.
  client.on("error", () => undefined);
  const onAbort = () => client.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await login(client, address, options);
    const channel = await openSubsystem(client, options.timeouts.helloMs);
    const transport = new SshTransport(device, client, channel, options.logger);
    await transport.exchangeHellos(options.timeouts.helloMs);
    return transport;
  } catch (error) {
    client.destroy();
    signal?.throwIfAborted();
    throw connectError(error, device);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function login(client: ssh2.Client, address: RouterAddress, options: SshTransportOptions): Promise<void> {
  const { host, port } = address;
  // As OpenSSH does: ask for a key of a type that is known, so that a device with several keys is recognised.
  const known = await options.hostKeys.knownTypes(host, port);
  const preferred = known.flatMap((type) => (type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", type] : [type]));
  let distrust: unknown;
  /** The key that was found to be the device's. It is shown again each time the connection gets new keys. */
  let trusted: Buffer | undefined;
  const config: ConnectConfig = {
    ...options.target,
    username: address.username,
    readyTimeout: options.timeouts.connectMs,
    keepaliveInterval: options.keepaliveMs,
    keepaliveCountMax: UNANSWERED_KEEPALIVES,
    // ssh2 1.17 takes the connection's new inbound keys into use before a verdict that comes later, and sends with the old outbound ones
    // until then, which ends the connection: within a session the verdict is given at once.
    hostVerifier: (key: Buffer, verify: (isTrusted: boolean) => void) => {
      if (trusted !== undefined) return trusted.equals(key);
      options.hostKeys.check(host, port, key).then(
        () => {
          trusted = Buffer.from(key);
          verify(true);
        },
        (error: unknown) => {
          distrust = error;
          verify(false);
        },
      );
      return undefined;
    },
    ...(address.password === undefined ? {} : { password: address.password, tryKeyboard: true }),
    ...(address.privateKey === undefined ? {} : { privateKey: address.privateKey }),
    ...(preferred.length === 0 ? {} : { algorithms: { serverHostKey: preferFirst(preferred) } }),
  };
  await new Promise<void>((resolve, reject) => {
    client.on("keyboard-interactive", (_name, _instructions, _language, prompts, answer) => {
      answer(prompts.map(() => address.password ?? ""));
    });
    client.once("ready", resolve);
    client.once("error", (error) => reject(distrust ?? error));
    client.once("close", () => reject(distrust ?? new Error("the connection closed before the login was done")));
    client.connect(config);
  });
}

type ServerHostKeys = NonNullable<NonNullable<ConnectConfig["algorithms"]>["serverHostKey"]>;

/** ssh2 moves algorithms that it has already to the front of its list. */
function preferFirst(types: string[]): ServerHostKeys {
  return { append: [], prepend: types, remove: [] } as ServerHostKeys;
}

function openSubsystem(client: ssh2.Client, timeoutMs: number): Promise<ClientChannel> {
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
  readonly #client: ssh2.Client;
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

  constructor(device: string, client: ssh2.Client, channel: ClientChannel, logger: Logger) {
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
    channel.stderr.on("data", (bytes: Buffer) =>
      logger.debug({ text: bytes.toString() }, "the device wrote to stderr"),
    );
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
