import { vi } from "vitest";
import { ActorSystem } from "../../../../src/actors/actor-system.ts";
import { ROLES } from "../../../../src/actors/cluster/shares.ts";
import type { Clock, RouterConnector } from "../../../../src/actors/ports.ts";
import { MemoryStore } from "../../../../src/adapters/embedded/memory-store.ts";
import { openMemory } from "../../../../src/adapters/embedded/open.ts";
import type { Decision, KeyRange, OrderedEntry } from "../../../../src/adapters/embedded/ordered-store.ts";
import { NetconfSession } from "../../../../src/adapters/netconf/session.ts";
import { sealing } from "../../../../src/adapters/secrets/sealing.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../../src/adapters/system/system-random.ts";
import { type LabRouter, startLabRouter } from "../../../../src/lab/junos/lab-router.ts";
import { parseXml } from "../../../../src/xml/element.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { catalogueOf } from "../../catalogue/catalogue-text.ts";
import { FakeSnmp } from "../monitoring/fakes.ts";
import { MemoryTransport } from "./memory-transport.ts";

export const HOSTS = ["mx1", "mx2"] as const;
export type Host = (typeof HOSTS)[number];

/** How long the client waits for an answer, milliseconds of virtual time. */
export const ANSWER_MS = 10_000;
const CONFIRM_TIMEOUT_S = 60;

const base = (host: string) => `set system host-name ${host}
set interfaces ae0 description uplink
set policy-options prefix-list OTHER 192.0.2.0/24
`;

const strand = `type: strand
collection: strands
title: A unit on both routers, and an entry of a list that strands share
fields:
  id: { type: string }
  number: { type: integer, required: true, writable: [create, update] }
  status: { type: string, default: NO_STATE }
stack: =strand
handlers:
  strand:
    handler: heat_worker
    params:
      number: .number
      primary_device_ip: "=mx1"
      primary_device_port: "=830"
      primary_device_username: "=lab"
      primary_device_password: "=lab-secret"
      secondary_device_ip: "=mx2"
      secondary_device_port: "=830"
      secondary_device_username: "=lab"
      secondary_device_password: "=lab-secret"
    routers: { file: pair.xml }
`;

/** The lines that a strand has on each router. */
export function linesOf(numbers: readonly number[]): string[] {
  return numbers.flatMap((number) => [
    `set interfaces ae0 unit ${number} description strand-${number}`,
    `set policy-options prefix-list STRANDS 198.51.100.${number}/32`,
  ]);
}

const configurationOf = (number: unknown) =>
  parseXml(
    `<configuration><interfaces><interface><name>ae0</name><unit own=""><name>${number}</name><description>strand-${number}</description></unit></interface></interfaces><policy-options><prefix-list own="last"><name>STRANDS</name><prefix-list-item own=""><name>198.51.100.${number}/32</name></prefix-list-item></prefix-list></policy-options></configuration>`,
  );

/** The store as one life of the process sees it: nothing is written once that is over. */
class LifeStore extends MemoryStore {
  readonly #inner: MemoryStore;
  readonly #life: Life;

  constructor(inner: MemoryStore, life: Life) {
    super();
    this.#inner = inner;
    this.#life = life;
  }

  override get(key: string): unknown {
    return this.#inner.get(key);
  }

  override range(bounds: KeyRange, limit: number): OrderedEntry[] {
    return this.#inner.range(bounds, limit);
  }

  override count(bounds: KeyRange): number {
    return this.#inner.count(bounds);
  }

  override commit<T>(decide: () => Decision<T>): Promise<T> {
    const life = this.#life;
    if (life.over) return new Promise(() => {});
    return this.#inner.commit(() => {
      const decision = decide();
      // In the same step: who waits for the commit is told, and writes no more.
      if (life.lastWrite !== "" && JSON.stringify(decision.writes).includes(life.lastWrite)) life.over = true;
      return decision;
    });
  }

  override async close(): Promise<void> {}
}

interface Life {
  over: boolean;
  /** The life is over with the write that holds this text; "" for none. */
  lastWrite: string;
  readonly transports: Set<MemoryTransport>;
  readonly system: ActorSystem;
  readonly close: () => Promise<void>;
}

/** Two lab routers and a whole process in front of them, under a virtual clock; the process can be killed and started again on its store. */
export class PairWorld {
  readonly routers: ReadonlyMap<string, LabRouter>;
  readonly #store = new MemoryStore();
  #life: Life | undefined;

  readonly #seconds: ReadonlyArray<{ secondMs: number }>;

  private constructor(routers: ReadonlyMap<string, LabRouter>, seconds: ReadonlyArray<{ secondMs: number }>) {
    this.routers = routers;
    this.#seconds = seconds;
  }

  /** How long a second of a router's confirm timeout is, milliseconds; for sessions that are opened from now on. */
  set labSecondMs(ms: number) {
    for (const options of this.#seconds) options.secondMs = ms;
  }

  static async start(): Promise<PairWorld> {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"], now: 1_700_000_000_000 });
    const routers = new Map<string, LabRouter>();
    const seconds: Array<{ secondMs: number }> = [];
    for (const name of HOSTS) {
      const options = { name, base: base(name), secondMs: 1000 };
      seconds.push(options);
      routers.set(name, await startLabRouter(options));
    }
    const world = new PairWorld(routers, seconds);
    await world.live();
    return world;
  }

  router(host: Host): LabRouter {
    const router = this.routers.get(host);
    if (router === undefined) throw new Error(`no router ${host}`);
    return router;
  }

  get gateway() {
    return this.#system.gateway;
  }

  get #system(): ActorSystem {
    if (this.#life === undefined) throw new Error("no process is alive");
    return this.#life.system;
  }

  /** The resources that are not deleted. */
  states(): Array<{ id: string; lifecycle: string; number: number }> {
    return [...this.#system.index.all()].map(({ id, value, body }) => ({
      id,
      lifecycle: value.lifecycle,
      number: Number(body["number"]),
    }));
  }

  lanePhases(): string[] {
    return this.#system.lanes.lanes().map(({ phase }) => phase);
  }

  cutSessions(): void {
    for (const transport of this.#life?.transports ?? []) transport.end();
  }

  /** Sessions that are open on the routers. */
  sessions(): number {
    return [...this.routers.values()].reduce((sum, router) => sum + router.statistics().sessions.length, 0);
  }

  /** Nothing is under way, in the process and on the routers. */
  isAtRest(): boolean {
    // A version that was accepted rests until its turn: it is under way all the same.
    const resting = [...this.#system.index.all()].every(
      ({ value, context }) => /_(completed|failed)$/.test(value.lifecycle) && context.queue.length === 0,
    );
    const lanes = this.#system.lanes.lanes().every(({ phase }) => phase === "idle");
    const routers = [...this.routers.values()].every(
      (router) => router.pendingDeadline() === undefined && router.statistics().lockHolder === undefined,
    );
    return resting && lanes && routers;
  }

  /** Starts the process on what the one before has left. */
  async live(): Promise<void> {
    const half = { over: false, lastWrite: "", transports: new Set<MemoryTransport>() };
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, callback) => systemClock.after(delayMs, () => half.over || callback()),
      sleep: (delayMs, signal) =>
        systemClock.sleep(delayMs, signal).then(() => (half.over ? new Promise<void>(() => {}) : undefined)),
    };
    const life = half as Life;
    const opening = openMemory({
      clock,
      random: systemRandom,
      logger: silentLogger,
      store: new LifeStore(this.#store, life),
    });
    const { log, queues, documents, close } = await this.pass(opening);
    const system = new ActorSystem(
      catalogueOf({ strand }),
      {
        log,
        queues,
        documents,
        clock,
        random: systemRandom,
        logger: silentLogger,
        secrets: sealing(new Uint8Array(32).fill(5)),
        snmp: new FakeSnmp(),
        connector: this.#connector(life),
        controller: noController,
        renderer: { render: (_file, params) => configurationOf(params["number"]) },
      },
      {
        name: "p",
        roles: ROLES,
        memberTtlMs: 30_000,
        project: "admin",
        concurrency: 16,
        attempts: 6,
        monitoringIntervalMs: 3_600_000,
        confirmTimeoutS: CONFIRM_TIMEOUT_S,
      },
    );
    this.#life = Object.assign(half, { system, close });
    await this.pass(system.start());
  }

  /** The process is gone, whatever it was about to do: its sessions are cut, and it writes, waits and connects no more. */
  kill(): void {
    const life = this.#life;
    if (life === undefined) return;
    life.over = true;
    this.#life = undefined;
    for (const transport of life.transports) transport.end();
  }

  /** The process is to die with the write to its store that holds this text: it is written, and nothing comes after it. Waits until it has. */
  async dieAfterWriting(text: string, work: () => Promise<unknown>): Promise<void> {
    const life = this.#life;
    if (life === undefined) throw new Error("no process is alive");
    life.lastWrite = text;
    void work().catch(() => {});
    await this.until(`${text} is written`, () => life.over);
    this.kill();
  }

  /** Lets time pass until it is so; fails when it is not within an hour. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const end = Date.now() + 3_600_000;
    for (;;) {
      await turns();
      if (isSo()) return;
      if (Date.now() > end || vi.getTimerCount() === 0) throw new Error(`not within an hour: ${what}`);
      vi.advanceTimersToNextTimer();
    }
  }

  /** The result of a promise that needs time to pass. */
  async pass<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const settled = promise.finally(() => {
      done = true;
    });
    settled.catch(() => {});
    await this.until("a promise", () => done);
    return settled;
  }

  async stop(): Promise<void> {
    const life = this.#life;
    try {
      if (life !== undefined) {
        await this.pass(life.system.stop());
        await this.pass(life.close());
      }
    } finally {
      vi.useRealTimers();
      for (const router of this.routers.values()) await router.stop();
    }
  }

  #connector(life: Life): RouterConnector {
    return {
      connect: async ({ host }) => {
        if (life.over) return new Promise(() => {});
        const transport = await MemoryTransport.open(host, this.router(host as Host));
        life.transports.add(transport);
        void transport.closed.then(() => life.transports.delete(transport));
        if (life.over) transport.end();
        const timeouts = { connectMs: ANSWER_MS, helloMs: ANSWER_MS, rpcMs: ANSWER_MS, commitMs: ANSWER_MS };
        return new NetconfSession(host, transport, { timeouts, logger: silentLogger, now: Date.now });
      },
    };
  }
}

const noController = {
  find: async () => undefined,
  get: async () => undefined,
  ensure: async () => Promise.reject(new Error("there is no controller here")),
  remove: async () => "gone" as const,
  reference: async () => {},
  uve: async () => undefined,
};

/** Lets everything go on that waits for no timer. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
