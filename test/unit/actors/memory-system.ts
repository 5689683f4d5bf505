import type { QuotaSettings } from "../../../src/actors/access/quotas.ts";
import { ActorSystem, type ActorSystemPorts } from "../../../src/actors/actor-system.ts";
import { ROLES, type Role } from "../../../src/actors/cluster/shares.ts";
import type { TransitionView } from "../../../src/actors/gateway-api.ts";
import type { Controller, ControllerObject, Json } from "../../../src/actors/ports.ts";
import { MemoryStore } from "../../../src/adapters/embedded/memory-store.ts";
import { type Embedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { sealing } from "../../../src/adapters/secrets/sealing.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { catalogueOf, type TypeTexts } from "../catalogue/catalogue-text.ts";
import { FakeConnector, FakeSnmp } from "./monitoring/fakes.ts";

/**
 * Types for tests of the actors: a `site` with a pool of eight numbers, `link`s on it that take a number, have a unique name and an object
 * on the controller, `node`s that refer to links and are there at once, a `bundle` that makes two links, and a tenant's `vault` with a secret.
 * A `trunk` makes a link and has an object itself. A `space` is a block of 16 addresses of which `plot`s take parts.
 */
export const types = {
  site: `type: site
collection: sites
title: Where links are
infrastructure: true
fields:
  id: { type: string }
  name: { type: string, default: "", writable: [create, update] }
  numbers: { type: string, default: "AA==" }
  status: { type: string, default: NO_STATE }
pools:
  number: { bitmap: numbers, size: 8 }
`,
  link: `type: link
collection: links
title: A link
fields:
  id: { type: string }
  name: { type: string, unique: true, writable: [create, update] }
  site_id: { type: string, required: true, relation: site, writable: [create, update], set_by: member, belongs_to: operators }
  number: { type: integer, writable: [create] }
  status: { type: string, default: NO_STATE }
derive:
  number: { claim: number, of: site_id }
stack: =link
handlers:
  link:
    handler: heat_worker
    params: { id: .id, name: .name, site: site_id.name }
    objects:
      - { as: object, action: ensure, kind: link, uuid: $id, fq_name: [$id], data: { name: $name } }
`,
  node: `type: node
collection: nodes
title: What is on a link
fields:
  id: { type: string }
  link_id: { type: string, required: true, relation: link, writable: [create, update], set_by: member, belongs_to: tenant }
  status: { type: string, default: NO_STATE }
`,
  vault: `type: vault
collection: vaults
title: What a tenant keeps
fields:
  id: { type: string }
  name: { type: string, unique: true, writable: [create, update] }
  tenant_id: { type: string, writable: [create], set_by: member, belongs_to: caller }
  shared: { type: boolean, default: false, writable: [create, update] }
  password: { type: string, secret: true, writable: [create, update] }
  status: { type: string, default: NO_STATE }
`,
  bundle: `type: bundle
collection: bundles
title: Two links
fields:
  id: { type: string }
  site_id: { type: string, required: true, relation: site, writable: [create], set_by: member, belongs_to: operators }
  status: { type: string, default: NO_STATE }
dependents:
  - as: one
    type: link
    fields: { name: =one- + .id, site_id: .site_id }
  - as: two
    type: link
    fields: { name: =two- + .id, site_id: .site_id }
`,
  space: `type: space
collection: spaces
title: Addresses
infrastructure: true
fields:
  id: { type: string }
  network: { type: string, default: 192.0.2.0 }
  length: { type: integer, default: 28 }
  taken: { type: string, default: "AAD//w==" }
  left: { type: integer, default: 16 }
  status: { type: string, default: NO_STATE }
pools:
  part: { bitmap: taken, block: { network: network, length: length }, left: left, recorded: true }
`,
  plot: `type: plot
collection: plots
title: A part of a space
fields:
  id: { type: string }
  space_id: { type: string, required: true, relation: space, writable: [create], set_by: member, belongs_to: operators }
  length: { type: integer, required: true, writable: [create] }
  cidr: { type: string, writable: [create] }
  status: { type: string, default: NO_STATE }
derive:
  cidr: { claim: part, of: space_id, length: length }
`,
  trunk: `type: trunk
collection: trunks
title: A link and more
fields:
  id: { type: string }
  site_id: { type: string, required: true, relation: site, writable: [create], set_by: member, belongs_to: operators }
  status: { type: string, default: NO_STATE }
dependents:
  - as: one
    type: link
    fields: { name: =trunk- + .id, site_id: .site_id }
stack: =trunk
handlers:
  trunk:
    handler: heat_worker
    params: { id: .id }
    objects:
      - { as: object, action: ensure, kind: trunk, uuid: $id, fq_name: [$id], data: {} }
`,
};

/** A controller that keeps objects, and holds up what the test wants held up. */
export class GatedController {
  readonly objects = new Map<string, ControllerObject>();
  private gate: { readonly open: Promise<void>; readonly release: () => void } | undefined;
  private readonly arrivals = new Set<() => void>();
  /** What the next calls end with. */
  error: SignalboxError | undefined;

  /** Holds up every call from now on, until the returned function is called. */
  hold(): () => void {
    let release = () => {};
    const open = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.gate = { open, release };
    return () => {
      this.gate = undefined;
      release();
    };
  }

  /** Resolves when the next call has come. */
  arrival(): Promise<void> {
    return new Promise((resolve) => this.arrivals.add(resolve));
  }

  private async pass(): Promise<void> {
    for (const resolve of this.arrivals) resolve();
    this.arrivals.clear();
    await this.gate?.open;
    if (this.error) throw this.error;
  }

  get port(): Controller {
    return {
      find: async () => undefined,
      get: async (kind, uuid) => this.objects.get(`${kind}/${uuid}`),
      ensure: async ({ kind, uuid = "", fqName, data }) => {
        await this.pass();
        const object = { kind, uuid, fqName, data };
        this.objects.set(`${kind}/${uuid}`, object);
        return object;
      },
      remove: async (kind, uuid) => {
        await this.pass();
        this.objects.delete(`${kind}/${uuid}`);
        return "gone";
      },
      reference: async () => {},
      uve: async () => undefined,
    };
  }
}

export interface MemorySystemOptions {
  /** Other types than those above. */
  readonly types?: TypeTexts;
  readonly quotas?: QuotaSettings;
}

/** One or more processes on the same stores in memory. */
export class MemorySystem {
  readonly embedded: Embedded;
  readonly controller: GatedController;
  readonly processes: ActorSystem[] = [];
  private readonly ports: ActorSystemPorts;
  private readonly made: MemorySystemOptions;

  private constructor(embedded: Embedded, made: MemorySystemOptions) {
    this.embedded = embedded;
    this.made = made;
    this.controller = new GatedController();
    this.ports = {
      log: embedded.log,
      queues: embedded.queues,
      documents: embedded.documents,
      connector: new FakeConnector(),
      snmp: new FakeSnmp(),
      controller: this.controller.port,
      secrets: sealing(new Uint8Array(32).fill(5)),
      renderer: {
        render: () => {
          throw new SignalboxError("SB_TEMPLATE_FAILED", "there is no router here");
        },
      },
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    };
  }

  /** @param prepare puts into the stores what earlier processes have left */
  static async start(
    processes = 1,
    prepare: (embedded: Embedded) => Promise<void> = async () => {},
    made: MemorySystemOptions = {},
  ): Promise<MemorySystem> {
    const embedded = await openMemory({
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      store: new MemoryStore(),
    });
    const system = new MemorySystem(embedded, made);
    try {
      await prepare(embedded);
      for (let at = 0; at < processes; at += 1) await system.addProcess();
    } catch (error) {
      await system.stop();
      throw error;
    }
    return system;
  }

  /** @param texts other types than those of the system */
  async addProcess(
    ports: Partial<ActorSystemPorts> = {},
    roles: readonly Role[] = ROLES,
    texts?: TypeTexts,
  ): Promise<ActorSystem> {
    const process = new ActorSystem(
      catalogueOf(texts ?? this.made.types ?? types),
      { ...this.ports, ...ports },
      {
        quotas: this.made.quotas,
        name: `p${this.processes.length}`,
        roles,
        memberTtlMs: 3_000,
        project: "admin",
        concurrency: 16,
        attempts: 1,
        monitoringIntervalMs: 60_000,
        confirmTimeoutS: 60,
      },
    );
    await process.start();
    this.processes.push(process);
    return process;
  }

  /** The gateway of a process. */
  /** Where a process keeps what makes no record of a resource. */
  journal(process = 0) {
    const system = this.processes[process];
    if (system === undefined) throw new Error(`there is no process ${process}`);
    return system.auditJournal;
  }

  gateway(process = 0) {
    const found = this.processes[process];
    if (found === undefined) throw new Error(`there is no process ${process}`);
    return found.gateway;
  }

  /** Resolves with the first transition of a resource, from the beginning of the log on, that is as wanted. */
  async until(id: string, wanted: (transition: TransitionView) => boolean): Promise<TransitionView> {
    const stopping = new AbortController();
    for await (const transition of this.gateway().transitions({ from: 1, follow: true, signal: stopping.signal })) {
      if (transition.id !== id || !wanted(transition)) continue;
      stopping.abort();
      return transition;
    }
    throw new Error("the log ended");
  }

  /** The last record of each resource in the log. */
  async lastRecords(): Promise<Array<{ subject: string; data: Json }>> {
    const records: Array<{ subject: string; data: Json }> = [];
    for await (const { subject, data } of this.embedded.log.lastOfEach("resource.")) records.push({ subject, data });
    return records;
  }

  async stop(): Promise<void> {
    for (const process of this.processes.splice(0)) await process.stop();
    await this.embedded.close();
  }
}

/** What came of several attempts at once: how many were taken, and with what codes the others were refused. */
export async function outcomes(
  attempts: ReadonlyArray<Promise<unknown>>,
): Promise<{ taken: number; refused: string[] }> {
  const settled = await Promise.allSettled(attempts);
  const refused = settled.flatMap((result) => {
    if (result.status === "fulfilled") return [];
    if (result.reason instanceof SignalboxError) return [result.reason.code];
    throw result.reason;
  });
  return { taken: settled.length - refused.length, refused: refused.sort() };
}
