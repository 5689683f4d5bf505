import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CallersGateway } from "../../../../src/actors/access/callers-gateway.ts";
import type { AuditQuery } from "../../../../src/actors/audit/audit-view.ts";
import { MemorySystem } from "../memory-system.ts";
import { ACME, caller, OTHER } from "./callers.ts";

let system: MemorySystem;
const ids: Record<string, string> = {};
const ann = caller("ann", "member", ACME);
const bob = caller("bob", "member", OTHER);
const rita = caller("rita", "reader", ACME);
const oscar = caller("oscar", "operator");
const root = caller("root", "admin");

const as = (who: typeof ann) => new CallersGateway(system.gateway(), who);
const make = async (who: typeof ann, type: string, fields: Record<string, string | boolean>) => {
  const { id } = await as(who).create(type, fields);
  ids[String(fields["name"])] = String(id);
};
const told = async (who: typeof ann, query: AuditQuery) =>
  (await as(who).audit(query)).entries.map(({ action, name, by }) => `${by?.name} ${action} ${name}`);
const of = (type: string, name: string) => ({ resource: { type, id: ids[name] ?? "" } });
const refused = (code: string) => expect.objectContaining({ code });

beforeAll(async () => {
  system = await MemorySystem.start();
  await make(oscar, "site", { name: "site" });
  await make(ann, "vault", { name: "a1" });
  await make(ann, "vault", { name: "a2", shared: true });
  await make(bob, "vault", { name: "b1" });
  await make(ann, "vault", { name: "a3" });
  await as(ann).remove("vault", ids["a3"] ?? "");
  await as(root).update("vault", ids["a1"] ?? "", { password: "changed" });
  await system.until(ids["a3"] ?? "", ({ deleted }) => deleted);
});
afterAll(() => system.stop());

describe("the feed", () => {
  const acme = ["root update a1", "ann delete a3", "ann create a3", "ann create a2", "ann create a1"];

  it("has everything for operators and the admin", async () => {
    const all = [...acme.slice(0, 3), "bob create b1", ...acme.slice(3), "oscar create site"];
    expect(await told(oscar, {})).toEqual(all);
    expect(await told(root, {})).toEqual(all);
    expect(await told(root, { tenant: ACME })).toEqual(acme);
  });

  it("has what is its tenant's for a member and a reader, and no other tenant's", async () => {
    expect(await told(ann, {})).toEqual(acme);
    expect(await told(rita, { tenant: ACME.toUpperCase() })).toEqual(acme);
    expect(await told(bob, {})).toEqual(["bob create b1"]);
    await expect(told(bob, { tenant: ACME })).rejects.toEqual(refused("SB_FORBIDDEN"));
    await expect(told(caller("stray", "member"), {})).rejects.toEqual(refused("SB_FORBIDDEN"));
  });

  it("is narrowed by type, caller, action and time", async () => {
    expect(await told(root, { type: "site" })).toEqual(["oscar create site"]);
    expect(await told(root, { who: "bob" })).toEqual(["bob create b1"]);
    expect(await told(root, { action: "delete" })).toEqual(["ann delete a3"]);
    const { entries } = await as(root).audit({});
    const times = entries.map(({ time }) => time);
    const [newest = 0, oldest = 0] = [Math.max(...times), Math.min(...times)];
    expect(await told(root, { since: oldest, until: newest })).toHaveLength(7);
    expect(await told(root, { since: newest + 1 })).toEqual([]);
    expect(await told(root, { until: oldest - 1 })).toEqual([]);
    const middle = times[3] ?? 0;
    expect(await told(root, { since: middle })).toHaveLength(times.filter((time) => time >= middle).length);
    expect(await told(root, { until: middle })).toHaveLength(times.filter((time) => time <= middle).length);
  });

  it("comes in pages that join without a gap", async () => {
    const whole = (await as(ann).audit({})).entries;
    const pages = [];
    for (let after: string | undefined; ; ) {
      const { entries, next } = await as(ann).audit({ limit: 2, ...(after === undefined ? {} : { after }) });
      pages.push(entries);
      if (next === null) break;
      after = next;
    }
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(whole);
    for (const query of [{ limit: 0 }, { limit: 1001 }, { after: "x" }])
      await expect(told(root, query)).rejects.toEqual(refused("SB_MALFORMED_REQUEST"));
  });
});

describe("the history of a resource", () => {
  it("is for who may read the resource; who it was only for its own tenant and operators", async () => {
    const a2 = of("vault", "a2");
    expect(await told(ann, a2)).toEqual(["ann create a2"]);
    expect(await told(oscar, a2)).toEqual(["ann create a2"]);
    expect(await told(bob, a2)).toEqual(["undefined create a2"]);
    expect((await as(bob).audit(a2)).entries.map(({ by }) => by)).toEqual([null]);
    expect(await told(bob, { ...a2, who: "ann" })).toEqual([]);
    // A site is what tenants' resources name.
    expect(await told(ann, of("site", "site"))).toEqual(["undefined create site"]);
    await expect(told(bob, of("vault", "a1"))).rejects.toEqual(refused("SB_NOT_FOUND"));
  });

  it("is still there when the resource is deleted, for its tenant and operators", async () => {
    const a3 = of("vault", "a3");
    const wanted = ["ann delete a3", "ann create a3"];
    expect(await told(rita, a3)).toEqual(wanted);
    expect(await told(oscar, a3)).toEqual(wanted);
    await expect(told(bob, a3)).rejects.toEqual(refused("SB_NOT_FOUND"));
  });

  it("comes in pages too", async () => {
    const first = await as(ann).audit({ ...of("vault", "a1"), limit: 1 });
    expect(first.entries.map(({ action }) => action)).toEqual(["update"]);
    const second = await as(ann).audit({ ...of("vault", "a1"), limit: 1, after: first.next ?? "" });
    expect(second).toMatchObject({ entries: [{ action: "create" }], next: null });
  });
});
