import netconf from "node-netconf";
import type { RouterAddress } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import type { XmlElement } from "../../xml/element.ts";
import { closedError, connectError } from "./connect-errors.ts";
import { NETCONF_NAMESPACE } from "./hello.ts";
import type { NetconfTimeouts, NetconfTransport } from "./transport.ts";

/**
 * Opens a session by the node-netconf package: base:1.0 framing, no host key check, one request at a time.
 * `docs/netconf.md` lists what it cannot do.
 * @throws SB_DEVICE_REFUSED, SB_DEVICE_UNREACHABLE, SB_DEVICE_AUTH, SB_DEVICE_PROTOCOL; the signal's reason when aborted
 */
export async function openNodeNetconfTransport(
  address: RouterAddress,
  options: {
    readonly target: { readonly host: string; readonly port: number };
    readonly timeouts: NetconfTimeouts;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<NetconfTransport> {
  const device = address.host;
  const { signal } = options;
  signal?.throwIfAborted();
  const client = new netconf.Client({
    ...options.target,
    username: address.username,
    password: address.password,
    pkey: address.privateKey,
  });
  client.raw = true;
  client.on("error", () => undefined);
  const timeoutMs = options.timeouts.connectMs + options.timeouts.helloMs;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const late = () =>
        reject(new SignalboxError("SB_DEVICE_UNREACHABLE", `${device} gave no NETCONF session in time`));
      timer = setTimeout(late, timeoutMs);
      onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      client.on("close", () => reject(new Error("the connection closed before the hello")));
      // The callback also reports errors of the connection later on; by then the promise is settled.
      client.open((error) => (error === null ? resolve() : reject(error)));
      client.sshConn?.on("close", () => reject(new Error("the connection closed before the hello")));
    });
  } catch (error) {
    client.sshConn?.destroy();
    signal?.throwIfAborted();
    throw connectError(error, device);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
  }
  return new NodeNetconfTransport(device, client);
}

class NodeNetconfTransport implements NetconfTransport {
  /** The library offers base:1.0 only. */
  readonly base = "1.0";
  readonly sessionId: string;
  readonly capabilities: ReadonlySet<string>;
  readonly closed: Promise<SignalboxError | undefined>;
  readonly #device: string;
  readonly #client: netconf.Client;
  /** Rejects every request that is still open when the connection goes down: the library never answers those. */
  readonly #abandon = new Set<(error: SignalboxError) => void>();
  #resolveClosed: (reason: SignalboxError | undefined) => void = () => undefined;
  /** The library loses the second of two replies that arrive together, so the next request waits for the last reply. */
  #queue: Promise<unknown> = Promise.resolve();
  #down = false;
  #reason: SignalboxError | undefined;

  constructor(device: string, client: netconf.Client) {
    this.#device = device;
    this.#client = client;
    this.sessionId = String(client.sessionID);
    this.capabilities = new Set([client.remoteCapabilities].flat());
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const lost = (why: string, cause?: unknown) =>
      this.#finish(new SignalboxError("SB_DEVICE_CLOSED", why, { device, ...(cause === undefined ? {} : { cause }) }));
    client.on("close", () => lost(`${device} closed the NETCONF channel`));
    // The library's own listener rethrows the error, which would end the process.
    client.netconf?.removeAllListeners("error");
    client.netconf?.on("error", (error: Error) => lost(error.message, error));
    client.sshConn?.on("error", (error: Error) => lost(error.message, error));
    client.sshConn?.on("close", () => lost(`the connection to ${device} closed`));
  }

  request(operation: XmlElement): Promise<string> {
    const result = this.#queue.then(() => this.#send(operation));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  end(): void {
    this.#finish(undefined);
  }

  abort(reason: SignalboxError): void {
    this.#finish(reason);
  }

  #send(operation: XmlElement): Promise<string> {
    if (this.#down) return Promise.reject(closedError(this.#device, this.#reason));
    return new Promise((resolve, reject) => {
      const abandon = (error: SignalboxError) => reject(error);
      this.#abandon.add(abandon);
      const attributes = { xmlns: NETCONF_NAMESPACE };
      this.#client.rpc({ $: attributes, ...content([operation], NETCONF_NAMESPACE) }, (error, reply) => {
        this.#abandon.delete(abandon);
        const raw = error === null ? reply?.raw : rawOfError(error);
        if (raw !== undefined) resolve(raw);
        else reject(new SignalboxError("SB_DEVICE_PROTOCOL", `node-netconf cannot read the reply: ${error?.message}`));
      });
    });
  }

  #finish(reason: SignalboxError | undefined): void {
    if (this.#down) return;
    this.#down = true;
    this.#reason = reason;
    const open = [...this.#abandon];
    this.#abandon.clear();
    for (const abandon of open) abandon(closedError(this.#device, reason));
    if (reason === undefined) this.#client.sshConn?.end();
    else this.#client.sshConn?.destroy();
    this.#resolveClosed(reason);
  }
}

/** An rpc-error arrives as an Error whose message is the parsed reply as JSON, its text included. */
function rawOfError(error: Error): string | undefined {
  if (error.name !== "rpcError") return undefined;
  const parsed: unknown = JSON.parse(error.message);
  const raw = typeof parsed === "object" && parsed !== null && "raw" in parsed ? parsed.raw : undefined;
  return typeof raw === "string" ? raw : undefined;
}

interface BuilderNode {
  [name: string]: BuilderNode[] | Record<string, string> | string;
}

/**
 * Elements in the form of xml2js's builder. It groups siblings of one name at the place of the first, so the order
 * between siblings of different names is lost where they alternate.
 */
function content(children: readonly XmlElement[], inherited: string): BuilderNode {
  const node: BuilderNode = {};
  for (const child of children) {
    const namespace = child.namespace === inherited ? {} : { xmlns: child.namespace };
    const built: BuilderNode = {
      $: { ...child.attributes, ...namespace },
      ...(child.children.length > 0 ? content(child.children, child.namespace) : { _: child.text }),
    };
    const same = node[child.name];
    if (Array.isArray(same)) same.push(built);
    else node[child.name] = [built];
  }
  return node;
}
