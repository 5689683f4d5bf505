import { afterEach, describe, expect, it } from "vitest";
import type { ResourceView } from "../../../src/actors/gateway-api.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { MemorySystem } from "./memory-system.ts";

let system: MemorySystem | undefined;
afterEach(async () => {
  await system?.stop();
  system = undefined;
});

const idOf = (view: ResourceView) => String(view["id"]);

async function started() {
  system = await MemorySystem.start();
  const gateway = system.gateway();
  const site = idOf(await gateway.create("site", { name: "here" }));
  return { using: system, gateway, site };
}

describe("a dry run", () => {
  it("of a creation shows its dependents with what each takes, and holds nothing of it", async () => {
    const { using, gateway, site } = await started();
    const position = await using.embedded.log.position();
    const first = await gateway.dryRun("bundle", { action: "create", fields: { site_id: site } });
    expect(first.resource).toMatchObject({ id: "(id of the new bundle)", site_id: site });
    expect(first.dependents.map(({ resource }) => [resource["id"], resource["name"], resource["number"]])).toEqual([
      ["(id of the new link 1)", "one-(id of the new bundle)", 0],
      ["(id of the new link 2)", "two-(id of the new bundle)", 1],
    ]);
    expect(first.allocations.map(({ id, value }) => [id, value])).toEqual([
      ["(id of the new link 1)", 0],
      ["(id of the new link 2)", 1],
    ]);
    expect(first.jobs).toMatchObject([
      { name: "jobs/0", id: "(id of the new link 1)", action: "create", handler: "heat_worker", waits_for: [] },
      { name: "jobs/1", id: "(id of the new link 2)" },
    ]);
    expect(await gateway.dryRun("bundle", { action: "create", fields: { site_id: site } })).toEqual(first);
    expect(await using.embedded.log.position()).toBe(position);
    const made = await gateway.create("link", { name: "l", site_id: site });
    expect(made["number"]).toBe(0);
  });

  it("of every other change appends nothing to the log either, and is of the version that is named", async () => {
    const { using, gateway, site } = await started();
    const bundle = idOf(await gateway.create("bundle", { site_id: site }));
    const link = idOf(await gateway.create("link", { name: "l", site_id: site }));
    await using.until(link, ({ state }) => state === "create_completed");
    await using.until(bundle, ({ state }) => state === "create_completed");
    const { resources } = await gateway.list("link", {});
    for (const each of resources) await using.until(idOf(each), ({ state }) => state === "create_completed");
    await using.processes[0]?.index.caughtUp(await using.embedded.log.position());
    const position = await using.embedded.log.position();

    const changed = await gateway.dryRun("link", { action: "update", id: link, fields: { name: "m" } });
    expect([changed.resource["name"], changed.jobs.map(({ action, version }) => [action, version])]).toEqual([
      "m",
      [["modify", 2]],
    ]);
    const deleted = await gateway.dryRun("bundle", { action: "delete", id: bundle });
    expect(deleted.dependents.map(({ type }) => type)).toEqual(["link", "link"]);
    expect(deleted.allocations.map(({ action, value }) => [action, value])).toEqual([
      ["release", expect.any(Number)],
      ["release", expect.any(Number)],
    ]);
    const refusal = async (change: Parameters<typeof gateway.dryRun>[1], onlyVersions?: string[]) => {
      const thrown = await gateway.dryRun("link", change, onlyVersions ? { onlyVersions } : {}).catch((error) => error);
      return thrown instanceof SignalboxError ? thrown.code : thrown;
    };
    expect(await refusal({ action: "retry", id: link })).toBe("SB_NOT_RETRYABLE");
    const owned = deleted.dependents[0]?.resource ?? {};
    expect(await refusal({ action: "delete", id: idOf(owned) })).toBe("SB_REFERENCED");
    expect(await refusal({ action: "update", id: link, fields: { name: "m" } }, ["7"])).toBe("SB_VERSION_CONFLICT");
    expect(await refusal({ action: "create", fields: { name: "l", site_id: site } })).toBe("SB_UNIQUE_TAKEN");
    expect(await using.embedded.log.position()).toBe(position);
  });

  it("of another try of what failed shows the jobs that it begins with", async () => {
    const { using, gateway, site } = await started();
    using.controller.error = new SignalboxError("SB_CONTROLLER_REJECTED", "no");
    const link = idOf(await gateway.create("link", { name: "l", site_id: site }));
    await using.until(link, ({ state }) => state === "create_failed");
    const shown = await gateway.dryRun("link", { action: "retry", id: link });
    expect(shown.jobs).toMatchObject([{ type: "link", id: link, action: "create", version: 1 }]);
  });

  it("of another try of a deletion begins with what belongs to it and has failed", async () => {
    const { using, gateway, site } = await started();
    const trunk = idOf(await gateway.create("trunk", { site_id: site }));
    const link = idOf((await gateway.list("link", {})).resources[0] ?? {});
    for (const each of [link, trunk]) await using.until(each, ({ state }) => state === "create_completed");
    using.controller.error = new SignalboxError("SB_CONTROLLER_REJECTED", "no");
    await gateway.remove("trunk", trunk);
    for (const each of [link, trunk]) await using.until(each, ({ state }) => state === "delete_failed");
    for (const action of ["delete", "retry"] as const) {
      const shown = await gateway.dryRun("trunk", { action, id: trunk });
      expect(shown.dependents.map(({ type }) => type)).toEqual(["link"]);
      expect(shown.jobs.map(({ type, action: each }) => [type, each])).toEqual([
        ["link", "delete"],
        ["trunk", "delete"],
      ]);
    }
    using.controller.error = undefined;
    await gateway.retry("trunk", trunk);
    for (const each of [link, trunk]) await using.until(each, ({ deleted }) => deleted);
  });

  it("of a change that has to wait shows what it does after the one before it", async () => {
    const { using, gateway, site } = await started();
    const release = using.controller.hold();
    const link = idOf(await gateway.create("link", { name: "l", site_id: site }));
    const shown = await gateway.dryRun("link", { action: "update", id: link, fields: { name: "m" } });
    expect(shown.jobs).toMatchObject([{ action: "modify", version: 2 }]);
    release();
    await using.until(link, ({ state }) => state === "create_completed");
  });
});
