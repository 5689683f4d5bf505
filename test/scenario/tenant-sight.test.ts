import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { addresses } from "./support/faulty-system.ts";
import { demoScenario, TestSystem } from "./support/running-system.ts";

const TENANT = "b3e3095c0a5b4383805efe9cf2a6b5ef";
const tokens = { root: "an-admin-of-the-tests", alice: "a-member-of-the-tenant-of-the-demo" };
/** How operators reach the devices of the demo. */
const managed = [...Object.values(addresses), "10.161.0.34"];

type Resource = Record<string, unknown>;

let folder: string;
let system: TestSystem;
let routeId: string;
const own: Array<{ type: string; id: string }> = [];
const asAlice = async (path: string): Promise<string> => {
  system.token = tokens.alice;
  const text = await system.text(path);
  system.token = tokens.root;
  return text;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-sight-"));
  const [tokensFile, config] = [join(folder, "tokens.yaml"), join(folder, "signalbox.yaml")];
  const listed = [
    { name: "root", role: "admin", token: tokens.root },
    { name: "alice", role: "member", tenant: TENANT, token: tokens.alice },
  ];
  await writeFile(tokensFile, JSON.stringify({ tokens: listed }), { mode: 0o600 });
  const configuration = { access: { tokens_file: tokensFile }, monitoring: { interval_ms: 200 } };
  await writeFile(config, JSON.stringify(configuration), { mode: 0o600 });
  system = await TestSystem.start({ config });
  system.token = tokens.root;
  const { requests } = await readScenario(demoScenario);
  await system.replay({ requests: requests.filter(({ path }) => !path.endsWith("/static_routes")) });
  const { gw_interfaces } = await system.get<{ gw_interfaces: Resource[] }>("/v2.0/gw_interfaces");
  const { vpn_gateways } = await system.get<{ vpn_gateways: Resource[] }>("/v2.0/vpn_gateways");
  for (const router of ["MX-1", "MX-2"]) {
    await system.send("POST", `/lab/routers/${router}/faults`, {
      kind: "reject",
      statement: "203.0.113",
      at: "commit",
    });
  }
  const static_route = {
    name: "rejected",
    service_type: "vpn",
    vpn_gw_id: vpn_gateways[0]?.["id"],
    destination: "203.0.113.0/24",
    nexthop: "172.16.101.10",
    tenant_id: TENANT,
  };
  const made = await system.send("POST", "/v2.0/static_routes", { static_route });
  expect([made.status, made.body]).toEqual([201, expect.anything()]);
  routeId = String((made.body["static_route"] as Resource)["id"]);
  await system.until(routeId, ({ state }) => state === "create_failed");
  own.push({ type: "static_route", id: routeId });
  own.push({ type: "gw_interface", id: String(gw_interfaces[0]?.["id"]) });
  own.push({ type: "vpn_gateway", id: String(vpn_gateways[0]?.["id"]) });
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true });
});

describe("a tenant whose route a router rejects", () => {
  it("is told the code; an operator is told device and statement", async () => {
    const path = `/v2.0/static_routes/${routeId}`;
    const { static_route: seen } = JSON.parse(await asAlice(path)) as { static_route: Resource };
    expect(seen["error"]).toMatch(/^SB_(LOAD|COMMIT)_REJECTED: /);
    expect(managed.filter((address) => String(seen["error"]).includes(address))).toEqual([]);
    expect(seen["error"]).not.toContain("203.0.113");
    const { static_route: whole } = await system.get<{ static_route: Resource }>(path);
    expect(whole["error"]).toMatch(/10\.79\.5\.18[45].*203\.0\.113/);
  });

  it("reads no address of a device anywhere, nor can it search for one", async () => {
    const { paths } = JSON.parse(await asAlice("/openapi.json")) as { paths: Record<string, Record<string, unknown>> };
    const asked: string[] = [];
    for (const [path, verbs] of Object.entries(paths)) {
      if (!("get" in verbs) || /watch|devices\/events|\/signalbox\/v1\/events|export/.test(path)) continue;
      const filled = path.includes("{type}")
        ? own.map(({ type, id }) => path.replace("{type}", type).replace("{id}", id))
        : path.includes("{id}")
          ? own.map(({ id }) => path.replace("{id}", id))
          : [path];
      for (const each of filled) {
        const text = await asAlice(each);
        asked.push(each);
        expect([each, managed.filter((address) => text.includes(address))]).toEqual([each, []]);
      }
    }
    expect(asked.length).toBeGreaterThan(100);
    for (const address of managed) {
      for (const list of ["fleet", "monitoring"]) {
        const page = JSON.parse(await asAlice(`/signalbox/v1/${list}?q=${address}`)) as { total: number };
        expect([list, page.total]).toEqual([list, 0]);
      }
    }
    const { devices } = JSON.parse(await asAlice("/signalbox/v1/devices")) as { devices: Resource[] };
    expect(devices.map(({ host }) => host).sort()).toEqual(["device 1", "device 2"]);
  });
});
