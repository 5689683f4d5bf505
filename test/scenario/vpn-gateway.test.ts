import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { demoAtRest } from "./support/at-rest.ts";
import { demoScenario, TestSystem } from "./support/running-system.ts";

type Resource = Record<string, unknown>;

const seed = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/seeds/004.json"), "utf8")) as {
  shows: Array<Record<string, Resource>>;
};

/** Ids, and names that contain them, differ from run to run. */
function shape(resource: Resource): Resource {
  const blank = (text: string) =>
    text
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<id>")
      .replace(/^fa:16:3e:.*/, "<mac>")
      .replace(/^[0-9a-f]{32}$/, "<tenant>");
  return JSON.parse(JSON.stringify(resource), (_key, value: unknown) =>
    typeof value === "string" ? blank(value) : value,
  ) as Resource;
}

describe("a VPN gateway from POST to routers", () => {
  let system: TestSystem;

  beforeAll(async () => {
    system = await TestSystem.start();
    await system.replay(demoScenario);
    await system.documentsUntil(demoAtRest);
  });
  afterAll(async () => {
    await system.stop();
  });

  it("shows resources as the original did (seed 004, section 13.8)", async () => {
    const { gw_interfaces: gateways } = await system.get<{ gw_interfaces: Resource[] }>("/v2.0/gw_interfaces");
    expect(gateways.map(shape)).toEqual([shape(seed.shows[0]?.["gw_interface"] ?? {})]);
    const { ese_logical_ports: logical } = await system.get<{ ese_logical_ports: Resource[] }>(
      "/v2.0/ese_logical_ports",
    );
    const wanted = [seed.shows[3]?.["ese_logical_port"] ?? {}, seed.shows[1]?.["ese_logical_port"] ?? {}];
    expect(logical.map(shape).sort((a, b) => String(a["name"]).localeCompare(String(b["name"])))).toEqual(
      wanted.map(shape),
    );
    const { ports } = await system.get<{ ports: Resource[] }>("/v2.0/ports?device_owner=network%3Agw_interface");
    const primary = ports.find((port) => (port["fixed_ips"] as unknown[]).length === 2) ?? {};
    expect(shape(primary)).toMatchObject(shape(seed.shows[4]?.["port"] ?? {}));
  });

  it("leaves the same statements on both routers, and one editor at a time", async () => {
    const primary = await system.text("/lab/routers/MX-2/compare");
    const secondary = await system.text("/lab/routers/MX-1/compare");
    expect(primary).toContain("priority 105;");
    expect(secondary).toContain("priority 100;");
    expect(primary.split("\n").length).toBe(secondary.split("\n").length);
    const lab = JSON.stringify(await system.get("/lab"));
    expect(lab).toContain('"violations":[]');
  });

  it("seals passwords in documents and masks them in the API", async () => {
    const scenario = readFileSync(demoScenario, "utf8");
    const secrets = [...scenario.matchAll(/"(?:password|bgp_md5)":\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(secrets.length).toBeGreaterThan(2);
    const documents = JSON.stringify([...(await system.documents())]);
    const shown = await system.text("/v2.0/edge_routers");
    for (const secret of secrets) {
      expect(documents).not.toContain(secret);
      expect(shown).not.toContain(secret);
    }
    expect(shown).toContain('"***"');
  });

  it("keeps everything over a restart, with nothing doubled", async () => {
    const before = await system.documents();
    await system.restart();
    expect(await system.documents()).toEqual(before);
    const { gw_interfaces: gateways } = await system.get<{ gw_interfaces: Resource[] }>("/v2.0/gw_interfaces");
    expect(gateways.map((gateway) => gateway["status"])).toEqual(["ACTIVE"]);
  });

  it("changes a name without touching a device, and a route by its difference only", async () => {
    const { gw_interfaces: gateways } = await system.get<{ gw_interfaces: Resource[] }>("/v2.0/gw_interfaces");
    const id = String(gateways[0]?.["id"]);
    const before = await system.get<{ devices?: unknown }>("/lab");
    const put = await system.send("PUT", `/v2.0/gw_interfaces/${id}`, { gw_interface: { name: "renamed" } });
    expect(put.status).toBe(200);
    await system.until(id, ({ state, status }) => state === "create_completed" && status === "ACTIVE");
    const commits = (lab: unknown) => [...JSON.stringify(lab).matchAll(/"commits":(\d+)/g)].map((match) => match[1]);
    expect(commits(await system.get("/lab"))).toEqual(commits(before));
  });
});

describe("deleting everything in reverse", () => {
  it("leaves routers at their base, no document and no controller object", async () => {
    const system = await TestSystem.start();
    try {
      const scenario = await readScenario(demoScenario);
      const deletions = [...scenario.requests]
        .reverse()
        .map(({ path, creates }) => ({ method: "DELETE", path: `${path}/${creates}` }));
      await system.replay({ ...scenario, requests: [...scenario.requests, ...deletions] } as typeof scenario);
      expect(await system.text("/lab/routers/MX-1/compare")).toBe("");
      expect(await system.text("/lab/routers/MX-2/compare")).toBe("");
      expect([...(await system.documentsUntil((documents) => documents.size === 0)).keys()]).toEqual([]);
      expect(JSON.stringify(await system.get("/lab/controller/objects"))).not.toContain("virtual-machine-interface/");
    } finally {
      await system.stop();
    }
  });
});
