import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROLES, type Role } from "../../../src/actors/cluster/shares.ts";
import type { Configuration } from "../../../src/cli/configuration.ts";
import { LabProcess } from "../../fault/lab-process.ts";
import { MainProcess } from "../../fault/main-process.ts";
import { type RunningEtcd, startEtcd, startEtcdCluster } from "../../servers/etcd.ts";
import { type RunningNatsServer, startNatsProcess, startNatsServer } from "../../servers/nats-server.ts";

/** A process of the system and where it is reached. */
export interface Member {
  readonly role: Role;
  readonly process: MainProcess;
  readonly url: string;
}

export interface ClusterOptions {
  /** Directory with the routers' base configurations. */
  readonly labConfig?: string;
  readonly pairs?: number;
  /** Key that secrets are sealed with; without it they stand as they are. */
  readonly key?: string;
  /** The servers are processes of this system, so that what they write can be read. */
  readonly readable?: boolean;
}

/** The system as it runs on more than one machine: processes of single roles over a real nats-server, a real etcd and one lab. */
export class ClusterProcesses {
  readonly nats: RunningNatsServer;
  readonly etcd: RunningEtcd;
  readonly lab: LabProcess;
  /** How each process is told where servers and devices are. */
  readonly configuration: Configuration;
  readonly members: Member[] = [];
  readonly #folder: string;
  readonly #config: string;
  #key: string | undefined;
  /** Keys that only open. */
  #oldKeys = "";
  /** Folders of the servers that can be read. */
  readonly #servers: readonly string[];
  readonly #data: string[] = [];

  private constructor(
    folder: string,
    running: {
      nats: RunningNatsServer;
      etcd: RunningEtcd;
      lab: LabProcess;
      configuration: Configuration;
      servers: readonly string[];
      key: string | undefined;
    },
  ) {
    const { nats, etcd, lab, configuration, servers, key } = running;
    this.#servers = servers;
    this.#key = key;
    this.configuration = configuration;
    this.#folder = folder;
    this.#config = join(folder, "signalbox.json");
    this.nats = nats;
    this.etcd = etcd;
    this.lab = lab;
  }

  static async open(options: ClusterOptions = {}): Promise<ClusterProcesses> {
    const folder = await mkdtemp(join(tmpdir(), "signalbox-cluster-"));
    const labFolder = join(folder, "lab");
    await mkdir(labFolder);
    const { key, readable = false } = options;
    const [[nats, natsFolder], [etcd, etcdFolder], lab] = await Promise.all([
      natsOf(readable),
      etcdOf(readable),
      LabProcess.start(labFolder, () => {}, options),
    ]);
    const configuration = {
      ...(await lab.configuration()),
      access: { open: true },
      nats: { servers: [nats.address] },
      etcd: { endpoints: [etcd.endpoint] },
    };
    const servers = [...natsFolder, ...etcdFolder];
    const cluster = new ClusterProcesses(folder, { nats, etcd, lab, configuration, servers, key });
    await writeFile(cluster.#config, JSON.stringify(configuration), { mode: 0o600 });
    return cluster;
  }

  /** Starts a process of one role; resolves when it is up. */
  async start(role: Role): Promise<Member> {
    const data = join(this.#folder, `${role}-${this.members.length}`);
    const args = ["up", "--role", role, "--config", this.#config, "--data", data, "--http", "127.0.0.1:0"];
    const how = this.#key === undefined ? ["--plain-secrets", "--log-level", "info"] : ["--log-level", "debug"];
    const settings = this.#key === undefined ? {} : { SIGNALBOX_KEY: this.#key, SIGNALBOX_OLD_KEYS: this.#oldKeys };
    const process = new MainProcess([...args, ...how], () => {}, settings);
    this.#data.push(data);
    const [, url = ""] = await process.says(/^Signalbox is up at (\S+)$/);
    const member = { role, process, url };
    this.members.push(member);
    return member;
  }

  /** Starts so many processes of every role. */
  async startEach(count: number): Promise<void> {
    const roles = ROLES.flatMap((role) => Array.from({ length: count }, () => role));
    await Promise.all(roles.map((role) => this.start(role)));
  }

  /** URL of a gateway. */
  get url(): string {
    const gateway = this.members.find(({ role }) => role === "gateway");
    if (gateway === undefined) throw new Error("no gateway was started");
    return gateway.url;
  }

  /** Ends the processes of the system and starts as many with other keys for secrets: the first one seals, the others only open. */
  async restartWithKeys(key: string, ...oldKeys: readonly string[]): Promise<void> {
    await this.stopMembers();
    const roles = this.members.splice(0).map(({ role }) => role);
    this.#key = key;
    this.#oldKeys = oldKeys.join(",");
    await Promise.all(roles.map((role) => this.start(role)));
  }

  /** Ends the processes of the system; the servers go on. */
  async stopMembers(): Promise<void> {
    for (const { process } of this.members) process.signal("SIGTERM");
    await Promise.all(this.members.map(({ process }) => process.ended));
  }

  /** Folders of all that the processes and their servers write. The lab's is not among them: devices know their passwords. */
  get written(): readonly string[] {
    return [...this.#servers, ...this.#data];
  }

  /** Ends everything in order and removes what it left. */
  async close(): Promise<void> {
    await this.stopMembers();
    await this.lab.stop();
    await Promise.all([this.nats.stop(), this.etcd.stop()]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function natsOf(readable: boolean): Promise<[RunningNatsServer, string[]]> {
  if (!readable) return [await startNatsServer(), []];
  const server = await startNatsProcess();
  return [server, [server.folder]];
}

async function etcdOf(readable: boolean): Promise<[RunningEtcd, string[]]> {
  if (!readable) return [await startEtcd(), []];
  const [server] = await startEtcdCluster(1);
  if (server === undefined) throw new Error("no etcd was started");
  return [server, [server.folder]];
}
