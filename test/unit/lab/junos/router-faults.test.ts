import { afterEach, describe, expect, it } from "vitest";
import { type LabRouter, type LabRouterOptions, startLabRouter } from "../../../../src/lab/junos/lab-router.ts";
import { FaultBox, routerFaultKinds } from "../../../../src/lab/junos/router-faults.ts";
import { openSession, type TestClient, verdict } from "./netconf-client.ts";

const cleanups: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: Partial<LabRouterOptions> = {}): Promise<LabRouter> {
  const router = await startLabRouter({
    name: "r1",
    base: "set system host-name r1\n",
    users: [{ user: "lab", password: "secret" }],
    ...options,
  });
  cleanups.push(() => router.stop());
  return router;
}

async function open(router: LabRouter): Promise<TestClient> {
  const client = await openSession({ port: router.port });
  cleanups.push(() => client.close());
  return client;
}

const LOCK = "<lock><target><candidate/></target></lock>";
const rename =
  "<edit-config><target><candidate/></target><config><configuration><system><host-name>r2</host-name></system></configuration></config></edit-config>";

describe("faults on demand", () => {
  it("refuse: no connection is taken until it is cleared, open sessions go on", async () => {
    const router = await start();
    const before = await open(router);
    const { port } = router;
    router.setFault({ kind: "refuse" });
    await router.faultsApplied();
    await expect(openSession({ port })).rejects.toThrow("ECONNREFUSED");
    expect(verdict(await before.rpc(LOCK))).toBe("ok");
    expect(router.clearFault("refuse")).toBe(1);
    await router.faultsApplied();
    expect(router.port).toBe(port);
    expect((await open(router)).sessionId).not.toBe("");
  });

  it("refuse, so many times and with open sessions cut", async () => {
    const router = await start();
    const before = await open(router);
    router.setFault({ kind: "refuse", cut: true, times: 1 });
    await before.closed;
    await expect(openSession({ port: router.port })).rejects.toThrow();
    expect(router.faults()).toEqual([]);
    expect((await open(router)).sessionId).not.toBe("");
  });

  it("hang: the session opens, the request is neither executed nor answered", async () => {
    const router = await start();
    const client = await open(router);
    router.setFault({ kind: "hang", on: "lock", times: 1 });
    const unanswered = client.rpc(LOCK);
    unanswered.catch(() => undefined);
    const other = await open(router);
    expect(verdict(await other.rpc(rename))).toBe("ok");
    expect(router.statistics()).toMatchObject({ locks: 0, edits: 1 });
    await client.close();
    await expect(unanswered).rejects.toThrow("gone");
  });

  it.each([
    ["before", "r1", 0],
    ["after", "r2", 1],
  ] as const)("drop %s the commit: running has %s", async (when, name, commits) => {
    const router = await start();
    const client = await open(router);
    router.setFault({ kind: "drop", on: "commit", when, times: 1 });
    await client.rpc(rename);
    const closed = new Promise<void>((resolve) => {
      router.subscribe((event) => {
        if (event.kind === "session-closed") resolve();
      });
    });
    await expect(client.rpc("<commit/>")).rejects.toThrow("gone");
    await closed;
    expect(router.runningSet()).toBe(`set system host-name ${name}\n`);
    expect(router.statistics().commits).toBe(commits);
    expect(verdict(await (await open(router)).rpc(LOCK))).toBe("ok");
  });

  it("drop the second matching request only, told apart by what it does", async () => {
    const router = await start();
    const client = await open(router);
    router.setFault({ kind: "drop", on: "confirm", when: "after", times: 1 });
    router.setFault({ kind: "drop", on: "load", when: "before", skip: 1, times: 1 });
    expect(verdict(await client.rpc(rename))).toBe("ok");
    expect(verdict(await client.rpc("<commit><confirmed/></commit>"))).toBe("ok");
    await expect(client.rpc("<commit/>")).rejects.toThrow("gone");
    expect(router.pendingDeadline()).toBeUndefined();
    const second = await open(router);
    await expect(second.rpc(rename)).rejects.toThrow("gone");
    expect(router.faults()).toEqual([]);
  });

  it("reject a statement at load or at commit, and only that", async () => {
    const router = await start();
    const client = await open(router);
    router.setFault({ kind: "reject", statement: "host-name r2", at: "load", times: 1 });
    router.setFault({ kind: "reject", statement: "domain-name", at: "commit" });
    expect(verdict(await client.rpc(rename))).toBe("operation-failed: syntax error: host-name r2");
    expect(verdict(await client.rpc(rename))).toBe("ok");
    expect(verdict(await client.rpc("<commit/>"))).toBe("ok");
    await client.rpc(rename.replace("<host-name>r2</host-name>", "<domain-name>example</domain-name>"));
    expect(verdict(await client.rpc("<commit/>"))).toBe("operation-failed: statement rejected: domain-name");
    router.clearFault();
    expect(verdict(await client.rpc("<commit/>"))).toBe("ok");
  });

  it("holdLock: somebody else has the candidate, as soon as it is free", async () => {
    const router = await start();
    const client = await open(router);
    await client.rpc(LOCK);
    const id = router.setFault({ kind: "holdLock", user: "alice" });
    expect(verdict(await client.rpc(rename))).toBe("ok");
    await client.rpc("<unlock><target><candidate/></target></unlock>");
    expect(verdict(await client.rpc(LOCK))).toMatch(/^lock-denied: configuration database locked by: alice/);
    router.clearFault(id);
    expect(verdict(await client.rpc(LOCK))).toBe("ok");
  });

  it("slowCommit: other sessions are answered meanwhile, and a stop does not wait for it", async () => {
    const router = await start();
    const [slow, other] = [await open(router), await open(router)];
    router.setFault({ kind: "slowCommit", ms: 3_600_000, times: 1 });
    await slow.rpc(rename);
    const pending = slow.rpc("<commit/>");
    pending.catch(() => undefined);
    expect(verdict(await other.rpc("<get-commit-information/>"))).toBe("commit-information");
    expect(router.faults()).toEqual([]);
    await router.stop();
    await expect(pending).rejects.toThrow("gone");
    expect(router.isAtBase()).toBe(true);
  });

  it("interfaceDown and vrrpFlip change what monitoring sees", async () => {
    const router = await start({
      base: [
        "set interfaces ge-0/0/0 gigether-options 802.3ad ae0",
        "set interfaces ae0 unit 5 family inet address 10.0.0.2/24 vrrp-group 20 virtual-address 10.0.0.1",
      ].join("\n"),
    });
    const states = () => router.vrrp().map((each) => each.state);
    expect(states()).toEqual(["master"]);
    for (const name of ["ge-0/0/0", "ae0", "ae0.5"]) {
      const id = router.setFault({ kind: "interfaceDown", interface: name });
      expect(states()).toEqual(["init"]);
      router.clearFault(id);
    }
    router.setFault({ kind: "vrrpFlip", group: "20" });
    expect(states()).toEqual(["backup"]);
  });
});

describe("the box of faults", () => {
  it("counts, passes over and uses up", () => {
    const box = new FaultBox();
    box.set({ kind: "drop", on: "commit", when: "before", skip: 1, times: 2 });
    const strike = () => box.strike("drop", (fault) => fault.on === "commit") !== undefined;
    expect([strike(), strike(), strike(), strike()]).toEqual([false, true, true, false]);
    expect(box.list()).toEqual([]);
  });

  it("lists every kind it knows", () => {
    expect(routerFaultKinds.map(({ kind }) => kind)).toEqual([
      "refuse",
      "hang",
      "drop",
      "error",
      "garbage",
      "badBytes",
      "late",
      "diskFull",
      "diskFullAfterCommit",
      "reject",
      "holdLock",
      "slowCommit",
      "interfaceDown",
      "vrrpFlip",
    ]);
  });
});
