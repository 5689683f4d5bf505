import { afterEach, describe, expect, it } from "vitest";
import type { ResourceView } from "../../../src/actors/gateway-api.ts";
import { MemorySystem, outcomes } from "./memory-system.ts";

let system: MemorySystem | undefined;
afterEach(async () => {
  await system?.stop();
  system = undefined;
});

const idOf = (view: ResourceView) => String(view["id"]);
const repeat = (count: number) => Array.from({ length: count }, (_, at) => at);

async function withLink(processes = 1) {
  system = await MemorySystem.start(processes);
  const site = await system.gateway().create("site", {});
  const other = await system.gateway().create("site", {});
  const link = await system.gateway().create("link", { name: "first", site_id: idOf(site) });
  await system.until(idOf(link), ({ state }) => state === "create_completed");
  return { using: system, gateway: system.gateway(), id: idOf(link), other: idOf(other) };
}

describe("a change of one version only", () => {
  it("is made to that version, and refused with both versions named", async () => {
    const { gateway, id } = await withLink();
    expect(gateway.versionOf(await gateway.get("link", id))).toBe(1);
    const changed = await gateway.update("link", id, { name: "second" }, { onlyVersions: ["1"] });
    expect(gateway.versionOf(changed)).toBe(2);
    await expect(gateway.update("link", id, { name: "third" }, { onlyVersions: ["1"] })).rejects.toMatchObject({
      code: "SB_VERSION_CONFLICT",
      status: 412,
      message: `link ${id} is at version 2, the request is for version 1`,
    });
    expect((await gateway.get("link", id))["name"]).toBe("second");
    await gateway.update("link", id, { name: "third" }, { onlyVersions: ["9", "2"] });
  });

  it.each([1, 2])("of many at once is made once, with %i process(es)", async (processes) => {
    const { using, gateway, id, other } = await withLink(processes);
    for (const round of repeat(5)) {
      const version = String(gateway.versionOf(await gateway.get("link", id)));
      const attempts = repeat(8).map((at) =>
        using
          .gateway(at % processes)
          // A new unique name, and another site, are proposed before they are decided: both ways of committing are in it.
          .update("link", id, at % 2 === 0 ? { name: `n${round}-${at}` } : { site_id: other, name: `m${round}` }, {
            onlyVersions: [version],
          }),
      );
      expect(await outcomes(attempts)).toEqual({ taken: 1, refused: Array(7).fill("SB_VERSION_CONFLICT") });
      await Promise.all(repeat(processes).map((at) => using.processes[at]?.index.caughtUp(furthest(using))));
    }
  });

  it("loses no count: who is refused reads again and tries again", async () => {
    const { using, id } = await withLink(2);
    const add = async (process: number): Promise<void> => {
      const gateway = using.gateway(process);
      const view = await gateway.get("link", id);
      const count = Number(/\d+$/.exec(String(view["name"])) ?? 0);
      const { taken } = await outcomes([
        gateway.update("link", id, { name: `count ${count + 1}` }, { onlyVersions: [String(gateway.versionOf(view))] }),
      ]);
      if (taken === 0) await add(process);
    };
    await Promise.all(repeat(10).map((at) => add(at % 2)));
    await using.processes[0]?.index.caughtUp(furthest(using));
    expect((await using.gateway().get("link", id))["name"]).toBe("count 10");
  });

  it("with the key of one that was made already answers what that one made", async () => {
    const { gateway, id } = await withLink();
    const request = { key: "k1", onlyVersions: ["1"] };
    await gateway.update("link", id, { name: "second" }, request);
    expect((await gateway.update("link", id, { name: "second" }, request))["name"]).toBe("second");
  });

  it("is no deletion of another version, and the same deletion again is no conflict", async () => {
    const { using, gateway, id } = await withLink();
    await gateway.update("link", id, { name: "second" });
    await expect(gateway.remove("link", id, { onlyVersions: ["1"] })).rejects.toThrow("at version 2");
    expect((await gateway.get("link", id))["status"]).not.toBe("PENDING_DELETE");
    const release = using.controller.hold();
    await gateway.remove("link", id, { onlyVersions: ["2"] });
    await gateway.remove("link", id, { onlyVersions: ["2"] });
    await expect(gateway.remove("link", id, { onlyVersions: ["1"] })).rejects.toThrow("at version 3");
    release();
    await using.until(id, ({ deleted }) => deleted);
  });

  it("is no other try of another version", async () => {
    const { gateway, id } = await withLink();
    await expect(gateway.retry("link", id, { onlyVersions: ["7"] })).rejects.toMatchObject({
      code: "SB_VERSION_CONFLICT",
    });
    await expect(gateway.retry("link", id, { onlyVersions: ["1"] })).rejects.toMatchObject({
      code: "SB_NOT_RETRYABLE",
    });
  });
});

/** How far any process has read the log. */
function furthest(using: MemorySystem): number {
  return Math.max(...using.processes.map(({ index }) => index.seen));
}
