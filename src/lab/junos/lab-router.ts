import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { SignalboxError } from "../../errors.ts";
import { effectiveConfiguration } from "./apply-groups.ts";
import { loadBaseConfiguration, parseConfiguration } from "./base-configuration.ts";
import { checkConfiguration } from "./commit-check.ts";
import { CommitLedger, type LedgerEntry } from "./commit-ledger.ts";
import { compareSet, compareText } from "./compare-text.ts";
import { type ConfigNode, sameConfiguration } from "./config-node.ts";
import {
  type Commit,
  ConfigurationDatabase,
  type DatabaseEvent,
  type DatabaseStatistics,
} from "./configuration-database.ts";
import { renderChildren } from "./curly-text.ts";
import {
  type BgpPeerState,
  type InterfaceState,
  LabNetwork,
  type NetworkMember,
  type VrrpSince,
  type VrrpState,
} from "./lab-network.ts";
import { NetconfSession, type SessionTransport } from "./netconf-session.ts";
import { type ActiveFault, FaultBox, type RouterFault } from "./router-faults.ts";
import { readRouterState, writeRouterState } from "./router-state-file.ts";
import { type RouterTimings, timings } from "./router-timings.ts";
import { RpcFailure } from "./rpc-failure.ts";
import { applySet, renderSet } from "./set-lines.ts";
import { fingerprintOf, generateHostKey, SshFront, type SshUsers } from "./ssh-front.ts";

export interface LabRouterOptions {
  /** Name in the lab; also names the base configuration file. */
  readonly name: string;
  /** Who may log in; `"any"`, the default, takes every user with a password that is not empty. */
  readonly users?: SshUsers;
  /** 127.0.0.1 when absent. */
  readonly host?: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** Private key; by default the one in `<stateFile>.hostkey`, else one made now. */
  readonly hostKey?: string;
  /** Base configuration as text: `set` lines or braces. */
  readonly base?: string;
  /** Directory with `<name>.set` when no `base` is given; the product's own by default. */
  readonly baseDirectory?: string;
  /** `timings.instant` by default. */
  readonly timing?: RouterTimings;
  /** Where running, pending commit and history are kept over restarts. */
  readonly stateFile?: string;
  /** Routers of the same network see each other's VRRP and BGP. */
  readonly network?: LabNetwork;
  /** Announce base:1.1 and speak chunked framing with clients that do. */
  readonly base11?: boolean;
  /** A load that fails keeps the top-level sections before the one that failed, as Junos may; false by default. */
  readonly partialLoad?: boolean;
  /** Length of a second of a confirm timeout, milliseconds (1000). */
  readonly secondMs?: number;
}

export interface RouterStatistics extends DatabaseStatistics {
  readonly sessionsOpened: number;
  /** Open sessions, oldest first. */
  readonly sessions: ReadonlyArray<{ readonly id: number; readonly user: string }>;
  readonly lockHolder: { readonly id: number; readonly user: string } | undefined;
  /** What broke the rule of one editor at a time. */
  readonly violations: readonly string[];
}

export type RouterEvent =
  | DatabaseEvent
  | { readonly kind: "session-opened" | "session-closed"; readonly id: number; readonly user: string }
  | { readonly kind: "faults"; readonly faults: readonly ActiveFault[] };

/** A running router of the lab. */
export interface LabRouter {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** `SHA256:...` of the host key. */
  readonly hostKeyFingerprint: string;
  /** The network that the router is in, for the views of its neighbours. */
  readonly network: LabNetwork;
  /** The running configuration with braces. */
  running(): string;
  /** The running configuration as `set` lines. */
  runningSet(): string;
  /** What running has and the base has not, and the other way round, as `show | compare`; "" at the base. */
  compareWithBase(): string;
  /** The same as lines of `set` and `delete`; "" at the base. */
  setWithBase(): string;
  isAtBase(): boolean;
  vrrp(): readonly VrrpState[];
  bgp(): readonly BgpPeerState[];
  interfaces(): readonly InterfaceState[];
  /** Newest first. */
  history(): ReadonlyArray<Omit<Commit, "tree">>;
  /** All commits since the router was started, oldest first, with what each has changed. */
  commits(): readonly LedgerEntry[];
  /** When the pending confirmed commit is taken back, milliseconds since the epoch; undefined when none is pending. */
  pendingDeadline(): number | undefined;
  /**
   * Somebody changes the router by hand: lines of `set` and `delete`, committed at once.
   * @throws SB_COMMIT_REJECTED
   */
  changeByHand(lines: string, log?: string): void;
  /** Returns the fault's id. */
  setFault(fault: RouterFault): string;
  /** Takes back a fault by id, all of a kind, or all; how many there were. */
  clearFault(which?: string): number;
  faults(): ActiveFault[];
  /** Resolves when the listener is as the faults want it, so that the next connection meets them. */
  faultsApplied(): Promise<void>;
  statistics(): RouterStatistics;
  /** Calls back on commits, sessions, violations and faults; the returned function ends it. */
  subscribe(listener: (event: RouterEvent) => void): () => void;
  /**
   * Opens a NETCONF session without SSH, on a transport of the caller's own; what comes back takes the client's bytes.
   * For tests that drive many sessions under a virtual clock.
   */
  attach(user: string, transport: SessionTransport): { receive(bytes: Uint8Array): void; close(): void };
  /** Ends sessions, timers and the listener; waits until they are gone. */
  stop(): Promise<void>;
}

/**
 * Starts a router: an SSH server with the NETCONF subsystem of a Junos device.
 * @throws SB_CONFIG_INVALID when the base configuration, the host key or the port cannot be used
 */
export async function startLabRouter(options: LabRouterOptions): Promise<LabRouter> {
  const router = new RunningRouter(options);
  await router.start();
  return router;
}

/** Session ids look like process ids, as on Junos. */
const FIRST_SESSION_ID = 4201;
const PHANTOM_ID = 3999;

class RunningRouter implements LabRouter, NetworkMember {
  readonly name: string;
  readonly host: string;
  readonly hostKeyFingerprint: string;
  readonly network: LabNetwork;
  readonly #options: LabRouterOptions;
  readonly #base: ConfigNode;
  readonly #database: ConfigurationDatabase;
  readonly #ledger: CommitLedger;
  readonly #front: SshFront;
  readonly #faults = new FaultBox((faults) => this.#faultsChanged(faults));
  readonly #sessions = new Map<number, NetconfSession>();
  readonly #listeners = new Set<(event: RouterEvent) => void>();
  readonly #stopping = new AbortController();
  readonly #startedAt = performance.now();
  readonly #vrrpSince: VrrpSince | undefined;
  #sessionsOpened = 0;
  #commits: Promise<unknown> = Promise.resolve();
  /** Rises with every change of configuration or faults. */
  revision = 0;
  #effective: { readonly of: ConfigNode; readonly tree: ConfigNode } | undefined;

  constructor(options: LabRouterOptions) {
    this.name = options.name;
    this.host = options.host ?? "127.0.0.1";
    this.#options = options;
    this.network = options.network ?? new LabNetwork();
    this.#base = baseOf(options);
    const restored = options.stateFile === undefined ? undefined : readRouterState(options.stateFile);
    this.#vrrpSince = restored?.vrrpSince;
    this.#database = new ConfigurationDatabase({
      base: this.#base,
      restored,
      now: Date.now,
      notify: (event) => this.#databaseChanged(event),
      persist: () => this.#persist(),
    });
    this.#ledger = new CommitLedger(this.#database.running);
    const hostKey = hostKeyOf(options);
    this.hostKeyFingerprint = fingerprintOf(hostKey);
    this.#front = new SshFront({
      host: this.host,
      port: options.port ?? 0,
      hostKey,
      users: options.users ?? "any",
      refuses: () => this.#faults.strike("refuse", (fault) => fault.times !== undefined) !== undefined,
      onNetconf: (user, channel, cut) => {
        const session = this.#openSession(user, {
          write: (data) => channel.write(data),
          end: () => {
            channel.exit(0);
            channel.end();
          },
          cut,
        });
        channel.on("data", (data: Buffer) => session.receive(data));
        channel.on("close", () => session.close());
        channel.on("end", () => session.close());
        void session.start();
      },
    });
  }

  get port(): number {
    return this.#front.port;
  }

  async start(): Promise<void> {
    await this.#front.listen();
    this.network.join(this, this.#vrrpSince);
  }

  running(): string {
    return `${renderChildren(this.#database.running).join("\n")}\n`;
  }

  runningSet(): string {
    return `${renderSet(this.#database.running).join("\n")}\n`;
  }

  compareWithBase(): string {
    return compareText(this.#base, this.#database.running);
  }

  setWithBase(): string {
    return compareSet(this.#base, this.#database.running)
      .map((line) => `${line}\n`)
      .join("");
  }

  isAtBase(): boolean {
    return sameConfiguration(this.#base, this.#database.running);
  }

  vrrp(): readonly VrrpState[] {
    return this.network.vrrp(this);
  }

  bgp(): readonly BgpPeerState[] {
    return this.network.bgp(this);
  }

  interfaces(): readonly InterfaceState[] {
    return this.network.interfaces(this);
  }

  effective(): ConfigNode {
    const { running } = this.#database;
    if (this.#effective?.of !== running) this.#effective = { of: running, tree: effectiveConfiguration(running) };
    return this.#effective.tree;
  }

  isBroken(interfaceName: string): boolean {
    return this.#faults.active("interfaceDown").some((fault) => fault.interface === interfaceName);
  }

  isFlipped(group: string): boolean {
    return this.#faults.active("vrrpFlip").some((fault) => fault.group === undefined || fault.group === group);
  }

  history(): ReadonlyArray<Omit<Commit, "tree">> {
    return this.#database.history.map(({ tree: _tree, ...commit }) => commit);
  }

  commits(): readonly LedgerEntry[] {
    return this.#ledger.entries();
  }

  pendingDeadline(): number | undefined {
    return this.#database.pendingDeadline;
  }

  changeByHand(lines: string, log = ""): void {
    try {
      const { tree } = applySet(this.#database.running, lines);
      const errors = checkConfiguration(tree);
      if (errors.length > 0) throw new RpcFailure(errors);
      this.#database.commit(tree, { user: "root", client: "cli", log });
    } catch (cause) {
      if (!(cause instanceof RpcFailure)) throw cause;
      throw new SignalboxError("SB_COMMIT_REJECTED", cause.message, { cause, device: this.name });
    }
  }

  setFault(fault: RouterFault): string {
    if (fault.kind === "refuse" && fault.cut) this.#front.cutAll();
    return this.#faults.set(fault);
  }

  clearFault(which?: string): number {
    return this.#faults.clear(which);
  }

  faults(): ActiveFault[] {
    return this.#faults.list();
  }

  faultsApplied(): Promise<void> {
    return this.#front.settled();
  }

  statistics(): RouterStatistics {
    return {
      ...this.#database.statistics,
      sessionsOpened: this.#sessionsOpened,
      sessions: [...this.#sessions.values()].map(({ id, user }) => ({ id, user })),
      lockHolder: this.#database.lockHolder,
      violations: [...this.#database.violations],
    };
  }

  subscribe(listener: (event: RouterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.network.leave(this);
    this.#stopping.abort(new Error("the router is being stopped"));
    this.#database.stop();
    for (const session of this.#sessions.values()) session.kill();
    await this.#front.close();
    await this.#commits;
  }

  attach(user: string, transport: SessionTransport): { receive(bytes: Uint8Array): void; close(): void } {
    const session = this.#openSession(user, transport);
    void session.start();
    return session;
  }

  #openSession(user: string, transport: SessionTransport): NetconfSession {
    const id = FIRST_SESSION_ID + this.#sessionsOpened++;
    const options = this.#options;
    const session = new NetconfSession({
      id,
      user,
      transport,
      base11: options.base11 ?? false,
      faults: this.#faults,
      database: this.#database,
      context: {
        database: this.#database,
        faults: this.#faults,
        timings: options.timing ?? timings.instant,
        network: this.network,
        member: this,
        editor: { id, user },
        hostName: this.name,
        secondMs: options.secondMs ?? 1000,
        partialLoad: options.partialLoad ?? false,
        now: Date.now,
        uptimeMs: () => performance.now() - this.#startedAt,
        pause: (ms) => this.#pause(ms),
        exclusively: (work) => this.#exclusively(work),
        kill: (sessionId) => {
          const other = sessionId === id ? undefined : this.#sessions.get(sessionId);
          other?.kill();
          return other !== undefined;
        },
      },
      ended: () => {
        this.#sessions.delete(id);
        this.#emit({ kind: "session-closed", id, user });
      },
    });
    this.#sessions.set(id, session);
    this.#emit({ kind: "session-opened", id, user });
    return session;
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#commits.then(work);
    this.#commits = next.catch(() => undefined);
    return next;
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    if (ms <= 0) return;
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      timer.unref();
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  #databaseChanged(event: DatabaseEvent): void {
    this.revision += 1;
    if (event.kind === "commit" || event.kind === "rollback") {
      this.network.configured(this);
      this.#ledger.add(event.commit, this.#database.running, event.kind === "rollback");
    }
    this.#emit(event);
  }

  #persist(): void {
    const { stateFile } = this.#options;
    if (stateFile === undefined) return;
    writeRouterState(stateFile, { ...this.#database.state(), vrrpSince: this.network.configured(this) });
  }

  #faultsChanged(faults: readonly ActiveFault[]): void {
    this.revision += 1;
    const holding = this.#faults.active("holdLock")[0];
    this.#database.reserve(holding && { id: PHANTOM_ID, user: holding.user ?? "operator" });
    const closed = this.#faults.active("refuse").some((fault) => fault.times === undefined);
    if (closed) void this.#front.stopListening();
    else if (!this.#stopping.signal.aborted) void this.#front.listen().catch(() => undefined);
    this.#emit({ kind: "faults", faults });
  }

  #emit(event: RouterEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function baseOf({ base, name, baseDirectory }: LabRouterOptions): ConfigNode {
  if (base === undefined) return loadBaseConfiguration(name, baseDirectory);
  try {
    return parseConfiguration(base);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SignalboxError("SB_CONFIG_INVALID", `base configuration of ${name}: ${why}`, { cause });
  }
}

/** A router keeps its host key over restarts, so that clients that remember it are not alarmed. */
function hostKeyOf({ hostKey, stateFile }: LabRouterOptions): string {
  if (hostKey !== undefined) return hostKey;
  if (stateFile === undefined) return generateHostKey();
  const file = `${stateFile}.hostkey`;
  if (existsSync(file)) return readFileSync(file, "utf8");
  const made = generateHostKey();
  // In one step: half a key, left by a process that was killed, could never be read again.
  writeFileSync(`${file}.new`, made, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return made;
}
