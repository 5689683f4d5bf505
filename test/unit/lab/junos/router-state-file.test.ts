import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LabRouter, type LabRouterOptions, startLabRouter } from "../../../../src/lab/junos/lab-router.ts";
import { openSession } from "./netconf-client.ts";

let directory = "";
const routers: LabRouter[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lab-router-"));
});
afterEach(async () => {
  for (const router of routers.splice(0)) await router.stop();
  await rm(directory, { recursive: true });
});

async function start(options: Partial<LabRouterOptions> = {}): Promise<LabRouter> {
  const router = await startLabRouter({
    name: "r1",
    base: "set system host-name r1\n",
    users: [{ user: "lab", password: "secret" }],
    stateFile: join(directory, "r1.json"),
    ...options,
  });
  routers.push(router);
  return router;
}

async function commit(router: LabRouter, operation: string): Promise<void> {
  const client = await openSession({ port: router.port });
  await client.rpc(
    '<load-configuration action="set"><configuration-set>set system host-name r2\nset protocols bgp group g authentication-key sesame</configuration-set></load-configuration>',
  );
  await client.rpc(operation);
  await client.close();
}

describe("a router with a state file", () => {
  it("is after a restart what it was: running, history, rollbacks, host key", async () => {
    const first = await start();
    await commit(first, "<commit-configuration><log>job 7</log></commit-configuration>");
    const running = first.running();
    await first.stop();
    const second = await start();
    expect(second.running()).toBe(running);
    expect(second.isAtBase()).toBe(false);
    expect(second.history().map(({ user, log }) => `${user} ${log}`)).toEqual(["lab job 7", "root "]);
    expect(second.hostKeyFingerprint).toBe(first.hostKeyFingerprint);
    const client = await openSession({ port: second.port });
    await client.rpc('<load-configuration rollback="1"/>');
    await client.rpc("<commit/>");
    await client.close();
    expect(second.isAtBase()).toBe(true);
    expect((await readdir(directory)).sort()).toEqual(["r1.json", "r1.json.hostkey"]);
  });

  it("holds no plain key", async () => {
    await commit(await start(), "<commit/>");
    const stored = await readFile(join(directory, "r1.json"), "utf8");
    expect(stored).toContain("authentication-key");
    expect(stored).not.toContain("sesame");
  });

  it("takes an unconfirmed commit back although it was restarted in between", async () => {
    const first = await start({ secondMs: 1 });
    await commit(first, "<commit><confirmed/><confirm-timeout>1000</confirm-timeout></commit>");
    // Stopped before the deadline: the timer of this process never fires.
    await first.stop();
    expect(first.isAtBase()).toBe(false);
    const second = await start({ secondMs: 1 });
    const rolledBack = new Promise<void>((resolve) => {
      second.subscribe((event) => {
        if (event.kind === "rollback") resolve();
      });
    });
    // On a slow machine the deadline may have passed before the subscription.
    if (!second.isAtBase()) await rolledBack;
    expect(second.statistics().automaticRollbacks).toBe(1);
    expect(second.isAtBase()).toBe(true);
  });

  it("refuses a file of another version", async () => {
    await writeFile(join(directory, "r1.json"), '{"version":2}');
    await expect(start()).rejects.toMatchObject({ code: "SB_DATA_VERSION" });
  });
});

describe("a router's base configuration", () => {
  it("comes from the directory that is given, or from the product", async () => {
    await writeFile(
      join(directory, "MX-2.set"),
      "set system host-name mine\nset snmp community x authorization read-only\n",
    );
    const users = [{ user: "lab", password: "secret" }];
    const mine = await startLabRouter({ name: "MX-2", users, baseDirectory: directory });
    routers.push(mine);
    expect(mine.runningSet()).toBe("set system host-name mine\nset snmp community x authorization read-only\n");
    const product = await startLabRouter({ name: "MX-2", users });
    routers.push(product);
    expect(product.interfaces().map(({ name }) => name)).toContain("ge-0/0/1.0");
    expect(product.compareWithBase()).toBe("");
  });

  it("that cannot be read is named with file and line", async () => {
    await writeFile(join(directory, "MX-2.set"), "set system host-name mine\nset interfaces ae0 unit 1 vlan-id 9999\n");
    await expect(startLabRouter({ name: "MX-2", users: [], baseDirectory: directory })).rejects.toMatchObject({
      code: "SB_CONFIG_INVALID",
      message: expect.stringContaining("MX-2.set"),
    });
    await expect(startLabRouter({ name: "MX-9", users: [] })).rejects.toMatchObject({ code: "SB_CONFIG_INVALID" });
  });

  it("can be changed by hand, with the same check", async () => {
    const router = await start();
    router.changeByHand("set system host-name other", "by hand");
    expect(router.setWithBase()).toBe("set system host-name other\n");
    expect(router.history()[0]).toMatchObject({ user: "root", client: "cli", log: "by hand" });
    expect(() => router.changeByHand("set interfaces ae0 unit 5 apply-groups NONE")).toThrow(
      expect.objectContaining({ code: "SB_COMMIT_REJECTED", device: "r1" }),
    );
  });
});
