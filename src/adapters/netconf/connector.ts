import type { Logger, RouterAddress, RouterConnector, RouterSession } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import type { AlgorithmSet } from "./algorithms.ts";
import { type HostKeyChecker, type HostKeyPolicy, hostKeyChecker } from "./host-keys.ts";
import { openNodeNetconfTransport } from "./node-netconf-transport.ts";
import { NetconfSession } from "./session.ts";
import { openSshTransport } from "./ssh-transport.ts";
import { DEFAULT_TIMEOUTS, type NetconfTimeouts } from "./transport.ts";

export interface NetconfOptions {
  /** Where a router is really reached; its own host and port when left out or undefined is returned. */
  readonly addressBook?: (
    address: RouterAddress,
  ) => { host: string; port: number } | undefined | Promise<{ host: string; port: number } | undefined>;
  readonly hostKeys: HostKeyPolicy;
  /** The SSH algorithms that may be used (modern), and by host those of devices that need others. */
  readonly algorithms?: { readonly all?: AlgorithmSet; readonly byHost?: ReadonlyMap<string, AlgorithmSet> };
  readonly timeouts?: Partial<NetconfTimeouts>;
  /** Milliseconds between SSH keepalives (15 s); 0 for none. The third unanswered one ends the session. */
  readonly keepaliveMs?: number;
  /** The wire: our own session over ssh2, or the node-netconf package. */
  readonly driver?: "ssh2" | "node-netconf";
  readonly logger: Logger;
  /** Milliseconds by a monotonic clock, to know when a pending commit has timed out; that of the process by default. */
  readonly now?: () => number;
}

const DEFAULT_KEEPALIVE_MS = 15_000;

/** Opens NETCONF sessions to routers. */
export class NetconfConnector implements RouterConnector {
  readonly #options: NetconfOptions;
  readonly #timeouts: NetconfTimeouts;
  readonly #hostKeys: HostKeyChecker;

  /** @throws SB_CONFIG_INVALID for node-netconf with a host key policy or an algorithm set: it can have neither */
  constructor(options: NetconfOptions) {
    if (options.driver === "node-netconf" && options.hostKeys.mode !== "insecure") {
      throw new SignalboxError("SB_CONFIG_INVALID", "netconf.driver node-netconf cannot check host keys", {
        advice: "Use netconf.driver ssh2, or set the host key mode to insecure in a lab.",
      });
    }
    if (options.driver === "node-netconf" && options.algorithms !== undefined) {
      throw new SignalboxError("SB_CONFIG_INVALID", "netconf.driver node-netconf cannot choose SSH algorithms", {
        advice: "Use netconf.driver ssh2, or leave out netconf.algorithms and those of netconf.devices.",
      });
    }
    this.#options = options;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.#hostKeys = hostKeyChecker(options.hostKeys);
  }

  async connect(address: RouterAddress, options: { signal?: AbortSignal } = {}): Promise<RouterSession> {
    const { addressBook, algorithms, driver, logger, keepaliveMs, now } = this.#options;
    const target = (await addressBook?.(address)) ?? { host: address.host, port: address.port };
    const shared = { target, timeouts: this.#timeouts, signal: options.signal };
    const transport =
      driver === "node-netconf"
        ? await openNodeNetconfTransport(address, shared)
        : await openSshTransport(address, {
            ...shared,
            hostKeys: this.#hostKeys,
            algorithms: algorithms?.byHost?.get(address.host) ?? algorithms?.all ?? "modern",
            keepaliveMs: keepaliveMs ?? DEFAULT_KEEPALIVE_MS,
            logger,
          });
    return new NetconfSession(address.host, transport, {
      timeouts: this.#timeouts,
      logger,
      now: now ?? (() => performance.now()),
    });
  }
}
