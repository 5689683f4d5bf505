import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everyTypeScenario } from "../scenario/support/every-type.ts";
import { TestSystem } from "../scenario/support/running-system.ts";
import { findProgram, type Program } from "../servers/find-program.ts";

const run = promisify(execFile);
const TEMPLATES = new URL("../../templates", import.meta.url);
type Resource = Record<string, unknown>;

let system: TestSystem;
let program: Program;

beforeAll(async () => {
  program = await findProgram("openstack", ["python3-openstackclient"]);
  system = await TestSystem.start();
}, 300_000);
afterAll(() => system.stop());

/** What the OpenStack command line answers; it throws when the command fails. */
async function openstack<T>(...words: string[]): Promise<T> {
  const login = ["--os-auth-type", "admin_token", "--os-token", "T", "--os-endpoint", system.url];
  const modules = program.root === "" ? {} : { PYTHONPATH: join(program.root, "usr/lib/python3/dist-packages") };
  const env = { ...process.env, ...program.env, ...modules };
  const { stdout } = await run(program.path, [...login, ...words], { env });
  return (stdout.trim() === "" ? undefined : JSON.parse(stdout)) as T;
}
const json = ["-f", "json"];

describe("the OpenStack command line, without Keystone", () => {
  it("makes, finds by name, lists, changes and deletes networks", async () => {
    const made = await openstack<Resource>("network", "create", "net1", ...json);
    expect(made).toMatchObject({ name: "net1", admin_state_up: true, tags: [] });
    await openstack("network", "create", "net2", "--description", "other", "--disable", ...json);
    expect(await openstack("network", "show", "net1", ...json)).toMatchObject({ id: made["id"], name: "net1" });
    expect(await openstack("network", "show", String(made["id"]), ...json)).toMatchObject({ name: "net1" });
    const names = async (...more: string[]) =>
      (await openstack<Array<{ Name: string }>>("network", "list", ...more, ...json)).map(({ Name }) => Name).sort();
    expect(await names()).toEqual(["net1", "net2"]);
    expect(await names("--long")).toEqual(["net1", "net2"]);
    expect(await names("--name", "net2")).toEqual(["net2"]);
    expect(await names("--enable")).toEqual(["net1"]);
    await openstack("network", "set", "--description", "mine", "--name", "net3", "net1");
    expect(await openstack("network", "show", "net3", ...json)).toMatchObject({ id: made["id"], description: "mine" });
    await openstack("network", "delete", "net2");
    await system.documentsUntil(
      (documents) => ![...documents.values()].some((each) => JSON.stringify(each).includes("net2")),
    );
    expect(await names()).toEqual(["net3"]);
  });

  it("the same of subnets", async () => {
    const range = ["--network", "net3", "--subnet-range"];
    const made = await openstack<Resource>("subnet", "create", ...range, "10.5.0.0/24", "sub1", ...json);
    expect(made).toMatchObject({ cidr: "10.5.0.0/24", gateway_ip: "10.5.0.1", enable_dhcp: true, ip_version: 4 });
    const pool = ["--no-dhcp", "--gateway", "10.6.0.254", "--allocation-pool", "start=10.6.0.10,end=10.6.0.20"];
    expect(await openstack("subnet", "create", ...range, "10.6.0.0/24", ...pool, "sub2", ...json)).toMatchObject({
      gateway_ip: "10.6.0.254",
      enable_dhcp: false,
      allocation_pools: [{ start: "10.6.0.10", end: "10.6.0.20" }],
    });
    await openstack("subnet", "set", "--name", "sub3", "--no-dhcp", "sub1");
    expect(await openstack("subnet", "show", "sub3", ...json)).toMatchObject({ id: made["id"], enable_dhcp: false });
    const listed = await openstack<Array<{ Name: string }>>("subnet", "list", "--long", "--network", "net3", ...json);
    expect(listed.map(({ Name }) => Name).sort()).toEqual(["sub2", "sub3"]);
    await openstack("subnet", "delete", "sub2");
  });

  it("the same of ports", async () => {
    const address = ["--network", "net3", "--fixed-ip", "subnet=sub3,ip-address=10.5.0.9"];
    const made = await openstack<Resource>("port", "create", ...address, "port1", ...json);
    expect(made).toMatchObject({ name: "port1", fixed_ips: [{ ip_address: "10.5.0.9" }] });
    await openstack("port", "set", "--name", "port2", "--disable", "port1");
    expect(await openstack("port", "show", "port2", ...json)).toMatchObject({ id: made["id"], admin_state_up: false });
    const ids = async (...more: string[]) =>
      (await openstack<Array<{ ID: string }>>("port", "list", ...more, ...json)).map(({ ID }) => ID);
    expect(await ids()).toContain(made["id"]);
    expect(await ids("--long", "--name", "port2")).toEqual([made["id"]]);
    expect(await ids("--fixed-ip", "ip-address=10.5.0.9")).toEqual([made["id"]]);
    await openstack("port", "delete", "port2");
    await system.until(String(made["id"]), ({ state }) => state === "deleted");
    expect(await ids("--name", "port2")).toEqual([]);
  });

  it("tells why something is refused", async () => {
    await expect(openstack("port", "create", "--network", "nowhere", "p")).rejects.toMatchObject({
      stderr: expect.stringContaining("No Network found for nowhere"),
    });
    await expect(openstack("network", "delete", "net3")).rejects.toMatchObject({
      stderr: expect.stringMatching(/409|Conflict/),
    });
  });
});

describe("Gohan's conventions", () => {
  it("lead from the schemas to the resources of every type, in their envelopes", async () => {
    await system.replay(await everyTypeScenario());
    const headers = { "x-auth-token": "T" };
    const get = async (path: string) => {
      const response = await fetch(`${system.url}${path}`, { headers });
      expect([path, response.status]).toEqual([path, 200]);
      return (await response.json()) as Record<string, unknown>;
    };
    const { schemas } = await get("/gohan/v0.1/schemas");
    const described = schemas as Array<{ id: string; singular: string; plural: string; url: string; schema: Resource }>;
    const missing: string[] = [];
    for (const { id, singular, plural, url, schema } of described) {
      expect(await get(`/gohan/v0.1/schemas/${id}`)).toEqual({ schema: expect.objectContaining({ id, url }) });
      const list = await get(`${url}?limit=1&sort_key=id&sort_order=desc`);
      expect(Object.keys(list)).toEqual([plural]);
      const [first] = list[plural] as Resource[];
      if (first === undefined) {
        missing.push(id);
        continue;
      }
      expect(await get(`${url}/${first["id"]}`)).toEqual({ [singular]: first });
      // A sparse field is shown where it is set.
      const fields = Object.entries(schema["properties"] as Record<string, { sparse?: boolean }>);
      const wanted = fields.flatMap(([name, { sparse }]) => (sparse && !(name in first) ? [] : [name]));
      expect(Object.keys(first).sort()).toEqual(wanted.sort());
    }
    expect(missing).toEqual([]);
    expect(described.length).toBe(
      (await readdir(fileURLToPath(TEMPLATES))).filter((name) => !name.startsWith("_")).length,
    );
  });
});
