import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BY_TIME } from "../../../../src/actors/audit/audit-keys.ts";
import type { AuditView } from "../../../../src/actors/audit/audit-view.ts";
import { parseRecord } from "../../../../src/actors/resource-record.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { MemorySystem } from "../memory-system.ts";
import { ACME, caller } from "./callers.ts";

let system: MemorySystem;
beforeEach(async () => {
  system = await MemorySystem.start();
});
afterEach(() => system.stop());

const ann = caller("ann", "member", ACME);

async function history(type: string, id: string): Promise<readonly AuditView[]> {
  return (await system.gateway().audit({ resource: { type, id } })).entries;
}

/** The events of the records that carry an entry, in the log's order. */
async function audited(): Promise<string[]> {
  const events: string[] = [];
  for await (const stored of system.embedded.log.read(1)) {
    const record = parseRecord(stored);
    const entries = record?.documents.filter(({ key }) => key.startsWith(BY_TIME)) ?? [];
    for (const _ of entries) events.push(record?.event ?? "");
  }
  return events;
}

describe("a write of a client", () => {
  it("is told with who it was, and the fields before and after, secrets masked, also when the resource is gone", async () => {
    const fields = { name: "one", tenant_id: ACME, password: "secret one" };
    const { id } = await system.gateway().create("vault", fields, { by: ann });
    await system.gateway().update("vault", String(id), { name: "two", password: "secret two" }, { by: ann });
    await system.gateway().remove("vault", String(id), { by: ann });
    await system.until(String(id), ({ deleted }) => deleted);
    const told = await history("vault", String(id));
    expect(told.map(({ action, version, name }) => [action, version, name])).toEqual([
      ["delete", 3, "two"],
      ["update", 2, "two"],
      ["create", 1, "one"],
    ]);
    const by = { name: "ann", role: "member", tenant: ACME, from: "of ann", via: "http", requestId: "request of ann" };
    for (const entry of told) expect(entry).toMatchObject({ type: "vault", id, tenant: ACME, shared: false, by });
    expect(told.map(({ changes }) => changes)).toEqual([
      {
        id: { before: id, after: null },
        name: { before: "two", after: null },
        tenant_id: { before: ACME, after: null },
        shared: { before: false, after: null },
        password: { before: "***", after: null },
      },
      { name: { before: "one", after: "two" }, password: { before: "***", after: "***" } },
      {
        id: { before: null, after: id },
        name: { before: null, after: "one" },
        tenant_id: { before: null, after: ACME },
        shared: { before: null, after: false },
        password: { before: null, after: "***" },
      },
    ]);
    expect(await audited()).toEqual(["ADMIT", "UPDATE", "DELETE"]);
  });

  it("is anonymous where nobody needs a token", async () => {
    const { id } = await system.gateway().create("site", { name: "s" });
    expect((await history("site", String(id))).map(({ by }) => by)).toEqual([
      { name: "anonymous", role: null, tenant: null, from: null, via: null, requestId: null },
    ]);
  });

  it("that is refused leaves nothing", async () => {
    const made = await system.gateway().create("vault", { name: "taken" }, { by: ann });
    const other = await system.gateway().create("vault", { name: "free" }, { by: ann });
    const taken = expect.objectContaining({ code: "SB_UNIQUE_TAKEN" });
    await expect(system.gateway().create("vault", { name: "taken" }, { by: ann })).rejects.toEqual(taken);
    await expect(system.gateway().update("vault", String(other.id), { name: "taken" }, { by: ann })).rejects.toEqual(
      taken,
    );
    const site = await system.gateway().create("site", { name: "s" }, { by: ann });
    await system.gateway().create("link", { name: "l", site_id: site.id }, { by: ann });
    await expect(system.gateway().remove("site", String(site.id), { by: ann })).rejects.toEqual(
      expect.objectContaining({ code: "SB_REFERENCED" }),
    );
    const { entries } = await system.gateway().audit({});
    expect(entries.map(({ action, name }) => [action, name])).toEqual([
      ["create", "l"],
      ["create", "s"],
      ["create", "free"],
      ["create", "taken"],
    ]);
    expect(await history("vault", String(made.id))).toHaveLength(1);
  });

  it("that is sent again with its key is told once", async () => {
    const options = { by: ann, key: "k1" };
    const first = await system.gateway().create("vault", { name: "once" }, options);
    const second = await system.gateway().create("vault", { name: "once" }, options);
    expect(second).toEqual(first);
    for (const _ of [1, 2]) {
      await system.gateway().update("vault", String(first.id), { name: "twice" }, { by: ann, key: "k2" });
    }
    expect((await history("vault", String(first.id))).map(({ action }) => action)).toEqual(["update", "create"]);
  });

  it("that tries again what failed is told as what was asked for", async () => {
    const site = await system.gateway().create("site", { name: "s" });
    system.controller.error = new SignalboxError("SB_CONTROLLER_REJECTED", "no");
    const link = await system.gateway().create("link", { name: "l", site_id: site.id });
    const id = String(link.id);
    await system.until(id, ({ state }) => state === "create_failed");
    system.controller.error = undefined;
    await system.gateway().retry("link", id, { by: ann });
    await system.until(id, ({ state }) => state === "create_completed");
    system.controller.error = new SignalboxError("SB_CONTROLLER_REJECTED", "no");
    await system.gateway().remove("link", id, { by: ann });
    await system.until(id, ({ state }) => state === "delete_failed");
    system.controller.error = undefined;
    await system.gateway().remove("link", id, { by: ann });
    await system.until(id, ({ deleted }) => deleted);
    expect((await history("link", id)).map(({ action, changes }) => [action, Object.keys(changes).length > 0])).toEqual(
      [
        ["delete", true],
        ["delete", true],
        ["retry", false],
        ["create", true],
      ],
    );
    expect((await audited()).slice(2)).toEqual(["RETRY", "DELETE", "RETRY"]);
  });

  it("is told in the order of the log, whichever process took it", async () => {
    await system.addProcess();
    const { id } = await system.gateway(0).create("vault", { name: "v0" }, { by: ann });
    for (let at = 1; at <= 6; at += 1) {
      await system.gateway(at % 2).update("vault", String(id), { name: `v${at}` }, { by: ann });
    }
    expect((await history("vault", String(id))).map(({ version, name }) => [version, name])).toEqual(
      [6, 5, 4, 3, 2, 1, 0].map((at) => [at + 1, `v${at}`]),
    );
  });

  it("does not tell of what the system does by itself", async () => {
    const site = await system.gateway().create("site", { name: "s" }, { by: ann });
    const bundle = await system.gateway().create("bundle", { site_id: site.id }, { by: ann });
    const { resources: links } = await system.gateway().list("link", {});
    expect(links).toHaveLength(2);
    for (const { id } of links) expect(await history("link", String(id))).toEqual([]);
    expect(await history("bundle", String(bundle.id))).toHaveLength(1);
    expect((await system.gateway().audit({})).entries).toHaveLength(2);
  });

  it("of a resource that never was is not found", async () => {
    await expect(history("vault", "nobody")).rejects.toEqual(expect.objectContaining({ code: "SB_NOT_FOUND" }));
  });

  it("is no document for clients", async () => {
    await system.gateway().create("vault", { name: "v" }, { by: ann });
    expect((await system.gateway().audit({})).entries).toHaveLength(1);
    expect(await system.embedded.documents.range(BY_TIME)).toHaveLength(1);
    const keys = (await system.gateway().documents("/")).map(({ key }) => key);
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => key.startsWith("/signalbox/"))).toEqual([]);
  });
});
