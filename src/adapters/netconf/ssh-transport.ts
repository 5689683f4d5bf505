import ssh2, { type ClientChannel, type ConnectConfig } from "ssh2";
import type { Logger, RouterAddress } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { element, serializeXml, type XmlElement } from "../../xml/element.ts";
import { closedError, connectError, withDevice } from "./connect-errors.ts";
import { encodeMessage, MessageDecoder } from "./framing.ts";
import { BASE_1_1, clientHello, type Hello, hasCapability, NETCONF_NAMESPACE, parseHello } from "./hello.ts";
import type { HostKeyChecker } from "./host-keys.ts";
import { isEmptyMessage, rootTag } from "./root-tag.ts";
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
  const config: ConnectConfig = {
    ...options.target,
    username: address.username,
    readyTimeout: options.timeouts.connectMs,
    keepaliveInterval: options.keepaliveMs,
    keepaliveCountMax: UNANSWERED_KEEPALIVES,
    hostVerifier: (key: Buffer, verify: (trusted: boolean) => void) => {
      options.hostKeys.check(host, port, key).then(
        () => verify(true),
        (error: unknown) => {
          distrust = error;
          verify(false);
        },
      );
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
    if (isEmptyMessage(message)) return;
    if (this.#hello === undefined) {
      this.#hello = parseHello(message);
      // Both sides have offered base:1.1: all that follows is chunked (RFC 6242 section 4.1).
      if (hasCapability(this.#hello.capabilities, BASE_1_1)) this.#decoder.framing = "chunked";
      this.#helloWaiter?.resolve();
      return;
    }
    const root = rootTag(message);
    if (root?.name === "notification") {
      this.#logger.debug({ device: this.#device }, "a notification that nobody asked for was dropped");
      return;
    }
    if (root?.name !== "rpc-reply") {
      const seen = root === undefined ? "no element" : `<${root.name}>`;
      throw new SignalboxError("SB_DEVICE_PROTOCOL", `expected an rpc-reply, ${this.#device} sent ${seen}`);
    }
    // A server that could not read the rpc may leave the id out; requests are served in order (RFC 6241 section 4.4).
    const id = root.messageId ?? this.#waiting.keys().next().value;
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiting === undefined) {
      throw new SignalboxError("SB_DEVICE_PROTOCOL", `${this.#device} answers request ${id ?? "?"}, which is not open`);
    }
    this.#waiting.delete(id);
    waiting.resolve(message);
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
