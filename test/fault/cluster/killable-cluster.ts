import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ROLES, type Role } from "../../../src/actors/cluster/shares.ts";
import type { Configuration } from "../../../src/cli/configuration.ts";
import { type RunningEtcd, startEtcd } from "../../servers/etcd.ts";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";
import { LabProcess } from "../lab-process.ts";
import type { Ending } from "../main-process.ts";
import { type Life, Orchestrator } from "../orchestrator.ts";
import { Gateways } from "./gateways.ts";

const RESTART_MS = 300;
/** Not shorter than a member's lease by default, and long enough for two cores that do everything at once. */
const MEMBER_TTL_MS = 3_000;

/** A thing that can be killed: a process of a role, or one of the two servers. */
export type Victim = `${Role}-${number}` | "nats-server" | "etcd";

interface Slot {
  readonly role: Role;
  readonly orchestrator: Orchestrator;
  /** The life that is to be; what ends another one is not told of. */
  current: Life | undefined;
}

const folders = new Set<string>();
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * The system as several processes of single roles over a real nats-server, a real etcd and a lab of its own that is never
 * killed. A process that ends although nobody has killed it is started again, as a supervisor does, and written down.
 */
export class KillableCluster {
  readonly nats: RunningNatsServer;
  readonly etcd: RunningEtcd;
  readonly lab: LabProcess;
  readonly gateways = new Gateways();
  readonly configuration: Configuration;
  /** Opens what is sealed. */
  readonly key: Buffer;
  /** Why, of processes that were up and ended although nobody has killed them. */
  readonly endedBySelf: string[] = [];
  /** Starts that came to nothing, such as while a server was away. */
  failedStarts = 0;
  readonly folder: string;
  readonly #slots = new Map<Victim, Slot>();
  #ending = false;

  private constructor(
    folder: string,
    options: { nats: RunningNatsServer; etcd: RunningEtcd; lab: LabProcess; configuration: Configuration; key: Buffer },
  ) {
    this.folder = folder;
    this.nats = options.nats;
    this.etcd = options.etcd;
    this.lab = options.lab;
    this.configuration = options.configuration;
    this.key = options.key;
  }

  /**
   * Starts the servers and the lab, and nothing that could be killed yet.
   * @param options.each processes of each role
   * @param options.onLine told of each line that a process writes
   */
  static async open(options: {
    readonly pairs: number;
    readonly each: number;
    readonly onLine: (line: string) => void;
    readonly logLevel?: string;
  }): Promise<KillableCluster> {
    const folder = await mkdtemp(join(tmpdir(), "signalbox-cluster-"));
    folders.add(folder);
    const labFolder = join(folder, "lab");
    await mkdir(labFolder);
    const [nats, etcd, lab] = await Promise.all([
      startNatsServer(),
      startEtcd(),
      LabProcess.start(labFolder, () => {}, { pairs: options.pairs }),
    ]);
    const configuration: Configuration = {
      ...(await lab.configuration()),
      monitoring: { interval_ms: 5_000 },
      cluster: { member_ttl_ms: MEMBER_TTL_MS },
      // All of the log is compared with the documents.
      access: { open: true },
      nats: { servers: [nats.address], history_per_subject: 1_000_000 },
      etcd: { endpoints: [etcd.endpoint] },
    };
    const config = join(folder, "signalbox.json");
    await writeFile(config, JSON.stringify(configuration), { mode: 0o600 });
    const key = randomBytes(32);
    const cluster = new KillableCluster(folder, { nats, etcd, lab, configuration, key });
    const environment = { SIGNALBOX_KEY: key.toString("hex") };
    for (const role of ROLES) {
      for (let number = 1; number <= options.each; number += 1) {
        const name: Victim = `${role}-${number}`;
        const data = join(folder, name);
        const { onLine, logLevel = "info" } = options;
        const orchestrator = new Orchestrator({ config, data, role, environment, onLine, logLevel });
        cluster.#slots.set(name, { role, orchestrator, current: undefined });
      }
    }
    return cluster;
  }

  /** What can be killed. */
  get victims(): Victim[] {
    return [...this.#slots.keys(), "nats-server", "etcd"];
  }

  /** All processes of the system; resolves when each of them is up. */
  async startAll(): Promise<void> {
    await Promise.all([...this.#slots.keys()].map((name) => this.start(name)));
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(name: Victim): Promise<void> {
    const server = this.#server(name);
    if (server !== undefined) return server.kill();
    const slot = this.#slot(name);
    const life = slot.current;
    slot.current = undefined;
    this.gateways.isGone(name);
    life?.process.signal("SIGKILL");
    await life?.process.ended;
  }

  /** Starts it again on its data; resolves when it is up. */
  async start(name: Victim): Promise<void> {
    const server = this.#server(name);
    if (server !== undefined) return server.start();
    const slot = this.#slot(name);
    const life = slot.orchestrator.start();
    slot.current = life;
    let isUp = false;
    void life.process.ended.then(async (ending) => {
      if (slot.current !== life) return;
      slot.current = undefined;
      this.gateways.isGone(name);
      if (this.#ending) return;
      if (isUp) this.endedBySelf.push(`${name} ended with ${ending.code ?? ending.signal}: ${last(life)}`);
      else this.failedStarts += 1;
      await sleep(RESTART_MS);
      if (!this.#ending && slot.current === undefined) await this.start(name).catch(() => {});
    });
    const url = await life.url;
    isUp = true;
    if (slot.role === "gateway" && slot.current === life) this.gateways.isUp(name, url);
  }

  /** Resolves when every process is up, also those that had to be started once more. */
  async allUp(): Promise<void> {
    for (const slot of this.#slots.values()) while (!(await isUp(slot))) await sleep(RESTART_MS);
  }

  /** SIGTERM to the processes of these roles; how each ended. */
  async stop(roles: readonly Role[]): Promise<Array<{ name: Victim; ending: Ending }>> {
    this.#ending = true;
    const slots = [...this.#slots].filter(([, { role }]) => roles.includes(role));
    return Promise.all(
      slots.map(async ([name, { orchestrator }]) => {
        this.gateways.isGone(name);
        return { name, ending: await orchestrator.stop() };
      }),
    );
  }

  /** All that was written, with the name of who wrote it in front. */
  lines(): string[] {
    return [
      ...this.lab.lines.map((line) => `lab: ${line}`),
      ...[...this.#slots].flatMap(([name, { orchestrator }]) =>
        orchestrator.lives.flatMap(({ number, process }) => process.lines.map((line) => `${name}/${number}: ${line}`)),
      ),
    ];
  }

  /** Ends whatever still runs and removes what it left. */
  async close(): Promise<void> {
    this.#ending = true;
    await Promise.all([...this.#slots.values()].map(({ orchestrator }) => orchestrator.end()));
    await this.lab.stop();
    await Promise.all([this.nats.stop(), this.etcd.stop()]);
    await rm(this.folder, { recursive: true, force: true });
    folders.delete(this.folder);
  }

  #server(name: Victim): RunningNatsServer | RunningEtcd | undefined {
    if (name === "nats-server") return this.nats;
    return name === "etcd" ? this.etcd : undefined;
  }

  #slot(name: Victim): Slot {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw new Error(`there is no ${name}`);
    return slot;
  }
}

async function isUp(slot: Slot): Promise<boolean> {
  const life = slot.current;
  const url = await life?.url.catch(() => undefined);
  return url !== undefined && slot.current === life;
}

const last = ({ process: { lines } }: Life): string => lines.slice(-3).join(" | ");
