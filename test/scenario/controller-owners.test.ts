import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { TestSystem } from "./support/running-system.ts";

const tokens = {
  operator: "an-operator-of-the-tests-of-owners",
  alice: "a-member-of-the-first-tenant-here",
  mallory: "a-member-of-the-second-tenant-here",
};
type Who = keyof typeof tokens;
type Resource = Readonly<Record<string, unknown>>;

let folder: string;
let system: TestSystem;
let switchPort: string;

const as = (who: Who) => new GatewayClient(system.url, tokens[who]);
const tenants = { alice: "a".repeat(32), mallory: "b".repeat(32) };
const create = async (who: Who, type: string, fields: Resource): Promise<Resource> =>
  as(who).create(await as(who).type(type), fields as never);
const show = async (who: Who, type: string, { id }: Resource): Promise<Resource> =>
  as(who).get(await as(who).type(type), String(id));
const until = async (
  { id }: Resource,
  wanted: (each: { state: string; status: string | null; error: string }) => boolean,
) => {
  const stopping = new AbortController();
  for await (const transition of as("operator").transitions(1, true, stopping.signal))
    if (transition.id === id && wanted(transition)) break;
  stopping.abort();
};
const remove = async (who: Who, type: string, resource: Resource) => {
  await as(who).remove(await as(who).type(type), String(resource["id"]));
  await until(resource, ({ state }) => state === "deleted");
};
const active = (resource: Resource) => until(resource, ({ status }) => status === "ACTIVE");
const network = async (who: Who) => {
  const made = await create(who, "network", { name: who });
  await active(made);
  return made;
};
/** Switch ports are the operators': they make it for the tenant. */
const logicalPort = (who: "alice" | "mallory", { id }: Resource, fields: Resource) =>
  create("operator", "ese_logical_port", { ...onSwitch(id), tenant_id: tenants[who], ...fields });
const onSwitch = (network: unknown) => ({
  network_id: network,
  ese_physical_port_id: switchPort,
  connected_resource: "port",
  type: "L2",
});

interface LabObject {
  readonly kind: string;
  readonly uuid: string;
  readonly fqName: readonly string[];
}
const objects = async (kind: string): Promise<LabObject[]> => {
  const all = await as("operator").json<{ objects: LabObject[] }>("GET", "/lab/controller/objects");
  return all.objects.filter((each) => each.kind === kind);
};
const vlans = async () => (await objects("logical-interface")).map(({ fqName }) => fqName.at(-1)).sort();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-owners-"));
  const tokensFile = join(folder, "tokens.yaml");
  const config = join(folder, "signalbox.yaml");
  await writeFile(
    tokensFile,
    JSON.stringify({
      tokens: [
        { name: "ops", role: "admin", token: tokens.operator },
        { name: "alice", role: "member", tenant: tenants.alice, token: tokens.alice },
        { name: "mallory", role: "member", tenant: tenants.mallory, token: tokens.mallory },
      ],
    }),
    { mode: 0o600 },
  );
  await writeFile(config, JSON.stringify({ access: { tokens_file: tokensFile } }), { mode: 0o600 });
  system = await TestSystem.start({ config });
  const device = await create("operator", "ese_device", {
    name: "QFX-NW02",
    hostname: "QFX-NW02",
    existing: "existing",
    management_ip_address: "10.161.0.34",
  });
  const port = await create("operator", "ese_physical_port", { name: "xe-0/0/3", ese_device_id: device["id"] });
  await active(port);
  switchPort = String(port["id"]);
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

describe("a VLAN of a switch port", () => {
  it("is not a tenant's to take", async () => {
    const { id } = await network("mallory");
    const asked = create("mallory", "ese_logical_port", { ...onSwitch(id), vlan_id: 1199 });
    await expect(asked).rejects.toMatchObject({ code: "SB_FORBIDDEN" });
    expect(await vlans()).toEqual([]);
  });

  it("is one tenant's, whatever another calls its own logical port", async () => {
    const [hers, his] = [await network("alice"), await network("mallory")];
    const first = await logicalPort("alice", hers, { vlan_id: 1200 });
    await active(first);
    expect(first["name"]).toBe("xe-0/0/3.1200");
    await expect(logicalPort("mallory", his, { name: "xe-0/0/3.1200", vlan_id: 1200 })).rejects.toMatchObject({
      code: "SB_UNIQUE_TAKEN",
    });
    await expect(logicalPort("mallory", his, { name: "another", vlan_id: 1200 })).rejects.toMatchObject({
      code: "SB_UNIQUE_TAKEN",
    });
    // The name of another's VLAN on a VLAN of its own: what it is called on the switch follows from the VLAN.
    const second = await logicalPort("mallory", his, { name: "xe-0/0/3.1200", vlan_id: 1201 });
    await active(second);
    expect(await vlans()).toEqual(["xe-0/0/3.1200", "xe-0/0/3.1201"]);
    await remove("mallory", "ese_logical_port", second);
    expect(await vlans()).toEqual(["xe-0/0/3.1200"]);
    expect(await show("alice", "ese_logical_port", first)).toMatchObject({ status: "ACTIVE" });
    await remove("alice", "ese_logical_port", first);
    expect(await vlans()).toEqual([]);
    // It is free again.
    const third = await logicalPort("mallory", his, { vlan_id: 1200 });
    await active(third);
    await remove("mallory", "ese_logical_port", third);
  });

  it("is one's when two ask for it at once", async () => {
    const [hers, his] = [await network("alice"), await network("mallory")];
    const both = await Promise.allSettled([
      logicalPort("alice", hers, { vlan_id: 1300 }),
      logicalPort("mallory", his, { vlan_id: 1300 }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const made = both.find((each) => each.status === "fulfilled");
    await active(made?.value ?? {});
    await remove(both[0].status === "fulfilled" ? "alice" : "mallory", "ese_logical_port", made?.value ?? {});
  });

  it("that somebody has made on the controller beforehand is neither taken over nor removed", async () => {
    const mine = await network("alice");
    const [port] = await objects("physical-interface");
    const { controller } = await as("operator").json<{ controller: { url: string } }>("GET", "/lab");
    const fqName = [...(port?.fqName ?? []), "xe-0/0/3.1400"];
    const byHand = await fetch(`${controller.url}/logical-interfaces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ "logical-interface": { fq_name: fqName, parent_type: "physical-interface" } }),
    });
    expect(byHand.status).toBe(200);
    const before = await objects("logical-interface");
    const failing = await logicalPort("alice", mine, { vlan_id: 1400 });
    await until(failing, ({ state, error }) => state === "create_failed" && error.includes("SB_CONTROLLER_NOT_OWNED"));
    await remove("alice", "ese_logical_port", failing);
    expect(await objects("logical-interface")).toEqual(before);
  });
});

describe("the id of a resource", () => {
  it("is not the client's to choose, so no object is made with another's uuid", async () => {
    const made = await network("alice");
    for (const type of ["network", "port", "subnet"]) {
      const fields = { id: made["id"], network_id: made["id"], cidr: "10.1.0.0/24" };
      await expect(create("mallory", type, fields)).rejects.toMatchObject({ code: "SB_INVALID_BODY" });
      await expect(create("operator", type, { ...fields, id: randomUUID() })).rejects.toMatchObject({
        code: "SB_INVALID_BODY",
      });
    }
    expect((await objects("virtual-network")).some(({ uuid }) => uuid === made["id"])).toBe(true);
  });
});
