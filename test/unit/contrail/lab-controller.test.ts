import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type LabController,
  type LabControllerOptions,
  startLabController,
} from "../../../src/lab/contrail/lab-controller.ts";

const ADMIN = ["default-domain", "admin"];
const IPAM = ["default-domain", "default-project", "default-network-ipam"];
const SWITCH = ["default-global-system-config", "QFX-NW02"];

const running = new Set<LabController>();
async function start(options: LabControllerOptions = {}): Promise<LabController> {
  const lab = await startLabController(options);
  running.add(lab);
  return lab;
}
async function stop(lab: LabController): Promise<void> {
  running.delete(lab);
  await lab.close();
}
afterEach(async () => {
  for (const lab of [...running]) await stop(lab);
});

/** One request as any client would send it. */
async function send(lab: LabController, method: string, path: string, body?: unknown) {
  const response = await fetch(`${lab.url}${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, text, body: isJson ? JSON.parse(text) : undefined };
}

const subnet = (prefix: string, length: number, more: object = {}) => ({
  network_ipam_refs: [
    { to: IPAM, attr: { ipam_subnets: [{ subnet: { ip_prefix: prefix, ip_prefix_len: length }, ...more }] } },
  ],
});

describe("the lab's controller", () => {
  let lab: LabController;
  beforeEach(async () => {
    lab = await start();
  });
  const make = (kind: string, fqName: string[], data: object = {}) =>
    send(lab, "POST", `/${kind}s`, { [kind]: { fq_name: fqName, ...data } });
  async function made(kind: string, fqName: string[], data: object = {}) {
    const answer = await make(kind, fqName, data);
    expect(answer.text).toContain("{");
    const uuid: string = answer.body[kind].uuid;
    return (await send(lab, "GET", `/${kind}/${uuid}`)).body[kind];
  }
  const network = (name: string, data: object = {}) => made("virtual-network", [...ADMIN, name], data);
  const address = (name: string, net: string, data: object = {}) =>
    make("instance-ip", [name], { virtual_network_refs: [{ to: [...ADMIN, net] }], ...data });

  it("has the objects of a new controller and nothing else", async () => {
    expect(lab.objects().map(({ kind, fqName }) => `${kind} ${fqName.join(":")}`)).toEqual([
      "global-system-config default-global-system-config",
      "domain default-domain",
      "project default-domain:default-project",
      "project default-domain:admin",
      "network-ipam default-domain:default-project:default-network-ipam",
      "physical-router default-global-system-config:QFX-NW02",
    ]);
    expect(lab.objectsBesidesDefaults()).toEqual([]);
  });

  it("answers fqname-to-id and id-to-fqname", async () => {
    const found = await send(lab, "POST", "/fqname-to-id", { type: "physical-router", fq_name: SWITCH });
    expect(found.status).toBe(200);
    const back = await send(lab, "POST", "/id-to-fqname", { uuid: found.body.uuid });
    expect(back.body).toEqual({ fq_name: SWITCH, type: "physical-router" });
    const missing = await send(lab, "POST", "/fqname-to-id", { type: "project", fq_name: ["no", "body"] });
    expect(missing).toMatchObject({ status: 404, text: "Name ['no', 'body'] not found" });
  });

  it("refuses a taken name, a taken uuid and an unknown parent", async () => {
    const { uuid } = await network("blue");
    expect(await make("virtual-network", [...ADMIN, "blue"])).toMatchObject({
      status: 409,
      text: expect.stringContaining(uuid),
    });
    expect(await make("virtual-network", [...ADMIN, "red"], { uuid })).toMatchObject({
      status: 409,
      text: expect.stringContaining("'blue'"),
    });
    expect((await make("virtual-network", ["default-domain", "nobody", "net"])).status).toBe(400);
    expect(lab.objectsBesidesDefaults()).toHaveLength(1);
  });

  it("wants a parent type where there are several", async () => {
    await made("physical-interface", [...SWITCH, "xe-0/0/3"]);
    const fqName = [...SWITCH, "xe-0/0/3", "xe-0/0/3.10"];
    expect(await make("logical-interface", fqName)).toMatchObject({
      status: 400,
      text: expect.stringContaining("Ambiguous parent"),
    });
    expect((await make("logical-interface", fqName, { parent_type: "project" })).status).toBe(400);
    expect((await make("logical-interface", fqName, { parent_type: "physical-interface" })).status).toBe(200);
  });

  it("refuses what the schema does not have", async () => {
    expect(await make("virtual-network", [...ADMIN, "n"], { colour: "blue" })).toMatchObject({
      status: 400,
      text: "virtual-network has no property colour",
    });
    expect((await make("floating-thing", ["x"])).status).toBe(404);
    expect((await send(lab, "GET", "/domain/x/y")).status).toBe(404);
    expect((await send(lab, "PATCH", "/projects")).status).toBe(405);
    expect((await send(lab, "POST", "/projects", "{")).status).toBe(400);
    expect((await send(lab, "POST", "/projects", {})).status).toBe(400);
  });

  it("does not delete what has children or is referred to", async () => {
    const net = await network("blue");
    const port = await made("virtual-machine-interface", [...ADMIN, "port"], {
      parent_type: "project",
      virtual_network_refs: [{ uuid: net.uuid }],
    });
    expect(await send(lab, "DELETE", `/virtual-network/${net.uuid}`)).toMatchObject({
      status: 409,
      text: `Delete when resource still referred: ['/virtual-machine-interface/${port.uuid}']`,
    });
    expect(await send(lab, "DELETE", `/project/${net.parent_uuid}`)).toMatchObject({
      status: 409,
      text: expect.stringContaining("children still present"),
    });
    expect((await send(lab, "DELETE", `/virtual-machine-interface/${port.uuid}`)).status).toBe(200);
    expect((await send(lab, "DELETE", `/virtual-network/${net.uuid}`)).status).toBe(200);
    expect((await send(lab, "DELETE", `/virtual-network/${net.uuid}`)).status).toBe(404);
    expect(lab.objectsBesidesDefaults()).toEqual([]);
  });

  it("shows references from both ends", async () => {
    const net = await network("blue");
    await made("virtual-machine-interface", [...ADMIN, "port"], {
      parent_type: "project",
      virtual_network_refs: [{ to: [...ADMIN, "blue"] }],
    });
    const held = (await send(lab, "GET", `/virtual-network/${net.uuid}`)).body["virtual-network"];
    expect(held.virtual_machine_interface_back_refs).toMatchObject([{ to: [...ADMIN, "port"] }]);
    const project = (await send(lab, "GET", `/project/${net.parent_uuid}`)).body.project;
    expect(project.virtual_networks).toMatchObject([{ uuid: net.uuid }]);
  });

  it("lists a kind, by parent and in detail", async () => {
    const net = await network("blue");
    const list = await send(lab, "GET", `/virtual-networks?parent_id=${net.parent_uuid}`);
    expect(list.body["virtual-networks"]).toMatchObject([{ uuid: net.uuid, fq_name: [...ADMIN, "blue"] }]);
    const none = await send(lab, "GET", "/virtual-networks?parent_fq_name_str=default-domain:default-project");
    expect(none.body["virtual-networks"]).toEqual([]);
    const detail = await send(lab, "GET", "/virtual-networks?detail=True");
    expect(detail.body["virtual-networks"][0]["virtual-network"]).toEqual(net);
  });

  it("makes a MAC address from the uuid, as Contrail does", async () => {
    await network("blue");
    const port = await made("virtual-machine-interface", [...ADMIN, "port"], {
      parent_type: "project",
      uuid: "327f59b7-df38-4d8f-97db-d320defcab76",
      virtual_network_refs: [{ to: [...ADMIN, "blue"] }],
    });
    expect(port.virtual_machine_interface_mac_addresses).toEqual({ mac_address: ["02:32:7f:59:b7:df"] });
  });

  it("fills in a subnet: uuid, gateway and service address at the end where it starts to allocate", async () => {
    const [top] = (await network("top", subnet("192.0.2.0", 24))).network_ipam_refs;
    expect(top.attr.ipam_subnets[0]).toMatchObject({
      default_gateway: "192.0.2.254",
      dns_server_address: "192.0.2.253",
      subnet_uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const [start] = (await network("start", subnet("2001:db8::", 64, { addr_from_start: true }))).network_ipam_refs;
    expect(start.attr.ipam_subnets[0]).toMatchObject({
      default_gateway: "2001:db8::1",
      dns_server_address: "2001:db8::2",
    });
  });

  it.each([
    ["host bits are set", subnet("192.0.2.1", 24), 400],
    ["the length is too long", subnet("192.0.2.0", 33), 400],
    ["the gateway is elsewhere", subnet("192.0.2.0", 24, { default_gateway: "198.51.100.1" }), 400],
    [
      "two overlap",
      {
        network_ipam_refs: [
          {
            to: IPAM,
            attr: {
              ipam_subnets: [
                { subnet: { ip_prefix: "10.0.0.0", ip_prefix_len: 8 } },
                { subnet: { ip_prefix: "10.1.0.0", ip_prefix_len: 16 } },
              ],
            },
          },
        ],
      },
      409,
    ],
  ])("refuses a subnet when %s", async (_what, data, status) => {
    expect((await make("virtual-network", [...ADMIN, "net"], data)).status).toBe(status);
    expect(lab.objectsBesidesDefaults()).toEqual([]);
  });

  it("gives every address of a small subnet once, then has none left", async () => {
    await network("small", subnet("192.0.2.0", 29));
    const given: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      await address(`ip-${turn}`, "small");
      given.push(String(lab.objects("instance-ip").at(-1)?.data.instance_ip_address));
    }
    // .6 is the gateway, .5 the service address.
    expect(given).toEqual(["192.0.2.4", "192.0.2.3", "192.0.2.2", "192.0.2.1"]);
    expect(await address("one-more", "small")).toMatchObject({
      status: 409,
      text: expect.stringContaining("exhausted"),
    });
    const freed = lab.objects("instance-ip")[1];
    await send(lab, "DELETE", `/instance-ip/${freed?.uuid}`);
    await address("again", "small");
    expect(lab.objects("instance-ip").at(-1)?.data.instance_ip_address).toBe("192.0.2.3");
  });

  it("refuses an address that is taken, outside the subnet or none", async () => {
    await network("net", subnet("192.0.2.0", 24));
    await network("other", subnet("192.0.2.0", 24));
    expect((await address("a", "net", { instance_ip_address: "192.0.2.9" })).status).toBe(200);
    expect((await address("b", "net", { instance_ip_address: "192.0.2.9" })).status).toBe(409);
    expect((await address("b", "net", { instance_ip_address: "198.51.100.9" })).status).toBe(400);
    expect((await address("b", "net", { instance_ip_address: "192.0.2.255" })).status).toBe(400);
    expect((await address("b", "net", { instance_ip_address: "nine" })).status).toBe(400);
    expect((await make("instance-ip", ["b"])).status).toBe(400);
    expect((await address("b", "other", { instance_ip_address: "192.0.2.9" })).status).toBe(200);
  });

  it("keeps a subnet as long as an address of it is in use", async () => {
    const net = await network("net", subnet("192.0.2.0", 24));
    await address("a", "net");
    const emptied = () =>
      send(lab, "PUT", `/virtual-network/${net.uuid}`, { "virtual-network": { network_ipam_refs: [] } });
    expect(await emptied()).toMatchObject({ status: 409, text: expect.stringContaining("in use") });
    await send(lab, "DELETE", `/instance-ip/${lab.objects("instance-ip")[0]?.uuid}`);
    expect((await emptied()).status).toBe(200);
  });

  it("gives one VLAN of a port to one logical interface, and tells the switch's agent what exists", async () => {
    const port = [...SWITCH, "xe-0/0/3"];
    await made("physical-interface", port);
    const logical = (name: string, tag: unknown) =>
      make("logical-interface", [...port, name], {
        parent_type: "physical-interface",
        logical_interface_vlan_tag: tag,
      });
    expect((await logical("xe-0/0/3.1025", 1025)).status).toBe(200);
    expect((await logical("xe-0/0/3.2025", 1025)).status).toBe(403);
    expect((await logical("xe-0/0/3.5000", 5000)).status).toBe(400);
    expect((await logical("xe-0/0/3.1026", 1026)).status).toBe(200);
    expect(lab.interfacesOf("QFX-NW02")).toEqual(["xe-0/0/3", "xe-0/0/3.1025", "xe-0/0/3.1026"]);
    expect(lab.interfacesOf("QFX-NW03")).toEqual([]);
    const unchanged = lab.interfacesOf("QFX-NW02");
    expect(lab.interfacesOf("QFX-NW02")).toBe(unchanged);
    expect((await logical("xe-0/0/3.1027", 1027)).status).toBe(200);
    expect(lab.interfacesOf("QFX-NW02")).toEqual([...unchanged, "xe-0/0/3.1027"]);
  });
});

describe("the lab's controller with a state file", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "signalbox-contrail-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("has after a restart what it answered for before", async () => {
    const stateFile = join(folder, "deep", "controller.json");
    const before = await start({ stateFile, physicalRouters: ["QFX-1"] });
    const ref = { ...subnet("192.0.2.0", 24), fq_name: [...ADMIN, "net"] };
    const net = await send(before, "POST", "/virtual-networks", { "virtual-network": ref });
    await send(before, "POST", "/virtual-machines", { "virtual-machine": { fq_name: ["gone"] } });
    await send(before, "DELETE", `/virtual-machine/${before.objects("virtual-machine")[0]?.uuid}`);
    const objects = before.objects();
    await stop(before);
    const after = await start({ stateFile, physicalRouters: ["QFX-1"] });
    expect(after.objects()).toEqual(objects);
    expect(after.objectsBesidesDefaults().map(({ uuid }) => uuid)).toEqual([net.body["virtual-network"].uuid]);
    const ipam = after.objects("network-ipam")[0]?.data;
    expect(ipam?.virtual_network_back_refs).toMatchObject([{ to: [...ADMIN, "net"] }]);
    expect(await readdir(join(folder, "deep"))).toEqual(["controller.json"]);
  });

  it("is in the file before it is answered, so that a kill loses nothing", async () => {
    const stateFile = join(folder, "controller.json");
    const killed = await start({ stateFile });
    await send(killed, "POST", "/virtual-machines", { "virtual-machine": { fq_name: ["vm"] } });
    const next = await start({ stateFile });
    expect(next.objects("virtual-machine").map(({ fqName }) => fqName)).toEqual([["vm"]]);
  });

  it("does not start on a file that it cannot read", async () => {
    const stateFile = join(folder, "controller.json");
    await writeFile(stateFile, "{");
    await expect(startLabController({ stateFile })).rejects.toMatchObject({ code: "SB_DATA_VERSION" });
    await writeFile(stateFile, '{"version":99,"objects":[]}');
    await expect(startLabController({ stateFile })).rejects.toMatchObject({ code: "SB_DATA_VERSION" });
  });
});
