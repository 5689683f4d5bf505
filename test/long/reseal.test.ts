import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SealedReport } from "../../src/actors/secrets/sealed-report.ts";
import { keyIdOf } from "../../src/adapters/secrets/sealing.ts";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { demoAtRest } from "../scenario/support/at-rest.ts";
import { ClusterProcesses } from "../scenario/support/cluster-processes.ts";
import { demoScenario, TestSystem } from "../scenario/support/running-system.ts";
import { signalbox } from "../unit/cli/child-process.ts";

let system: TestSystem;
let oldKey: string;
const newKey = randomBytes(32).toString("hex");
const idOf = (key: string) => keyIdOf(Buffer.from(key, "hex"));

const keyFile = () => join(system.data, "key");
const resealAt = async (url: string, ...words: string[]) => {
  const { code, out } = await signalbox(["reseal", ...words, "--output", "json"], {
    env: { SIGNALBOX_URL: url },
  });
  return { code, report: JSON.parse(out) as SealedReport };
};

const reseal = (...words: string[]) => resealAt(system.url, ...words);

/** Where all of it is at rest: the demo with everything that is sealed in it. */
beforeAll(async () => {
  system = await TestSystem.start();
  oldKey = (await readFile(keyFile(), "utf8")).trim();
  await system.replay(demoScenario);
  await system.documentsUntil(demoAtRest);
});
afterAll(() => system.stop());

// Each step goes on where the one before has ended.
describe("another key for secrets", { sequential: true }, () => {
  it("is put in front of the old one: what that has sealed is still opened", async () => {
    await writeFile(keyFile(), `${newKey}\n${oldKey}\n`, { mode: 0o600 });
    await system.restart();
    const { code, report } = await reseal("--dry-run");
    expect([code, report.key, report.needed]).toEqual([0, idOf(newKey), [idOf(oldKey)]]);
    expect(report.keys[idOf(newKey)]).toBeUndefined();
    expect(report.keys[idOf(oldKey)]?.records).toBeGreaterThan(20);
    expect(report.keys[idOf(oldKey)]?.documents).toBeGreaterThan(3);
  });

  it("seals everything anew while the system runs, and the old key is needed no more", async () => {
    const routers = await system.text("/lab/routers/MX-1/set");
    const { code, report } = await reseal();
    expect([code, report.needed, report.left]).toEqual([0, [], []]);
    expect(report.resealed.resources).toBeGreaterThan(6);
    expect(report.inHistory).toEqual([idOf(oldKey)]);
    expect(await system.text("/lab/routers/MX-1/set")).toBe(routers);
  });

  it("takes what the old one has sealed out of the log", async () => {
    const { code, report } = await reseal("--purge");
    expect([code, report.needed, report.inHistory, report.left]).toEqual([0, [], [], []]);
    expect(report.purged).toBeGreaterThan(50);
    expect(Object.keys(report.keys)).toEqual([idOf(newKey)]);
  });

  it("is enough alone to change what is on the routers and to take everything away", async () => {
    await writeFile(keyFile(), `${newKey}\n`, { mode: 0o600 });
    await system.restart();
    const { requests } = await readScenario(demoScenario);
    const made: Array<{ path: string; id: string }> = [];
    for (const { path, body } of [...requests].reverse()) {
      const [fields] = Object.values(body as Record<string, { name: string }>);
      const lists = await system.get<Record<string, Array<{ id: string }>>>(`${path}?name=${fields?.name}`);
      // Two routers have interfaces of the same name.
      const found = Object.values(lists)
        .flat()
        .find(({ id }) => made.every((each) => each.id !== id));
      if (found === undefined) throw new Error(`there is no ${fields?.name} at ${path}`);
      made.push({ path: `${path}/${found.id}`, id: found.id });
    }
    const route = made.find(({ path }) => path.startsWith("/v2.0/static_routes/"));
    const put = await system.send("PUT", route?.path ?? "", { static_route: { name: "renamed" } });
    expect(put.status).toBe(200);
    await system.until(
      route?.id ?? "",
      ({ state, status, version }) => version === 2 && state === "create_completed" && status === "ACTIVE",
    );
    for (const { path, id } of made) {
      const { status } = await system.send("DELETE", path);
      expect([path, status]).toEqual([path, 204]);
      await system.until(id, ({ state }) => state === "deleted");
    }
    expect(await system.text("/lab/routers/MX-1/compare")).toBe("");
    expect(await system.text("/lab/routers/MX-2/compare")).toBe("");
    expect([...(await system.documentsUntil((documents) => documents.size === 0)).keys()]).toEqual([]);
  });
});

describe("another key for secrets, on NATS and etcd", () => {
  it("takes over from the old one, which is found nowhere afterwards", { timeout: 180_000 }, async () => {
    const [first, second] = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")];
    const cluster = await ClusterProcesses.open({ key: first });
    try {
      await cluster.startEach(1);
      const { requests } = await readScenario(demoScenario);
      for (const { path, body } of requests.filter(({ path }) => /ese_devices|edge_routers/.test(path))) {
        const client = new GatewayClient(cluster.url);
        await client.json("POST", path, body);
      }
      await cluster.restartWithKeys(second, first);
      const sealed = await resealAt(cluster.url, "--purge");
      expect([sealed.code, sealed.report.left]).toEqual([0, []]);
      expect(sealed.report).toMatchObject({ key: idOf(second), needed: [], inHistory: [] });
      expect(sealed.report.resealed).toEqual({ resources: 3, secrets: 3 });
      await cluster.restartWithKeys(second);
      const { report } = await resealAt(cluster.url, "--dry-run");
      expect(Object.keys(report.keys)).toEqual([idOf(second)]);
      const client = new GatewayClient(cluster.url);
      const type = await client.type("edge_router");
      for (const { id } of await client.list(type)) {
        const changed = await client.update(type, String(id), { name: "renamed" });
        expect(changed).toMatchObject({ name: "renamed", password: "***" });
      }
    } finally {
      await cluster.close();
    }
  });
});
