import { connect } from "nats";
import { type RunningEtcd, startEtcd } from "../servers/etcd.ts";
import { type RunningNatsServer, startNatsServer } from "../servers/nats-server.ts";
import type { LifecycleCost } from "./bare-loop.ts";
import { type ChildSystem, startInstantSystem } from "./child-system.ts";
import { childProcesses, processorSeconds } from "./process-figures.ts";

/** What has been put into NATS so far. */
export interface Stored {
  readonly records: number;
  readonly recordBytes: number;
  readonly jobs: number;
  /** Transitions in the feed. */
  readonly told: number;
  readonly toldBytes: number;
}

/** A real nats-server and a real etcd, with processes of the system on them. */
export class ServerStores {
  readonly nats: RunningNatsServer;
  readonly etcd: RunningEtcd;
  readonly systems: ChildSystem[] = [];
  readonly #built: boolean;

  private constructor(nats: RunningNatsServer, etcd: RunningEtcd, built: boolean) {
    this.nats = nats;
    this.etcd = etcd;
    this.#built = built;
  }

  /** @param options.built run the build, not the source */
  static async open({ built }: { built: boolean }): Promise<ServerStores> {
    const [nats, etcd] = await Promise.all([startNatsServer(), startEtcd()]);
    return new ServerStores(nats, etcd, built);
  }

  /** Starts another process with all roles. */
  async start({ smallHeap = true } = {}): Promise<ChildSystem> {
    const system = await startInstantSystem({
      nats: this.nats.address,
      etcd: this.etcd.endpoint,
      built: this.#built,
      smallHeap,
    });
    this.systems.push(system);
    return system;
  }

  /** How many records and jobs there have been, by the sequence numbers of the streams. */
  async stored(): Promise<Stored> {
    const connection = await connect({ servers: this.nats.address });
    try {
      const manager = await connection.jetstreamManager();
      const stored = { records: 0, recordBytes: 0, jobs: 0, told: 0, toldBytes: 0 };
      for await (const { config, state } of manager.streams.list()) {
        if (config.name === "signalbox-log") {
          stored.records = state.last_seq;
          stored.recordBytes = state.bytes / Math.max(1, state.messages);
        } else if (config.name === "SIGNALBOX_EVENTS") {
          stored.told = state.last_seq;
          stored.toldBytes = state.bytes / Math.max(1, state.messages);
        } else if (config.name.startsWith("signalbox-queue-")) stored.jobs += state.last_seq;
      }
      return stored;
    } finally {
      await connection.close();
    }
  }

  /** Seconds of processor time so far: this process, those that it started, by what they are. Containers are not seen. */
  processorTimes(): Map<string, number> {
    const { user, system } = process.cpuUsage();
    const times = new Map([["client", (user + system) / 1e6]]);
    const systems = new Set(this.systems.map(({ pid }) => pid));
    for (const [pid, name] of childProcesses()) {
      const who = systems.has(pid) ? "system" : name;
      times.set(who, (times.get(who) ?? 0) + processorSeconds(pid));
    }
    return times;
  }

  /** Ends the processes of the system. */
  async stopAll(): Promise<void> {
    await Promise.all(this.systems.splice(0).map((system) => system.stop()));
  }

  async close(): Promise<void> {
    await this.stopAll();
    await Promise.all([this.nats.stop(), this.etcd.stop()]);
  }
}

/** What each of `count` lifecycles took. @throws when they took nothing */
export function costOf(before: Stored, after: Stored, count: number): LifecycleCost {
  const records = Math.round((after.records - before.records) / count);
  const jobs = Math.round((after.jobs - before.jobs) / count);
  const told = Math.round((after.told - before.told) / count);
  if (records === 0 || jobs === 0 || told === 0) throw new Error("a lifecycle without a record or a job was counted");
  const [recordBytes, toldBytes] = [after.recordBytes, after.toldBytes].map(Math.round);
  return { records, jobs, recordBytes: recordBytes ?? 0, told, toldBytes: toldBytes ?? 0 };
}
