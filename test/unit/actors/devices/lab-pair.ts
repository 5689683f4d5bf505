import { DeviceLanes, type DeviceLanesOptions, type LaneJob } from "../../../../src/actors/devices/device-lanes.ts";
import type { JournalRecord } from "../../../../src/actors/devices/lane-journal.ts";
import type { Clock, EventLog, Logger, RouterConnector, RouterSession } from "../../../../src/actors/ports.ts";
import { MemoryStore } from "../../../../src/adapters/embedded/memory-store.ts";
import { openMemory } from "../../../../src/adapters/embedded/open.ts";
import { NetconfConnector } from "../../../../src/adapters/netconf/connector.ts";
import { sealing } from "../../../../src/adapters/secrets/sealing.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../../src/adapters/system/system-random.ts";
import { type LabRouter, startLabRouter } from "../../../../src/lab/junos/lab-router.ts";
import type { RouterTimings } from "../../../../src/lab/junos/router-timings.ts";
import { element, type XmlElement } from "../../../../src/xml/element.ts";

/** Waits between attempts last a moment, everything longer (idle sessions) its time. */
const hastyClock: Clock = {
  ...systemClock,
  sleep: (delayMs, signal) => systemClock.sleep(Math.min(delayMs, 10), signal),
};

export interface LogLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

type Host = "mx1" | "mx2" | "mx3";

/** Two (or three) lab routers, a log, and device lanes that can be killed and started again. */
export class LabPair {
  readonly routers: ReadonlyMap<string, LabRouter>;
  readonly log: EventLog;
  readonly secrets = sealing(new Uint8Array(32).fill(7));
  readonly lines: LogLine[] = [];
  readonly #close: () => Promise<void>;
  readonly #lives: DeviceLanes[] = [];
  readonly #sessions = new Set<RouterSession>();
  readonly #password: string;

  constructor(routers: Map<string, LabRouter>, log: EventLog, close: () => Promise<void>) {
    this.routers = routers;
    this.log = log;
    this.#close = close;
    this.#password = this.secrets.seal("lab-secret", "router/1/password");
  }

  router(host: Host): LabRouter {
    const router = this.routers.get(host);
    if (router === undefined) throw new Error(`no router ${host}`);
    return router;
  }

  /** A logger that keeps what it is told. */
  get logger(): Logger {
    const at = (level: string) => (fields: object, message: string) => void this.lines.push({ level, fields, message });
    const logger: Logger = {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: () => logger,
    };
    return logger;
  }

  connector(
    onSession: (host: string, session: RouterSession) => RouterSession = (_, session) => session,
  ): RouterConnector {
    const inner = new NetconfConnector({
      addressBook: ({ host }) => {
        const router = this.routers.get(host);
        return router && { host: router.host, port: router.port };
      },
      hostKeys: { mode: "insecure" },
      timeouts: { connectMs: 2_000, helloMs: 2_000, rpcMs: 1_000, commitMs: 1_000 },
      logger: this.logger,
    });
    return {
      connect: async (address, options) => {
        const session = await inner.connect(address, options);
        this.#sessions.add(session);
        return onSession(address.host, session);
      },
    };
  }

  start(options: Partial<DeviceLanesOptions> = {}): DeviceLanes {
    const lanes = new DeviceLanes({
      log: this.log,
      connector: this.connector(),
      secrets: this.secrets,
      clock: hastyClock,
      random: systemRandom,
      logger: this.logger,
      ...options,
    });
    this.#lives.push(lanes);
    return lanes;
  }

  /** The process is gone: its sessions are cut, and the lanes are never heard of again. */
  async kill(lanes: DeviceLanes): Promise<void> {
    this.#lives.splice(this.#lives.indexOf(lanes), 1);
    await Promise.all([...this.#sessions].map((session) => session.close()));
    this.#sessions.clear();
  }

  /** A job that describes an interface on each of the hosts. */
  job(id: string, hosts: readonly Host[] = ["mx1", "mx2"], tree: XmlElement = interfaceTree(id)): LaneJob {
    return {
      id,
      edits: hosts.map((host) => ({
        address: { host, port: 830, username: "lab", password: this.#password },
        configuration: tree,
      })),
    };
  }

  /** Which of the hosts hold something of the job. */
  holding(id: string): string[] {
    return [...this.routers].flatMap(([host, router]) => (router.runningSet().includes(`text of ${id}`) ? [host] : []));
  }

  async journal(): Promise<JournalRecord[]> {
    const records: JournalRecord[] = [];
    for await (const { subject, data } of this.log.read(1)) {
      if (subject.startsWith("lane.")) records.push(data as unknown as JournalRecord);
    }
    return records;
  }

  /** Resolves when the journal of every lane says that nothing is pending. */
  async settled(): Promise<void> {
    const end = new AbortController();
    for await (const _ of this.log.read(1, { follow: true, signal: end.signal })) {
      const phases = new Set<string>();
      for await (const { data } of this.log.lastOfEach("lane.")) phases.add((data as unknown as JournalRecord).phase);
      if (phases.size === 1 && phases.has("settled")) end.abort();
    }
  }

  /** What must hold on every router at the end of every test. */
  remains(): unknown[] {
    return [...this.routers.values()].flatMap((router) => {
      const { violations, lockHolder } = router.statistics();
      const pending = router.pendingDeadline();
      return [...violations, ...(lockHolder ? [lockHolder] : []), ...(pending === undefined ? [] : ["pending commit"])];
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lives.map((lanes) => lanes.stop()));
    await Promise.all([...this.routers.values()].map((router) => router.stop()));
    await this.#close();
  }
}

export async function startLabPair(
  options: { third?: boolean; secondMs?: number; timing?: RouterTimings } = {},
): Promise<LabPair> {
  const { third = false, ...more } = options;
  const routers = new Map<string, LabRouter>();
  for (const name of third ? ["mx1", "mx2", "mx3"] : ["mx1", "mx2"]) {
    const users = [{ user: "lab", password: "lab-secret" }];
    routers.set(name, await startLabRouter({ name, users, base: `set system host-name ${name}\n`, ...more }));
  }
  const quiet = () => undefined;
  const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => logger };
  const { log, close } = await openMemory({
    clock: systemClock,
    random: systemRandom,
    logger,
    store: new MemoryStore(),
  });
  return new LabPair(routers, log, close);
}

/** An interface of its own per job, with a description to recognise it by. */
export function interfaceTree(id: string, more: readonly XmlElement[] = []): XmlElement {
  const content = [element("name", `ge-0/0/${[...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0)}`)];
  const description = element("description", `text of ${id}`);
  return element("configuration", [element("interfaces", [element("interface", [...content, description])]), ...more]);
}

/** What no load accepts: a VRRP priority out of range. */
export function unloadable(id: string): XmlElement {
  const vrrp = element("vrrp-group", [element("name", "1"), element("priority", "999")]);
  const address = element("address", [element("name", "192.0.2.2/24"), vrrp]);
  const unit = element("unit", [element("name", "0"), element("family", [element("inet", [address])])]);
  const port = element("interface", [element("name", "ge-9/0/8"), element("description", `text of ${id}`), unit]);
  return element("configuration", [element("interfaces", [port])]);
}

/** What no commit accepts: a policy that does not exist. */
export function uncommittable(id: string): XmlElement {
  const name = element("name", `group-${id}`);
  const group = element("group", [name, element("type", "internal"), element("import", `NO-POLICY-OF-${id}`)]);
  return interfaceTree(id, [element("protocols", [element("bgp", [group])])]);
}

/** A log that fails, or never answers, an append of the given phase. */
export function logThat(
  log: EventLog,
  fate: "fails" | "hangs" | "hangs-before",
  phase: string,
  hit: () => void,
): EventLog {
  return {
    append: async (subject, data, options) => {
      if ((data as unknown as JournalRecord).phase !== phase) return log.append(subject, data, options);
      if (fate !== "hangs-before") await log.append(subject, data, options);
      hit();
      if (fate === "fails") throw new Error("the disk is gone");
      return new Promise(() => {});
    },
    last: (subject) => log.last(subject),
    lastOfEach: (prefix) => log.lastOfEach(prefix),
    read: (from, options) => log.read(from, options),
    history: (subject) => log.history(subject),
    position: () => log.position(),
    purge: (subject, upTo) => log.purge(subject, upTo),
  };
}
