import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROLES, type Role } from "../../../src/actors/cluster/shares.ts";
import type { Configuration } from "../../../src/cli/configuration.ts";
import { LabProcess } from "../../fault/lab-process.ts";
import { MainProcess } from "../../fault/main-process.ts";
import { type RunningEtcd, startEtcd } from "../../servers/etcd.ts";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";

/** A process of the system and where it is reached. */
export interface Member {
  readonly role: Role;
  readonly process: MainProcess;
  readonly url: string;
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

  private constructor(
    folder: string,
    running: { nats: RunningNatsServer; etcd: RunningEtcd; lab: LabProcess; configuration: Configuration },
  ) {
    const { nats, etcd, lab, configuration } = running;
    this.configuration = configuration;
    this.#folder = folder;
    this.#config = join(folder, "signalbox.json");
    this.nats = nats;
    this.etcd = etcd;
    this.lab = lab;
  }

  /** @param options.labConfig directory with the routers' base configurations */
  static async open(options: { labConfig?: string; pairs?: number } = {}): Promise<ClusterProcesses> {
    const folder = await mkdtemp(join(tmpdir(), "signalbox-cluster-"));
    const labFolder = join(folder, "lab");
    await mkdir(labFolder);
    const [nats, etcd, lab] = await Promise.all([
      startNatsServer(),
      startEtcd(),
      LabProcess.start(labFolder, () => {}, options),
    ]);
    const configuration = {
      ...(await lab.configuration()),
      nats: { servers: [nats.address] },
      etcd: { endpoints: [etcd.endpoint] },
    };
    const cluster = new ClusterProcesses(folder, { nats, etcd, lab, configuration });
    await writeFile(cluster.#config, JSON.stringify(configuration));
    return cluster;
  }

  /** Starts a process of one role; resolves when it is up. */
  async start(role: Role): Promise<Member> {
    const data = join(this.#folder, `${role}-${this.members.length}`);
    const args = ["up", "--role", role, "--config", this.#config, "--data", data, "--http", "127.0.0.1:0"];
    const process = new MainProcess([...args, "--plain-secrets", "--log-level", "info"], () => {});
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

  /** Ends everything in order and removes what it left. */
  async close(): Promise<void> {
    for (const { process } of this.members) process.signal("SIGTERM");
    await Promise.all(this.members.map(({ process }) => process.ended));
    await this.lab.stop();
    await Promise.all([this.nats.stop(), this.etcd.stop()]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}
