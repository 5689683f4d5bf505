import { afterEach, describe, expect, it } from "vitest";
import type { ResourceView } from "../../../src/actors/gateway-api.ts";
import type { Json } from "../../../src/actors/ports.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { MemorySystem, outcomes } from "./memory-system.ts";

let system: MemorySystem | undefined;
afterEach(async () => {
  await system?.stop();
  system = undefined;
});

async function started(processes = 1): Promise<MemorySystem> {
  system = await MemorySystem.start(processes);
  return system;
}

const idOf = (view: ResourceView) => String(view["id"]);
const repeat = (count: number) => Array.from({ length: count }, (_, at) => at);
const eventOf = ({ data }: { data: Json }) => (data as { event: string }).event;
const complete = ({ state }: { state: string }) => state === "create_completed";

/** A refused request leaves nothing: no resource, no document of it, and no record but the one that tells other processes. */
async function expectOnly(using: MemorySystem, type: string, count: number): Promise<void> {
  for (const process of repeat(using.processes.length))
    expect((await using.gateway(process).list(type, {})).resources).toHaveLength(count);
  const last = await using.lastRecords();
  const alone = using.processes.length === 1;
  const subjects = last.filter((each) => alone || eventOf(each) !== "REJECT").map(({ subject }) => subject);
  expect(subjects.filter((subject) => subject.startsWith(`resource.${type}.`))).toHaveLength(count);
}

describe("a creation", () => {
  const eventsOf = async (using: MemorySystem, type: string) => {
    const events: string[] = [];
    for await (const stored of using.embedded.log.read(1)) {
      if (stored.subject.startsWith(`resource.${type}.`)) events.push(eventOf(stored));
    }
    return events;
  };

  it("is proposed first only when it takes what somebody else could want", async () => {
    const using = await started();
    const site = await using.gateway().create("site", {});
    await using.gateway().create("link", { name: "n", site_id: idOf(site) });
    expect(await eventsOf(using, "site")).toEqual(["ADMIT"]);
    expect((await eventsOf(using, "link")).slice(0, 2)).toEqual(["PROPOSE", "ADMIT"]);
  });

  it("that takes nothing is made once for a key, however often and where it is asked for", async () => {
    const using = await started(2);
    const asked = repeat(6).map((at) => using.gateway(at % 2).create("site", { name: "one" }, { key: "k" }));
    const ids = new Set((await Promise.all(asked)).map(idOf));
    expect(ids.size).toBe(1);
    await expect(using.gateway().create("site", { name: "two" }, { key: "k" })).rejects.toMatchObject({
      code: "SB_KEY_REUSED",
    });
    expect(await eventsOf(using, "site")).toEqual(["ADMIT"]);
  });

  it("is made for the key of a request that was refused", async () => {
    const note = `type: note
collection: notes
title: What takes nothing
fields:
  id: { type: string }
  tenant_id: { type: string, writable: [create], set_by: member, belongs_to: caller }
  status: { type: string, default: NO_STATE }
`;
    // With another process there the record of the refusal stays for a while.
    system = await MemorySystem.start(2, undefined, { types: { note }, quotas: { tenants: { poor: { note: 1 } } } });
    const using = system;
    const create = (process: number, tenant_id: string) =>
      using.gateway(process).create("note", { tenant_id }, { key: `k${process}` });
    // Sent at once, both are proposed before it is decided who was first.
    const results = await Promise.allSettled([create(0, "poor"), create(1, "poor")]);
    const loser = results.findIndex(({ status }) => status === "rejected");
    expect((await using.lastRecords()).map(eventOf).sort()).toEqual(["ADMIT", "REJECT"]);
    expect(await create(loser, "rich")).toMatchObject({ tenant_id: "rich" });
    await expect(create(loser, "other")).rejects.toMatchObject({ code: "SB_KEY_REUSED" });
  });

  it("that has a quota is proposed, and not made beyond it", async () => {
    system = await MemorySystem.start(2, undefined, { quotas: { default: { vault: 1 } } });
    const using = system;
    const vault = (process: number, name: string, tenant_id?: string) =>
      using.gateway(process).create("vault", { name, ...(tenant_id && { tenant_id }) });
    expect((await outcomes([vault(0, "a", "t"), vault(1, "b", "t")])).refused).toEqual(["SB_QUOTA_EXCEEDED"]);
  });
});

describe.each([1, 2])("with %i process(es), two at once", (processes) => {
  const of = (number: number) => number % processes;

  it("create the same unique value: exactly one wins", async () => {
    const using = await started(processes);
    const site = await using.gateway().create("site", {});
    // Each attempt takes a number until it is refused, of which there are eight.
    for (const round of repeat(4)) {
      const attempts = repeat(4).map((at) =>
        using.gateway(of(at)).create("link", { name: `n${round}`, site_id: idOf(site) }),
      );
      expect(await outcomes(attempts)).toEqual({ taken: 1, refused: Array(3).fill("SB_UNIQUE_TAKEN") });
    }
    await expectOnly(using, "link", 4);
  });

  it("take numbers of one pool: each gets one of its own, until there are none", async () => {
    const using = await started(processes);
    const site = await using.gateway().create("site", {});
    const attempts = repeat(12).map((at) =>
      using.gateway(of(at)).create("link", { name: `n${at}`, site_id: idOf(site) }),
    );
    const { taken, refused } = await outcomes(attempts);
    expect([taken, new Set(refused)]).toEqual([8, new Set(["SB_POOL_EXHAUSTED"])]);
    const { resources: links } = await using.gateway().list("link", {});
    expect(links.map((link) => link["number"]).sort()).toEqual(repeat(8));
    await expectOnly(using, "link", 8);
  });

  it("take several numbers each by what belongs to them: each gets one of its own", async () => {
    const using = await started(processes);
    const site = await using.gateway().create("site", {});
    const attempts = repeat(4).map((at) => using.gateway(of(at)).create("bundle", { site_id: idOf(site) }));
    expect((await outcomes(attempts)).taken).toBe(4);
    const { resources: links } = await using.gateway().list("link", {});
    expect(links.map((link) => link["number"]).sort()).toEqual(repeat(8));
    expect((await outcomes([using.gateway().create("bundle", { site_id: idOf(site) })])).refused).toEqual([
      "SB_POOL_EXHAUSTED",
    ]);
  });

  it("ask for the same number: exactly one gets it, the others are told", async () => {
    const using = await started(processes);
    const site = await using.gateway().create("site", {});
    const attempts = repeat(4).map((at) =>
      using.gateway(of(at)).create("link", { name: `n${at}`, site_id: idOf(site), number: 3 }),
    );
    expect(await outcomes(attempts)).toEqual({ taken: 1, refused: Array(3).fill("SB_UNIQUE_TAKEN") });
    await expectOnly(using, "link", 1);
  });

  it("create on a resource and delete it: one of the two is refused, nothing hangs in the air", async () => {
    const using = await started(processes);
    for (const round of repeat(8)) {
      const site = await using.gateway().create("site", {});
      const link = await using.gateway().create("link", { name: `n${round}`, site_id: idOf(site) });
      const [created, removed] = await Promise.allSettled([
        using.gateway(of(0)).create("node", { link_id: idOf(link) }),
        using.gateway(of(1)).remove("link", idOf(link)),
      ]);
      // Both may be refused when each sees the other's announcement; both taken would leave a node on nothing.
      expect(created.status === "fulfilled" && removed.status === "fulfilled").toBe(false);
      if (created.status === "rejected")
        expect(["SB_BEING_DELETED", "SB_RELATION_NOT_FOUND"]).toContain((created.reason as SignalboxError).code);
      if (removed.status === "rejected") expect((removed.reason as SignalboxError).code).toBe("SB_REFERENCED");
      if (removed.status === "fulfilled") await using.until(idOf(link), ({ deleted }) => deleted);
      else {
        const [node] = created.status === "fulfilled" ? [created.value] : [];
        if (node) await using.gateway().remove("node", idOf(node));
        // A withdrawn deletion is no deletion: the link is as it was.
        expect(await using.gateway().update("link", idOf(link), { name: `m${round}` })).toMatchObject({
          name: `m${round}`,
        });
      }
    }
  });

  it("change into the same unique value: exactly one wins", async () => {
    const using = await started(processes);
    const site = await using.gateway().create("site", {});
    const links = await Promise.all(
      repeat(4).map((at) => using.gateway().create("link", { name: `n${at}`, site_id: idOf(site) })),
    );
    for (const round of repeat(5)) {
      const { taken, refused } = await outcomes([
        ...links.map((link, at) => using.gateway(of(at)).update("link", idOf(link), { name: `same${round}` })),
      ]);
      expect([taken, refused]).toEqual([1, Array(3).fill("SB_UNIQUE_TAKEN")]);
      const names = (await using.gateway().list("link", {})).resources.map((link) => link["name"]);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("create a value and change another resource into it: exactly one wins", async () => {
    const using = await started(processes);
    const site = await using.gateway().create("site", {});
    const link = await using.gateway().create("link", { name: "old", site_id: idOf(site) });
    for (const round of repeat(6)) {
      const { taken, refused } = await outcomes([
        using.gateway(of(0)).create("link", { name: `new${round}`, site_id: idOf(site) }),
        using.gateway(of(1)).update("link", idOf(link), { name: `new${round}` }),
      ]);
      expect([taken, refused]).toEqual([1, ["SB_UNIQUE_TAKEN"]]);
      const names = (await using.gateway().list("link", {})).resources.map((each) => each["name"]);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("turn to a resource by an update and delete it: not both", async () => {
    const using = await started(processes);
    const site = await using.gateway().create("site", {});
    const old = await using.gateway().create("link", { name: "old", site_id: idOf(site) });
    const node = await using.gateway().create("node", { link_id: idOf(old) });
    for (const round of repeat(6)) {
      const link = await using.gateway().create("link", { name: `n${round}`, site_id: idOf(site) });
      await using.until(idOf(link), complete);
      const [changed, removed] = await Promise.allSettled([
        using.gateway(of(0)).update("node", idOf(node), { link_id: idOf(link) }),
        using.gateway(of(1)).remove("link", idOf(link)),
      ]);
      expect(changed.status === "fulfilled" && removed.status === "fulfilled").toBe(false);
      if (removed.status === "fulfilled") await using.until(idOf(link), ({ deleted }) => deleted);
      else {
        await using.gateway().update("node", idOf(node), { link_id: idOf(old) });
        await using.gateway().remove("link", idOf(link));
        await using.until(idOf(link), ({ deleted }) => deleted);
      }
    }
  });

  it("delete the same resource: it is deleted once", async () => {
    const using = await started(processes);
    const site = await using.gateway().create("site", {});
    const link = await using.gateway().create("link", { name: "one", site_id: idOf(site) });
    const { refused } = await outcomes(repeat(4).map((at) => using.gateway(of(at)).remove("link", idOf(link))));
    // Who comes when it is gone already is told so.
    expect(refused.every((code) => code === "SB_NOT_FOUND")).toBe(true);
    const { version } = await using.until(idOf(link), ({ deleted }) => deleted);
    expect(version).toBe(2);
    expect([...using.controller.objects.keys()]).toEqual([]);
  });
});

describe("a unique value", () => {
  it("is free again when its holder is gone, was refused, or has changed to another", async () => {
    const using = await started();
    const site = await using.gateway().create("site", {});
    const create = (name: string, more = {}) => using.gateway().create("link", { name, site_id: idOf(site), ...more });
    const refusal = async (attempt: Promise<unknown>) => (await outcomes([attempt])).refused[0];
    const first = await create("one", { number: 1 });
    expect(await refusal(create("one"))).toBe("SB_UNIQUE_TAKEN");
    // A creation that is refused for its number does not keep its name.
    expect(await refusal(create("two", { number: 1 }))).toBe("SB_UNIQUE_TAKEN");
    const second = await create("two");
    await using.gateway().update("link", idOf(first), { name: "three" });
    expect(await refusal(create("three"))).toBe("SB_UNIQUE_TAKEN");
    expect(await refusal(using.gateway().update("link", idOf(second), { name: "three" }))).toBe("SB_UNIQUE_TAKEN");
    const third = await create("one");
    await using.gateway().remove("link", idOf(third));
    await using.until(idOf(third), ({ deleted }) => deleted);
    expect((await create("one"))["name"]).toBe("one");
    // A resource may keep its own.
    expect((await using.gateway().update("link", idOf(second), { name: "two" }))["name"]).toBe("two");
  });

  it("and a number are kept over a restart", async () => {
    const using = await started();
    const site = await using.gateway().create("site", {});
    const link = await using.gateway().create("link", { name: "one", site_id: idOf(site), number: 5 });
    await using.gateway().update("link", idOf(link), { name: "two" });
    await using.processes.pop()?.stop();
    await using.addProcess();
    const refused = await outcomes([
      using.gateway().create("link", { name: "two", site_id: idOf(site) }),
      using.gateway().create("link", { name: "x", site_id: idOf(site), number: 5 }),
    ]);
    expect(refused).toEqual({ taken: 0, refused: ["SB_UNIQUE_TAKEN", "SB_UNIQUE_TAKEN"] });
    expect((await using.gateway().create("link", { name: "one", site_id: idOf(site) }))["number"]).toBe(0);
  });
});

describe("a deletion", () => {
  it("that comes while the creation is in progress waits for it, and takes away what it made", async () => {
    const using = await started();
    const site = await using.gateway().create("site", {});
    const release = using.controller.hold();
    const arrived = using.controller.arrival();
    const link = await using.gateway().create("link", { name: "one", site_id: idOf(site) });
    await arrived;
    await using.gateway().remove("link", idOf(link));
    expect(await using.gateway().get("link", idOf(link))).toMatchObject({ status: "PENDING_CREATE" });
    // Whoever comes now is refused, whatever he wants of it.
    const refused = await outcomes([
      using.gateway().update("link", idOf(link), { name: "two" }),
      using.gateway().create("node", { link_id: idOf(link) }),
    ]);
    expect(refused).toEqual({ taken: 0, refused: ["SB_BEING_DELETED", "SB_BEING_DELETED"] });
    await using.gateway().remove("link", idOf(link));
    release();
    await using.until(idOf(link), ({ deleted }) => deleted);
    const states: string[] = [];
    const signal = new AbortController().signal;
    for await (const { id, state } of using.gateway().transitions({ from: 1, follow: false, signal }))
      if (id === idOf(link) && states.at(-1) !== state) states.push(state);
    expect(states).toEqual(["pending_create", "create_completed", "pending_delete", "deleted"]);
    expect([...using.controller.objects.keys()]).toEqual([]);
    // Its name and its number are free again.
    expect((await using.gateway().create("link", { name: "one", site_id: idOf(site) }))["number"]).toBe(0);
  });

  it("of a parent is refused while a child is there, and the child's while the parent is going", async () => {
    const using = await started();
    const site = await using.gateway().create("site", {});
    const link = await using.gateway().create("link", { name: "one", site_id: idOf(site) });
    const node = await using.gateway().create("node", { link_id: idOf(link) });
    const error = await using
      .gateway()
      .remove("link", idOf(link))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SignalboxError);
    expect([(error as SignalboxError).code, (error as SignalboxError).message]).toEqual([
      "SB_REFERENCED",
      `link ${idOf(link)} is used by node ${idOf(node)}`,
    ]);
    await using.gateway().remove("node", idOf(node));
    await using.until(idOf(link), complete);
    const release = using.controller.hold();
    await using.gateway().remove("link", idOf(link));
    const { refused } = await outcomes([using.gateway().create("node", { link_id: idOf(link) })]);
    expect(refused).toEqual(["SB_BEING_DELETED"]);
    release();
    await using.until(idOf(link), ({ deleted }) => deleted);
    const gone = await outcomes([
      using.gateway().create("node", { link_id: idOf(link) }),
      using.gateway().remove("link", idOf(link)),
      using.gateway().get("link", idOf(link)),
    ]);
    expect(gone.refused).toEqual(["SB_NOT_FOUND", "SB_NOT_FOUND", "SB_RELATION_NOT_FOUND"]);
  });

  it("takes along what belongs to a resource, which nobody can delete by itself", async () => {
    const using = await started();
    const site = await using.gateway().create("site", {});
    const bundle = await using.gateway().create("bundle", { site_id: idOf(site) });
    const { resources: links } = await using.gateway().list("link", {});
    expect(links.map((link) => [link["name"], link["number"]]).sort()).toEqual([
      [`one-${idOf(bundle)}`, 0],
      [`two-${idOf(bundle)}`, 1],
    ]);
    const alone = await outcomes(links.map((link) => using.gateway().remove("link", idOf(link))));
    expect(alone.refused).toEqual(["SB_REFERENCED", "SB_REFERENCED"]);
    await using.gateway().remove("bundle", idOf(bundle));
    for (const each of [...links, bundle]) await using.until(idOf(each), ({ deleted }) => deleted);
    expect([...using.controller.objects.keys()]).toEqual([]);
    await using.gateway().remove("site", idOf(site));
    await using.until(idOf(site), ({ deleted }) => deleted);
    expect((await using.gateway().list("link", {})).resources).toEqual([]);
  });
});
