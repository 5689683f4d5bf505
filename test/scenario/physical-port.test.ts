import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { demoScenario, TestSystem } from "./support/running-system.ts";

type Resource = Record<string, unknown>;

const tenant = "b3e3095c0a5b4383805efe9cf2a6b5ef";

describe("a port of a server's physical port", () => {
  let system: TestSystem;
  let switchId: unknown;
  let networkId: unknown;
  let subnetId: unknown;
  let physical: Resource;
  let switchPort: Resource;

  const all = async (collection: string): Promise<Resource[]> =>
    (await system.get<Record<string, Resource[]>>(`/v2.0/${collection}`))[collection] ?? [];
  const show = async (type: string, id: unknown): Promise<Resource> =>
    (await system.get<Record<string, Resource>>(`/v2.0/${type}s/${String(id)}`))[type] ?? {};
  const post = (type: string, fields: Resource) =>
    system.send("POST", `/v2.0/${type}s`, { [type]: { tenant_id: tenant, ...fields } });
  const create = async (type: string, fields: Resource): Promise<Resource> => {
    const { status, body } = await post(type, fields);
    expect([status, body]).toEqual([201, body]);
    const id = String((body[type] as Resource)["id"]);
    // A port has nothing to monitor while it is not attached, and is not ACTIVE.
    await system.until(
      id,
      ({ state, status }) => status === "ACTIVE" || (type === "port" && state === "create_completed"),
    );
    return show(type, id);
  };
  const remove = async (type: string, id: unknown) => {
    const answer = await system.send("DELETE", `/v2.0/${type}s/${String(id)}`);
    if (answer.status === 204) await system.until(String(id), ({ state }) => state === "deleted");
    return answer;
  };
  const portOn = (segmentation: Resource, last: number): Resource => ({
    name: "of the server",
    network_id: networkId,
    device_id: physical["id"],
    device_owner: "physical_port",
    fixed_ips: [{ subnet_id: subnetId, ip_address: `172.16.9.${last}` }],
    ...segmentation,
  });
  const logicalOf = async (port: Resource): Promise<Resource[]> =>
    (await all("ese_logical_ports")).filter(({ port_ids: ids }) => (ids as unknown[]).includes(port["id"]));
  /** The port's second version: its VLAN is on the switch port. */
  const attached = async ({ id }: Resource): Promise<Resource> => {
    const key = `/state/v2.0/ports/${String(id)}`;
    await system.documentsUntil((documents) => (documents.get(key) as { version?: number } | undefined)?.version === 2);
    return show("port", id);
  };

  beforeAll(async () => {
    system = await TestSystem.start();
    const { requests } = await readScenario(demoScenario);
    await system.replay({ requests: requests.slice(0, 1) });
    switchId = (await all("ese_devices"))[0]?.["id"];
    networkId = (await create("network", { name: "servers", plane: "data" }))["id"];
    subnetId = (await create("subnet", { name: "servers", network_id: networkId, cidr: "172.16.9.0/24" }))["id"];
  });
  afterAll(async () => {
    await system.stop();
  });

  it("is ready at once, without a job: there is nothing to do on a device", async () => {
    physical = await create("physical_port", {
      name: "eth0 of the server",
      service_owner: "server",
      service_id: "server-1",
      segmentation_ranges: [{ start: 100, end: 199 }],
    });
    expect(physical).toMatchObject({ status: "ACTIVE", plane: "data", tags: {} });
    const key = `/state/v2.0/physical_ports/${String(physical["id"])}`;
    const documents = await system.documentsUntil((written) => written.has(key));
    expect(documents.get(key)).toEqual({ state: { worker_state: "READ_COMPLETE" }, version: 1, error: "" });
    const other = { name: "eth1", service_owner: null, service_id: null };
    expect(await create("physical_port", other)).toMatchObject({ segmentation_ranges: [{ start: 3, end: 4093 }] });
  });

  it("has no VLAN on a switch while its physical port is plugged into none", async () => {
    const port = await create("port", portOn({ segmentation_type: "vlan", segmentation_id: 120 }, 20));
    expect(port).toMatchObject({ physical_port_id: physical["id"], attached: false });
    expect(port["ese_physical_port_id"]).toBeUndefined();
    expect(await logicalOf(port)).toEqual([]);
    expect((await remove("port", port["id"])).status).toBe(204);
  });

  it("is attached to the switch port that its physical port is plugged into", async () => {
    const fields = {
      ese_device_id: switchId,
      connected_port_owner: "physical_port",
      connected_port_id: physical["id"],
    };
    switchPort = await create("ese_physical_port", { name: "xe-0/0/10", ...fields });
    const port = await attached(await create("port", portOn({ segmentation_type: "vlan", segmentation_id: 120 }, 21)));
    const [logical = {}, ...more] = await logicalOf(port);
    expect(more).toEqual([]);
    expect(logical).toMatchObject({
      name: "xe-0/0/10.120",
      vlan_id: 120,
      connected_resource: "port",
      ese_physical_port_id: switchPort["id"],
      network_id: networkId,
      status: "ACTIVE",
    });
    expect(port).toMatchObject({ attached: true, ese_logical_port_id: logical["id"], status: "ACTIVE" });
    const objects = JSON.stringify(await system.get("/lab/controller/objects"));
    expect(objects).toContain('"xe-0/0/10.120"');
    expect(objects).toContain('"logical_interface_vlan_tag":120');
  });

  it("has the untagged VLAN of the switch port when it is flat", async () => {
    const port = await attached(await create("port", portOn({}, 22)));
    expect((await logicalOf(port)).map(({ name, vlan_id: vlan }) => [name, vlan])).toEqual([["xe-0/0/10.0", 0]]);
    expect((await remove("port", port["id"])).status).toBe(204);
    expect(await logicalOf(port)).toEqual([]);
  });

  it("is refused a VLAN that the physical port does not take, or that another port has there", async () => {
    const [taken = {}] = await all("ports").then((ports) => ports.filter((each) => each["segmentation_id"] === 120));
    for (const [segmentation, status, code, says] of [
      [{ segmentation_type: "vlan", segmentation_id: 200 }, 400, "SB_INVALID_BODY", "100-199"],
      [{ segmentation_type: "vlan" }, 400, "SB_INVALID_BODY", "segmentation_id"],
      [{ segmentation_type: "vlan", segmentation_id: 120 }, 409, "SB_UNIQUE_TAKEN", String(taken["id"])],
    ] as const) {
      const { status: answered, body } = await post("port", portOn(segmentation, 23));
      expect([answered, body["code"]]).toEqual([status, code]);
      expect(JSON.stringify(body)).toContain(says);
    }
  });

  it("stays where it is attached: its VLAN is changed by another port", async () => {
    const [port = {}] = (await all("ports")).filter((each) => each["segmentation_id"] === 120);
    const put = (fields: Resource) => system.send("PUT", `/v2.0/ports/${String(port["id"])}`, { port: fields });
    for (const [field, value] of Object.entries({ device_id: "", segmentation_type: "flat", segmentation_id: 121 })) {
      const { status, body } = await put({ [field]: value });
      expect([status, body["code"]]).toEqual([400, "SB_INVALID_BODY"]);
      expect(body["detail"]).toContain(`${field} cannot be changed when ese_physical_port_id is set`);
    }
    expect((await put({ name: "renamed", segmentation_id: 120 })).status).toBe(200);
    await system.documentsUntil((documents) => {
      const state = documents.get(`/state/v2.0/ports/${String(port["id"])}`) as { version?: number } | undefined;
      return state?.version === 3;
    });
    expect(await show("port", port["id"])).toMatchObject({ name: "renamed", attached: true, status: "ACTIVE" });
  });

  it("keeps what it is built on: its physical port and its switch port cannot be deleted", async () => {
    for (const [type, { id }] of [
      ["physical_port", physical],
      ["ese_physical_port", switchPort],
    ] as const) {
      const answer = await remove(type, id);
      expect([type, answer.status, answer.body["code"]]).toEqual([type, 409, "SB_REFERENCED"]);
    }
  });

  it("belongs to one tenant: another one's physical port is none", async () => {
    const stranger = "c".repeat(32);
    const network = await create("network", { name: "of another tenant", plane: "data", tenant_id: stranger });
    const fields = { name: "theirs", tenant_id: stranger, network_id: network["id"], device_id: physical["id"] };
    const { status, body } = await post("port", fields);
    expect([status, body["code"]]).toEqual([400, "SB_RELATION_NOT_FOUND"]);
    expect((await remove("network", network["id"])).status).toBe(204);
  });

  it("leaves nothing on the switch, at the controller or in the documents when all is deleted", async () => {
    const ports = (await all("ports")).filter((each) => each["device_id"] === physical["id"]);
    for (const { id } of ports) expect((await remove("port", id)).status).toBe(204);
    expect(await all("ese_logical_ports")).toEqual([]);
    expect((await remove("ese_physical_port", switchPort["id"])).status).toBe(204);
    for (const { id } of await all("physical_ports")) expect((await remove("physical_port", id)).status).toBe(204);
    expect((await remove("subnet", subnetId)).status).toBe(204);
    expect((await remove("network", networkId)).status).toBe(204);
    expect((await remove("ese_device", switchId)).status).toBe(204);
    expect([...(await system.documentsUntil((documents) => documents.size === 0)).keys()]).toEqual([]);
    const objects = JSON.stringify(await system.get("/lab/controller/objects"));
    for (const kind of ["virtual-machine-interface/", "logical-interface/", "xe-0/0/10"])
      expect(objects).not.toContain(kind);
  });
});
