import { describe, expect, it } from "vitest";
import { Fleet } from "../../../../src/actors/inspection/fleet.ts";
import type { FleetQuery, ReadAccess } from "../../../../src/actors/inspection/inspection-api.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { MemorySystem } from "../memory-system.ts";

const everything: ReadAccess = { everything: true, mayRead: () => true };
const all: FleetQuery = {
  types: [],
  states: [],
  tenants: [],
  text: "",
  sort: "name",
  descending: false,
  limit: 100,
  offset: 0,
};

/** A fleet over the log of a system, with a clock of its own that stands still. */
async function fleetOver(system: MemorySystem): Promise<{ fleet: Fleet; clock: VirtualClock }> {
  const [process] = system.processes;
  if (process === undefined) throw new Error("no process");
  const clock = new VirtualClock();
  return { fleet: new Fleet(process.index, clock, (text) => text), clock };
}

describe("the fleet", () => {
  it("keeps its orders right as resources come, are renamed and go", async () => {
    const system = await MemorySystem.start();
    const { fleet, clock } = await fleetOver(system);
    const gateway = system.gateway();
    const names = () => {
      clock.advance(1_000);
      return fleet.page(everything, all).rows.map(({ name }) => name);
    };
    const site = String((await gateway.create("site", { name: "m" })).id);
    await gateway.create("site", { name: "z" });
    expect(names()).toEqual(["m", "z"]);
    await gateway.create("site", { name: "a" });
    expect(names()).toEqual(["a", "m", "z"]);
    await gateway.update("site", site, { name: "zz" });
    expect(names()).toEqual(["a", "z", "zz"]);
    await gateway.remove("site", site);
    await system.until(site, ({ deleted }) => deleted);
    expect(names()).toEqual(["a", "z"]);
    await system.stop();
  });

  it("answers the next page of a list from what it found a moment ago, with the position up to which that is true", async () => {
    const system = await MemorySystem.start();
    const { fleet, clock } = await fleetOver(system);
    const gateway = system.gateway();
    await gateway.create("site", { name: "b" });
    const first = fleet.page(everything, { ...all, limit: 1 });
    await gateway.create("site", { name: "a" });
    const next = fleet.page(everything, { ...all, limit: 1, offset: 1 });
    expect([next.total, next.position]).toEqual([1, first.position]);
    clock.advance(300);
    const later = fleet.page(everything, { ...all, limit: 1, offset: 1 });
    expect(later).toMatchObject({ total: 2, rows: [{ name: "b" }] });
    expect(later.position).toBeGreaterThan(first.position);
    await system.stop();
  });

  it("does not let what one reader was shown be seen by another", async () => {
    const system = await MemorySystem.start();
    const { fleet } = await fleetOver(system);
    await system.gateway().create("site", { name: "secret" });
    expect(fleet.page(everything, all).total).toBe(1);
    expect(fleet.page({ everything: false, mayRead: () => false }, all)).toMatchObject({
      total: 0,
      states: {},
      types: {},
    });
    await system.stop();
  });
});
