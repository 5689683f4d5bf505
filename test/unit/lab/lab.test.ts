import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RouterSession } from "../../../src/actors/ports.ts";
import { ContrailAdapter } from "../../../src/adapters/contrail/contrail-adapter.ts";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { NetconfConnector } from "../../../src/adapters/netconf/connector.ts";
import { SnmpAdapter } from "../../../src/adapters/snmp/snmp-adapter.ts";
import { type Lab, type StartLabOptions, startLab } from "../../../src/lab/lab.ts";
import { labRoutes } from "../../../src/lab/lab-routes.ts";
import { faultKinds } from "../../../src/lab/read-fault.ts";
import { element } from "../../../src/xml/element.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { FakeGateway } from "../http/fake-gateway.ts";

const SYS_UPTIME = "1.3.6.1.2.1.1.3.0";
const IF_NAME = "1.3.6.1.2.1.31.1.1.1.1";
const IF_OPER_STATUS = "1.3.6.1.2.1.2.2.1.8";
const UP = 1;
const DOWN = 2;
const OWNER = { type: "ese_logical_port", id: "p1" };
const SWITCH = ["default-global-system-config", "QFX-NW02"];
const CHANGE = "set interfaces ae0 unit 700 vlan-id 700\n";

const cleanup: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function start(options: Partial<StartLabOptions> = {}): Promise<Lab> {
  const lab = await startLab({ timing: "instant", logger: silentLogger, ...options });
  cleanup.push(() => lab.stop());
  return lab;
}

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "lab-"));
  cleanup.push(() => rm(made, { recursive: true }));
  return made;
}

/** The real adapters, pointed at a lab as the composition root does it. */
function adaptersOf(lab: Lab, hostKeys: Lab["hostKeys"] = lab.hostKeys) {
  const netconf = new NetconfConnector({
    addressBook: ({ host, port }) => lab.addressBook.netconf(host, port),
    hostKeys: { mode: "pin", fingerprints: hostKeys },
    logger: silentLogger,
    timeouts: { rpcMs: 5000 },
  });
  const snmp = new SnmpAdapter({
    addressBook: (device) => lab.addressBook.snmp(device) ?? { host: device, port: 161 },
    communities: Object.fromEntries(
      Object.entries(lab.communities).map(([name, community]) => [name, { version: "2c", community } as const]),
    ),
    timeoutMs: 300,
    retries: 0,
    logger: silentLogger,
  });
  const controller = new ContrailAdapter({
    apiUrl: lab.controllerUrl,
    analyticsUrl: lab.controllerUrl,
    timeoutMs: 2000,
    logger: silentLogger,
  });
  cleanup.push(() => snmp.close());
  return { netconf, snmp, controller };
}
type Adapters = ReturnType<typeof adaptersOf>;

async function login({ netconf }: Adapters, host: string, password = "any password"): Promise<RouterSession> {
  const session = await netconf.connect({ host, port: 830, username: "whoever", password });
  cleanup.push(() => session.close());
  return session;
}

/** ifOperStatus by ifName. */
async function portsOf({ snmp }: Adapters, device: string, community: string): Promise<Record<string, unknown>> {
  const names = await snmp.column(device, community, IF_NAME);
  const states = await snmp.column(device, community, IF_OPER_STATUS);
  return Object.fromEntries([...names].map(([index, name]) => [String(name), states.get(index)]));
}

const unit = (number: string) =>
  element("configuration", [
    element("interfaces", [
      element("interface", [
        element("name", "ae0"),
        element("unit", [element("name", number), element("vlan-id", number)]),
      ]),
    ]),
  ]);

async function commitUnit(session: RouterSession, number: string): Promise<void> {
  await session.lock();
  await session.edit(unit(number));
  await session.commitConfirmed({ timeoutS: 600, tag: "job-1" });
  await session.confirm("job-1");
  await session.unlock();
}

const ensurePort = ({ controller }: Adapters, name: string) =>
  controller.ensure({
    kind: "physical-interface",
    parent: { kind: "physical-router", fqName: SWITCH },
    fqName: [...SWITCH, name],
    data: {},
    owner: OWNER,
  });

describe("the lab's devices", () => {
  it("are reached by the addresses of the resources, with any login and pinned host keys", async () => {
    const lab = await start();
    const adapters = adaptersOf(lab);
    for (const [host, name] of [
      ["10.79.5.184", "MX-1"],
      ["10.79.5.185", "MX-2"],
    ] as const) {
      await commitUnit(await login(adapters, host), "700");
      expect(lab.routers.get(name)?.setWithBase()).toBe(CHANGE);
    }
    const mixedUp = adaptersOf(lab, { "10.79.5.184": lab.hostKeys["10.79.5.185"] ?? "" });
    await expect(login(mixedUp, "10.79.5.184")).rejects.toMatchObject({ code: "SB_DEVICE_HOST_KEY" });
    await expect(login(adapters, "10.79.5.184", "")).rejects.toMatchObject({ code: "SB_DEVICE_AUTH" });
  });

  it("what is in nobody's address book is left alone", async () => {
    const { addressBook } = await start();
    expect(addressBook.netconf("192.0.2.1", 830)).toBeUndefined();
    expect(addressBook.netconf("10.161.0.34", 830)).toBeUndefined();
    expect(addressBook.snmp("192.0.2.1")).toBeUndefined();
    expect(addressBook.snmp("QFX-NW02")).toEqual(addressBook.snmp("10.161.0.34"));
  });

  it("see each other: a VRRP group's master is MX-2 by its priority", async () => {
    const lab = await start();
    for (const [name, last, priority] of [
      ["MX-1", 3, 100],
      ["MX-2", 2, 110],
    ] as const) {
      const address = `set interfaces ae0 unit 700 family inet address 10.9.9.${last}/24 vrrp-group 7`;
      const lines = [CHANGE.trim(), `${address} virtual-address 10.9.9.1`, `${address} priority ${priority}`];
      lab.routers.get(name)?.changeByHand(lines.join("\n"));
    }
    expect([...lab.routers.values()].map((each) => each.vrrp()[0]?.state)).toEqual(["backup", "master"]);
  });

  it("have SNMP agents that follow the routers' interfaces", async () => {
    const lab = await start();
    const adapters = adaptersOf(lab);
    const ports = () => portsOf(adapters, "10.79.5.185", "EDGE_ROUTER_COMMUNITY");
    expect(await ports()).toMatchObject({ ae0: UP });
    expect(await ports()).not.toHaveProperty("ae0.700");
    lab.routers.get("MX-2")?.changeByHand(CHANGE);
    expect(await ports()).toMatchObject({ "ae0.700": UP });
    lab.routers.get("MX-2")?.setFault({ kind: "interfaceDown", interface: "ae0" });
    expect(await ports()).toMatchObject({ ae0: DOWN, "ae0.700": DOWN });
    expect(await portsOf(adapters, "10.79.5.184", "EDGE_ROUTER_COMMUNITY")).toMatchObject({ ae0: UP });
  });

  it("the switch has its two ports and what the controller has", async () => {
    const adapters = adaptersOf(await start());
    const ports = () => portsOf(adapters, "10.161.0.34", "ESE_NODE_COMMUNITY");
    expect(await ports()).toEqual({ "xe-0/0/3": UP, "xe-0/0/4": UP });
    await ensurePort(adapters, "xe-0/0/3");
    const made = await adapters.controller.ensure({
      kind: "logical-interface",
      parent: { kind: "physical-interface", fqName: [...SWITCH, "xe-0/0/3"] },
      fqName: [...SWITCH, "xe-0/0/3", "xe-0/0/3.1025"],
      data: { logical_interface_vlan_tag: 1025 },
      owner: OWNER,
    });
    expect(await ports()).toEqual({ "xe-0/0/3": UP, "xe-0/0/4": UP, "xe-0/0/3.1025": UP });
    await adapters.controller.remove("logical-interface", made.uuid, OWNER);
    expect(await ports()).toEqual({ "xe-0/0/3": UP, "xe-0/0/4": UP });
  });

  it("start from the base configurations of a directory", async () => {
    const labConfig = await directory();
    for (const name of ["MX-1", "MX-2"])
      await writeFile(join(labConfig, `${name}.set`), `set system host-name ${name}x\n`);
    const lab = await start({ labConfig });
    expect(lab.routers.get("MX-1")?.runningSet()).toBe("set system host-name MX-1x\n");
    await rm(join(labConfig, "MX-2.set"));
    await expect(start({ labConfig })).rejects.toMatchObject({
      code: "SB_CONFIG_INVALID",
      message: expect.stringContaining("MX-2.set"),
    });
  });

  it("keep configuration, host keys and objects in the data directory over a restart", async () => {
    const data = join(await directory(), "lab");
    const first = await start({ data });
    const before = adaptersOf(first);
    await commitUnit(await login(before, "10.79.5.184"), "700");
    const port = await ensurePort(before, "xe-0/0/9");
    await first.stop();

    const second = await start({ data });
    expect(second.routers.get("MX-1")?.setWithBase()).toBe(CHANGE);
    expect(second.routers.get("MX-2")?.isAtBase()).toBe(true);
    expect(second.hostKeys).toEqual(first.hostKeys);
    const after = adaptersOf(second);
    expect((await after.controller.find("physical-interface", port.fqName))?.uuid).toBe(port.uuid);
    expect(await portsOf(after, "10.161.0.34", "ESE_NODE_COMMUNITY")).toHaveProperty("xe-0/0/9", UP);
    await commitUnit(await login(after, "10.79.5.184"), "701");
    expect((await readdir(data)).sort()).toEqual([
      "MX-1.json",
      "MX-1.json.hostkey",
      "MX-2.json.hostkey",
      "controller.json",
    ]);
  });

  it("a stopped lab takes no connection, and can be stopped twice", async () => {
    const lab = await start();
    const adapters = adaptersOf(lab);
    await lab.stop();
    await lab.stop();
    await expect(login(adapters, "10.79.5.184")).rejects.toMatchObject({ code: "SB_DEVICE_REFUSED" });
  });
});

describe("the lab over HTTP", () => {
  let lab: Lab;
  let adapters: Adapters;
  let app: FastifyInstance;
  beforeEach(async () => {
    lab = await start();
    adapters = adaptersOf(lab);
    app = createHttpServer({ api: new FakeGateway(), logger: silentLogger, plugins: [labRoutes(lab)] });
    cleanup.push(() => app.close());
  });
  const get = (url: string) => app.inject({ method: "GET", url });
  const post = (url: string, payload: unknown) =>
    app.inject({
      method: "POST",
      url,
      payload: JSON.stringify(payload),
      headers: { "content-type": "application/json" },
    });
  const remove = (url: string) => app.inject({ method: "DELETE", url });

  it("shows what a router holds beyond its base, and all of it", async () => {
    const page = async (what: string) => (await get(`/lab/routers/MX-2/${what}`)).body;
    expect(await page("compare")).toBe("");
    expect(await page("set")).toBe("");
    lab.routers.get("MX-2")?.changeByHand(CHANGE);
    const compare = await get("/lab/routers/MX-2/compare");
    expect(compare.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(compare.body).toMatch(/^\[edit interfaces ae0\]\n\+ {4}unit 700 \{\n\+ {8}vlan-id 700;\n/);
    expect(await page("set")).toBe(CHANGE);
    expect((await page("configuration")).split("\n")).toEqual(expect.arrayContaining([CHANGE.trim()]));
    expect(await page("configuration")).toBe(lab.routers.get("MX-2")?.runningSet());
  });

  it("gives an overview with real ports, faults and statistics", async () => {
    await commitUnit(await login(adapters, "10.79.5.185"), "700");
    await post("/lab/agents/QFX-NW02/faults", { kind: "silent" });
    const overview = (await get("/lab")).json();
    expect(overview.routers).toMatchObject([
      { name: "MX-1", address: "10.79.5.184", role: "secondary", at_base: true, faults: [] },
      {
        name: "MX-2",
        address: "10.79.5.185",
        role: "primary",
        listens: lab.addressBook.netconf("10.79.5.185", 830),
        at_base: false,
        statistics: { locks: 1, sessionsOpened: 1, violations: [] },
      },
    ]);
    expect(overview.agents.map((each: { name: string }) => each.name)).toEqual(["MX-1", "MX-2", "QFX-NW02"]);
    expect(overview.agents[2]).toMatchObject({ faults: [{ id: "silent-1", fault: { kind: "silent" } }] });
    expect(overview.controller).toEqual({ url: lab.controllerUrl, objects: 0, faults: [] });
  });

  it("makes a router refuse connections until the fault is taken back", async () => {
    const made = await post("/lab/routers/MX-1/faults", { kind: "refuse" });
    expect(made.statusCode).toBe(201);
    expect(made.json()).toEqual({ id: "refuse-1", fault: { kind: "refuse" }, struck: 0 });
    await expect(login(adapters, "10.79.5.184")).rejects.toMatchObject({ code: "SB_DEVICE_REFUSED" });
    expect((await get("/lab/routers/MX-1/faults")).json()).toEqual({ faults: [made.json()] });
    expect((await get("/lab/routers/MX-1/faults/refuse-1")).json()).toEqual(made.json());
    expect((await remove("/lab/routers/MX-1/faults/refuse-1")).json()).toEqual({ cleared: 1 });
    await commitUnit(await login(adapters, "10.79.5.184"), "700");
    expect((await remove("/lab/routers/MX-1/faults/refuse-1")).statusCode).toBe(404);
  });

  it("makes a router reject a statement as often as is said", async () => {
    await post("/lab/routers/MX-1/faults", { kind: "reject", statement: "unit 700", at: "load", times: 1 });
    const session = await login(adapters, "10.79.5.184");
    await expect(session.edit(unit("700"))).rejects.toMatchObject({ code: "SB_LOAD_REJECTED" });
    await session.edit(unit("700"));
    expect((await get("/lab/routers/MX-1/faults")).json()).toEqual({ faults: [] });
  });

  it("makes agents silent and ports down", async () => {
    const url = "/lab/agents/QFX-NW02/faults";
    const ports = () => portsOf(adapters, "10.161.0.34", "ESE_NODE_COMMUNITY");
    await post(url, { kind: "interface_down", interface: "xe-0/0/3" });
    await post(url, { kind: "interface_down", interface: "xe-0/0/4" });
    expect(await ports()).toEqual({ "xe-0/0/3": DOWN, "xe-0/0/4": DOWN });
    await remove(`${url}/interface_down-1`);
    expect(await ports()).toEqual({ "xe-0/0/3": UP, "xe-0/0/4": DOWN });
    await post(url, { kind: "silent" });
    await expect(adapters.snmp.get("10.161.0.34", "ESE_NODE_COMMUNITY", [SYS_UPTIME])).rejects.toMatchObject({
      code: "SB_SNMP_TIMEOUT",
    });
    expect((await remove(url)).json()).toEqual({ cleared: 2 });
    expect(await ports()).toEqual({ "xe-0/0/3": UP, "xe-0/0/4": UP });
  });

  it("makes the controller refuse, hang and reject", async () => {
    const url = "/lab/controller/faults";
    const impatient = new ContrailAdapter({ apiUrl: lab.controllerUrl, timeoutMs: 200, logger: silentLogger });
    for (const kind of ["refuse", "hang"]) {
      await post(url, { kind });
      await expect(impatient.find("domain", ["default-domain"])).rejects.toMatchObject({
        code: "SB_CONTROLLER_UNREACHABLE",
      });
      expect((await remove(`${url}/${kind}`)).json()).toEqual({ cleared: 1 });
    }
    await post(url, { kind: "reject", object: "virtual-network", status: 403 });
    const reject = await post(url, { kind: "reject", object: "physical-interface", status: 403, text: "quota" });
    expect((await get(url)).json()).toEqual({ faults: [reject.json()] });
    await expect(ensurePort(adapters, "xe-0/0/9")).rejects.toMatchObject({
      code: "SB_CONTROLLER_REJECTED",
      message: expect.stringContaining("quota"),
    });
    await remove(url);
    const port = await ensurePort(adapters, "xe-0/0/9");
    expect((await get("/lab/controller/objects")).json().objects).toMatchObject([
      { kind: "physical-interface", uuid: port.uuid, fqName: port.fqName },
    ]);
  });

  it.each([
    ["routers/MX-1", { kind: "explode" }, "/kind"],
    ["routers/MX-1", {}, "/kind"],
    ["routers/MX-1", { kind: "drop", on: "commit" }, "/when"],
    ["routers/MX-1", { kind: "drop", on: "commit", when: "during" }, "/when"],
    ["routers/MX-1", { kind: "slowCommit", ms: -1 }, "/ms"],
    ["routers/MX-1", { kind: "refuse", times: 0 }, "/times"],
    ["routers/MX-1", { kind: "hang", ms: 5 }, "/ms"],
    ["routers/MX-1", { kind: "badBytes", on: "lock", hex: "f" }, "/hex"],
    ["routers/MX-1", { kind: "vrrpFlip", group: 20 }, "/group"],
    ["routers/MX-1", ["refuse"], ""],
    ["agents/MX-1", { kind: "interface_down" }, "/interface"],
    ["agents/MX-1", { kind: "refuse" }, "/kind"],
    ["controller", { kind: "reject", status: 200 }, "/status"],
    ["controller", { kind: "reject", object: "virtual_network" }, "/object"],
  ])("refuses a fault that is none: %s %j", async (device, body, pointer) => {
    const answer = await post(`/lab/${device}/faults`, body);
    expect(answer.statusCode).toBe(400);
    expect(answer.headers["content-type"]).toMatch("application/problem+json");
    expect(answer.json()).toMatchObject({ code: "SB_INVALID_BODY", errors: [{ pointer }] });
    expect((await get(`/lab/${device}/faults`)).json()).toEqual({ faults: [] });
  });

  it("takes every kind of fault with what it needs, as the overview lists them", async () => {
    const samples: Record<string, unknown> = {
      ...{ cut: false, times: 2, skip: 0, ms: 5, on: "commit", when: "after", statement: "unit", at: "commit" },
      ...{ user: "op", interface: "ae0", group: "20", object: "virtual-network", status: 500, text: "no", hex: "ff00" },
    };
    const devices = { router: "routers/MX-1", agent: "agents/MX-1", controller: "controller" } as const;
    const { fault_kinds: listed } = (await get("/lab")).json();
    expect(listed).toEqual(faultKinds);
    for (const [device, path] of Object.entries(devices)) {
      for (const { kind, fields, required } of listed[device]) {
        for (const names of [fields, required] as string[][]) {
          const fault = { kind, ...Object.fromEntries(names.map((name) => [name, samples[name]])) };
          const answer = await post(`/lab/${path}/faults`, fault);
          expect([answer.statusCode, answer.json().fault]).toEqual([201, fault]);
        }
      }
      await remove(`/lab/${path}/faults`);
      expect((await get(`/lab/${path}/faults`)).json()).toEqual({ faults: [] });
    }
    await commitUnit(await login(adapters, "10.79.5.184"), "700");
  });

  it.each([
    "/lab/routers/MX-9/compare",
    "/lab/routers/MX-9/set",
    "/lab/routers/QFX-NW02/configuration",
    "/lab/routers/MX-9/faults",
    "/lab/agents/MX-9/faults",
    "/lab/routers/MX-1/faults/refuse-1",
    "/lab/controller/faults/hang-1",
  ])("has no %s", async (url) => {
    const answer = await get(url);
    expect(answer.statusCode).toBe(404);
    expect(answer.headers["content-type"]).toMatch("application/problem+json");
    expect(answer.json()).toMatchObject({ code: "SB_NOT_FOUND" });
  });
});
