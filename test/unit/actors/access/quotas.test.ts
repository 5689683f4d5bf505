import { afterEach, describe, expect, it } from "vitest";
import { MemorySystem, outcomes } from "../memory-system.ts";

const own = {
  types: {
    room: `type: room
collection: rooms
title: Something that a tenant orders
fields:
  id: { type: string }
  name: { type: string, unique: true, writable: [create] }
  tenant_id: { type: string, writable: [create], set_by: member, belongs_to: caller }
`,
  },
};
const T1 = "1".repeat(32);
const T2 = "2".repeat(32);
const hyphenated = "11111111-1111-1111-1111-111111111111";

let system: MemorySystem | undefined;
afterEach(async () => {
  await system?.stop();
  system = undefined;
});

describe("a resource that goes to another tenant", () => {
  const types = {
    port: `type: port
collection: ports
title: What operators hand over
fields:
  id: { type: string }
  tenant_id:
    { type: string, writable: [create, update], set_by: { create: member, update: operator }, belongs_to: caller }
  on_id: { type: string, relation: port, writable: [create], set_by: member, belongs_to: tenant }
`,
  };
  const start = async (limit: number, processes = 1) => {
    system = await MemorySystem.start(processes, undefined, { types, quotas: { default: { port: limit } } });
    return system;
  };

  it("takes the quota of the tenant that it goes to, and leaves that of the other", async () => {
    const gateway = (await start(1)).gateway();
    const first = await gateway.create("port", { tenant_id: T1 });
    const other = await gateway.create("port", { tenant_id: T2 });
    const move = () => gateway.update("port", String(first["id"]), { tenant_id: T2 });
    const asked = { action: "update", id: String(first["id"]), fields: { tenant_id: T2 } } as const;
    await expect(move()).rejects.toMatchObject({ code: "SB_QUOTA_EXCEEDED" });
    await expect(gateway.dryRun("port", asked)).rejects.toMatchObject({ code: "SB_QUOTA_EXCEEDED" });
    await gateway.remove("port", String(other["id"]));
    expect((await move())["tenant_id"]).toBe(T2);
    await expect(gateway.create("port", { tenant_id: T2 })).rejects.toMatchObject({ code: "SB_QUOTA_EXCEEDED" });
    expect((await gateway.create("port", { tenant_id: T1 }))["tenant_id"]).toBe(T1);
  });

  it("is counted exactly, whatever else comes and goes at once", async () => {
    const system = await start(5, 2);
    const movers = await Promise.all(Array.from({ length: 8 }, () => system.gateway().create("port", {})));
    const moves = movers.map(({ id }, at) => system.gateway(at % 2).update("port", String(id), { tenant_id: T2 }));
    const creations = Array.from({ length: 8 }, (_, at) => system.gateway(at % 2).create("port", { tenant_id: T2 }));
    const { taken, refused } = await outcomes([...moves, ...creations]);
    const { total } = await system.gateway().list("port", { filters: { tenant_id: [T2] } });
    expect({ taken, refused: [...new Set(refused)], total }).toEqual({
      taken: 5,
      refused: ["SB_QUOTA_EXCEEDED"],
      total: 5,
    });
  });

  it("stays while something of its tenant is built on it", async () => {
    const gateway = (await start(9)).gateway();
    const below = await gateway.create("port", { tenant_id: T1 });
    const on = await gateway.create("port", { tenant_id: T1, on_id: below["id"] });
    await expect(gateway.update("port", String(below["id"]), { tenant_id: T2 })).rejects.toMatchObject({
      code: "SB_REFERENCED",
      fields: [{ pointer: "/tenant_id" }],
    });
    await expect(gateway.update("port", String(on["id"]), { tenant_id: T2 })).rejects.toMatchObject({
      code: "SB_RELATION_NOT_FOUND",
    });
  });
});

describe("a tenant's quota", () => {
  it("is given out to the last one and not beyond, however many ask two processes at once", async () => {
    system = await MemorySystem.start(2, undefined, { ...own, quotas: { default: { room: 7 } } });
    const wanted = Array.from({ length: 40 }, (_, at) =>
      system?.gateway(at % 2).create("room", { tenant_id: at % 3 === 0 ? hyphenated : T1 }),
    );
    const { taken, refused } = await outcomes(wanted as Array<Promise<unknown>>);
    expect({ taken, refused: [...new Set(refused)], count: refused.length }).toEqual({
      taken: 7,
      refused: ["SB_QUOTA_EXCEEDED"],
      count: 33,
    });
  });

  it("is each tenant's own, and another one for whom the settings name", async () => {
    system = await MemorySystem.start(1, undefined, {
      ...own,
      quotas: { default: { room: 1 }, tenants: { [hyphenated]: { room: 2 } } },
    });
    const create = (tenant_id?: string) =>
      system?.gateway().create("room", tenant_id === undefined ? {} : { tenant_id });
    await create(T1);
    await create(T1);
    await create(T2);
    await create();
    await create();
    await expect(create(T1)).rejects.toMatchObject({
      code: "SB_QUOTA_EXCEEDED",
      message: `tenant ${T1} may have 2 room and has 2`,
    });
    await expect(create(T2)).rejects.toMatchObject({ code: "SB_QUOTA_EXCEEDED" });
    const asked = { action: "create", fields: { tenant_id: T2 } } as const;
    await expect(system.gateway().dryRun("room", asked)).rejects.toMatchObject({ code: "SB_QUOTA_EXCEEDED" });
  });

  it("is free again when a resource is gone, and a creation that is refused takes none", async () => {
    system = await MemorySystem.start(1, undefined, { ...own, quotas: { default: { room: 2 } } });
    const gateway = system.gateway();
    const first = await gateway.create("room", { tenant_id: T1, name: "a" });
    await expect(gateway.create("room", { tenant_id: T1, name: "a" })).rejects.toMatchObject({
      code: "SB_UNIQUE_TAKEN",
    });
    await gateway.create("room", { tenant_id: T1, name: "b" });
    await expect(gateway.create("room", { tenant_id: T1 })).rejects.toMatchObject({ code: "SB_QUOTA_EXCEEDED" });
    const id = String(first["id"]);
    await gateway.remove("room", id);
    await system.until(id, ({ deleted }) => deleted);
    await gateway.create("room", { tenant_id: T1, name: "a" });
  });
});
