import type { FastifyInstance } from "fastify";
import { Inspection } from "../../src/actors/inspection/inspection.ts";
import { ResourceIndex } from "../../src/actors/resource-index.ts";
import { type ResourceRecord, subjectOf, toJson } from "../../src/actors/resource-record.ts";
import { MemoryStore } from "../../src/adapters/embedded/memory-store.ts";
import { type Embedded, openMemory } from "../../src/adapters/embedded/open.ts";
import { createHttpServer } from "../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../src/adapters/http/listen-http.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../src/adapters/system/system-random.ts";
import { labGateway } from "../../src/cli/lab-gateway.ts";
import { absentResource, type ResourceSnapshot } from "../../src/machines/resource/resource-machine.ts";
import type { ResourceStateValue } from "../../src/machines/resource/resource-status.ts";
import { silentLogger } from "../servers/silent-logger.ts";

const TYPES = ["gw_interface", "vpn_gateway", "vpn_interface", "static_route", "port"];
const STATES: readonly ResourceStateValue[] = [
  { lifecycle: "create_completed", operational: "up" },
  { lifecycle: "create_completed", operational: "up" },
  { lifecycle: "create_completed", operational: "up" },
  { lifecycle: "create_completed", operational: "fail" },
  { lifecycle: "create_failed", operational: "unknown" },
];

/** So many resources in a log in memory, with the real index, read models and HTTP server over them. */
export class SyntheticFleet {
  readonly url: string;
  readonly #embedded: Embedded;
  readonly #index: ResourceIndex;
  readonly #app: FastifyInstance;
  readonly #seqs: number[] = [];

  private constructor(url: string, embedded: Embedded, index: ResourceIndex, app: FastifyInstance) {
    this.url = url;
    this.#embedded = embedded;
    this.#index = index;
    this.#app = app;
  }

  static async start(resources: number): Promise<SyntheticFleet> {
    const ports = { clock: systemClock, random: systemRandom, logger: silentLogger };
    const embedded = await openMemory({ ...ports, store: new MemoryStore() });
    const { log, documents } = embedded;
    const index = new ResourceIndex();
    const inspection = new Inspection({
      types: [],
      index,
      log,
      documents,
      clock: systemClock,
      name: "bench",
      lanes: () => [],
    });
    const app = createHttpServer({ api: labGateway, logger: silentLogger, inspection });
    const { url } = await listenHttp(app, { host: "127.0.0.1", port: 0 });
    const fleet = new SyntheticFleet(url, embedded, index, app);
    for (let from = 0; from < resources; from += 500) {
      const some = Array.from({ length: Math.min(500, resources - from) }, (_, at) => from + at);
      await Promise.all(some.map((number) => fleet.transition(number, 0)));
    }
    await index.start(log, (error) => {
      throw error;
    });
    await inspection.start();
    return fleet;
  }

  /** One committed transition of a resource; `turn` decides what it becomes. */
  async transition(number: number, turn: number): Promise<void> {
    const record = recordOf(number, turn);
    const { type, id } = record.snapshot.context;
    const { seq } = await this.#embedded.log.append(subjectOf({ type, id }), toJson(record), {
      expectedSeq: this.#seqs[number] ?? 0,
      messageId: `${number}-${turn}`,
    });
    this.#seqs[number] = seq;
  }

  async stop(): Promise<void> {
    await this.#app.close();
    await this.#index.stop();
    await this.#embedded.close();
  }
}

function recordOf(number: number, turn: number): ResourceRecord {
  const type = TYPES[number % TYPES.length] ?? "port";
  const id = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
  const value = STATES[(number * 7 + turn) % STATES.length] ?? { lifecycle: "deleted", operational: "unknown" };
  const device = `10.${Math.floor(number / 4096) % 256}.${Math.floor(number / 16) % 256}.${number % 250}`;
  const context: ResourceSnapshot["context"] = {
    ...absentResource().context,
    type,
    id,
    version: 1,
    body: {
      id,
      name: `${type}-${String((number * 7919) % 1_000_003).padStart(7, "0")}`,
      tenant_id: `tenant-${number % 40}`,
    },
    error: value.lifecycle === "create_failed" ? `SB_LOCK_DENIED: ${device} is locked` : "",
    monitoring: {
      version: 1,
      targets: [{ name: "router", kind: "snmp_uptime", settings: { device }, publish: true }],
    },
  };
  const event = turn === 0 ? "CREATE" : "MONITOR";
  const before = turn === 0 ? "absent" : "create_completed";
  return { v: 1, event, before, after: value.lifecycle, snapshot: { v: 1, value, context }, documents: [], outbox: [] };
}
