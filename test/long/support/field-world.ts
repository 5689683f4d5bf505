import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../../src/actors/gateway-api.ts";
import { builtInTemplates, loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import type { Catalogue } from "../../../src/catalogue/load-catalogue.ts";
import { withRealIds } from "../../../src/cli/scenario-file.ts";
import { everyTypeScenario } from "../../scenario/support/every-type.ts";
import { TENANT } from "../../scenario/support/gateway-services.ts";
import { MemorySystem } from "../../unit/actors/memory-system.ts";

export const OWN = TENANT;
export const FOREIGN = "2".repeat(32);
export const MISSING = "00000000-0000-4000-8000-00000000dead";

export interface Made {
  readonly type: string;
  readonly id: string;
  /** What was sent for it. */
  readonly fields: JsonObject;
}

/** The product's types with at least one resource of each that the demos have: a tenant's, another's, and nobody's. No job ever runs. */
export class FieldWorld {
  readonly catalogue: Catalogue = loadTemplates().catalogue;
  readonly own: Made[] = [];
  readonly foreign: Made[] = [];
  readonly nobodys: Made[] = [];
  readonly system: MemorySystem;

  private constructor(system: MemorySystem) {
    this.system = system;
  }

  static async start(): Promise<FieldWorld> {
    const names = [...loadTemplates().catalogue.types.keys()];
    const texts = names.map((name) => [name, readFileSync(join(builtInTemplates, name, "type.yaml"), "utf8")] as const);
    const system = await MemorySystem.start(0, undefined, { types: Object.fromEntries(texts) });
    await system.addProcess({}, ["gateway", "actors"]);
    const world = new FieldWorld(system);
    await world.#fill();
    return world;
  }

  stop(): Promise<void> {
    return this.system.stop();
  }

  async #fill(): Promise<void> {
    const { requests } = await everyTypeScenario();
    const ids = new Map<string, string>();
    const passes = [
      { tenant: OWN, made: this.own },
      { tenant: FOREIGN, made: this.foreign },
      { tenant: undefined, made: this.nobodys },
    ];
    for (const { tenant, made } of passes) {
      const theirs = new Map(ids);
      for (const request of requests) {
        const [type, sent] = Object.entries(withRealIds(request, theirs).body as Record<string, JsonObject>)[0] ?? [
          "",
          {},
        ];
        const definition = this.catalogue.types.get(type);
        if (definition === undefined || (definition.infrastructure && tenant !== OWN)) continue;
        if (tenant === undefined && !["network", "subnet", "physical_port", "internet_gateway"].includes(type))
          continue;
        const { tenant_id: _, ...rest } = sent;
        const owner = definition.infrastructure ? sent["tenant_id"] : tenant;
        const vlan = Number(rest["uplink_vlan_id"]);
        const fields: JsonObject = {
          ...rest,
          ...(owner === undefined ? {} : { tenant_id: owner }),
          ...(Number.isNaN(vlan) || tenant === OWN ? {} : { uplink_vlan_id: String(vlan + 1000) }),
        };
        const { id } = await this.system.gateway().create(type, fields);
        made.push({ type, id: String(id), fields });
        if (request.creates !== undefined) (tenant === OWN ? ids : theirs).set(request.creates, String(id));
        if (request.creates !== undefined) theirs.set(request.creates, String(id));
      }
    }
  }
}
