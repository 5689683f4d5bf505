import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FaultySystem } from "../scenario/support/faulty-system.ts";
import type { Body } from "../scenario/support/served-fields.ts";

const INTERVAL_MS = 200;
const hasty = {
  snmp: { timeout_ms: 800, retries: 1 },
  contrail: { timeout_ms: 500 },
  worker: { attempts: 1 },
  monitoring: { interval_ms: INTERVAL_MS },
};

let faulty: FaultySystem;
beforeAll(async () => {
  faulty = await FaultySystem.start(hasty);
  await faulty.build("static_routes");
});
afterEach(async () => {
  await faulty.heal();
});
afterAll(async () => {
  await faulty.stop();
});

/** Resolves when the `/monitoring` document of a resource is so. */
async function monitoringSays(type: string, id: string, wanted: Body): Promise<void> {
  const key = `/monitoring/v2.0/${type}s/${id}`;
  await faulty.system.documentsUntil((all) => {
    const document = (all.get(key) ?? {}) as Body;
    return Object.entries(wanted).every(([name, value]) => document[name] === value);
  });
}

/** A resource of a collection by a field of it. */
async function find(type: string, field: string, value: string): Promise<string> {
  const list = await faulty.system.get<Record<string, Body[]>>(`/v2.0/${type}s`);
  const found = list[`${type}s`]?.find((resource) => resource[field] === value);
  if (found === undefined) throw new Error(`no ${type} with ${field} ${value}`);
  return String(found["id"]);
}

describe("what monitoring sees", () => {
  interface Trouble {
    readonly what: string;
    readonly device: string;
    readonly fault: object;
    readonly type: string;
    readonly by: readonly [field: string, value: string];
    /** What `/monitoring` says then. */
    readonly says: Body;
  }

  const troubles: readonly Trouble[] = [
    {
      what: "a port of the switch that goes down",
      device: "agents/QFX-NW02",
      fault: { kind: "interface_down", interface: "xe-0/0/3" },
      type: "ese_physical_port",
      by: ["name", "xe-0/0/3"],
      says: { port: "DOWN" },
    },
    {
      what: "the switch's agent that does not answer",
      device: "agents/QFX-NW02",
      fault: { kind: "silent" },
      type: "ese_device",
      by: ["hostname", "QFX-NW02"],
      says: { switch: "MONITORING_UNAVAILABLE" },
    },
    {
      what: "an interface of a router that goes down",
      device: "routers/MX-1",
      fault: { kind: "interfaceDown", interface: "ae0" },
      type: "er_physical_interface",
      by: ["name", "ae0"],
      says: { interface: "DOWN" },
    },
    {
      what: "a master that is none any more",
      device: "routers/MX-1",
      fault: { kind: "vrrpFlip", group: "20" },
      type: "gw_interface",
      by: ["name", "sample-gw-interface"],
      says: { secondary: "MASTER" },
    },
  ];

  it.each(troubles)("$what: FAIL, and UP again", async ({ device, fault, type, by, says }) => {
    const [field, value] = by;
    const all = (await faulty.system.get<Record<string, Body[]>>(`/v2.0/${type}s`))[`${type}s`] ?? [];
    const ids = all.filter((resource) => resource[field] === value).map(({ id }) => String(id));
    const { position } = faulty;
    await faulty.break(device, fault);
    const failed = await faulty.transition(
      (each) => ids.includes(each.id) && each.operationalState === "FAIL",
      position,
    );
    const { id } = failed;
    expect(failed).toMatchObject({ status: "MONITORING_UNAVAILABLE", state: "create_completed" });
    const shown = await faulty.show(type, id);
    expect(shown).toMatchObject({ status: "MONITORING_UNAVAILABLE", operational_state: "FAIL" });
    await monitoringSays(type, id, says);

    const after = faulty.position;
    await faulty.heal();
    const well = await faulty.transition((each) => each.id === id && each.operationalState === "UP", after);
    expect(well.status).toBe("ACTIVE");
    expect(await faulty.show(type, id)).toMatchObject({ status: "ACTIVE", operational_state: "UP" });
  });

  it("tells what is built on it as well: a pair is as good as its routers", async () => {
    const pair = String((await faulty.first("ha_routers"))["id"]);
    const { position } = faulty;
    await faulty.break("agents/MX-2", { kind: "silent" });
    await faulty.transition((each) => each.id === pair && each.operationalState === "FAIL", position);
    const after = faulty.position;
    await faulty.heal();
    await faulty.transition((each) => each.id === pair && each.operationalState === "UP", after);
  });

  it("waits for an agent that is silent, and ends well when it answers", async () => {
    const device = await find("ese_device", "hostname", "QFX-NW02");
    await faulty.break("agents/QFX-NW02", { kind: "silent" });
    const port = { ese_device_id: device, name: "xe-0/0/9" };
    const id = String((await faulty.send("POST", "ese_physical_port", "", port))["id"]);
    // Its stack is done; only the agent is missing.
    await faulty.transition((each) => each.id === id && each.jobs.some(({ phase }) => phase === "finished"));
    // Others go on.
    const other = String((await faulty.send("POST", "network", "", { name: "beside" }))["id"]);
    expect((await faulty.outcome(other)).status).toBe("ACTIVE");
    expect(await faulty.show("ese_physical_port", id)).toMatchObject({ status: "PENDING_CREATE" });
    await faulty.heal();
    expect((await faulty.outcome(id)).status).toBe("ACTIVE");
    for (const [type, gone] of [
      ["ese_physical_port", id],
      ["network", other],
    ] as const) {
      await faulty.send("DELETE", type, `/${gone}`);
      await faulty.transition((each) => each.id === gone && each.deleted);
    }
  });
});

describe("a controller", () => {
  const faults = [
    {
      fault: { kind: "refuse" },
      says: /^SB_CONTROLLER_UNREACHABLE: .*127\.0\.0\.1.*Check the controller's URL.*retry/,
    },
    { fault: { kind: "hang" }, says: /^SB_CONTROLLER_UNREACHABLE: .*no answer within 500 ms.*Check the controller's/ },
    {
      fault: { kind: "reject", object: "virtual-network", status: 500, text: "database is down" },
      says: /^SB_CONTROLLER_REJECTED: .*virtual-network.*\(HTTP 500\): database is down.*retry/,
    },
    {
      fault: { kind: "reject", object: "virtual-network", status: 409, text: "no room" },
      says: /^SB_CONTROLLER_REJECTED: .*virtual-network.*\(HTTP 409\): no room.*retry/,
    },
  ] as const;

  it.each(faults)("that fails a network: $fault", async ({ fault, says }) => {
    const objects = await faulty.system.text("/lab/controller/objects");
    await faulty.break("controller", fault);
    const id = String((await faulty.send("POST", "network", "", { name: "broken" }))["id"]);
    // What does not need it goes on.
    const gateway = await faulty.first("vpn_gateways");
    const route = await faulty.send("POST", "static_route", "", {
      tenant_id: gateway["tenant_id"],
      service_type: "vpn",
      vpn_gw_id: gateway["id"],
      destination: "203.0.113.0/24",
      nexthop: "172.16.101.10",
    });
    const failed = await faulty.outcome(id);
    expect(failed).toMatchObject({ state: "create_failed", status: "ERROR" });
    expect(failed.error).toMatch(says);
    expect(await faulty.show("network", id)).toMatchObject({ status: "ERROR", error: failed.error });
    await faulty.stateSays("network", id, "CREATE_FAILED", failed.error);
    const routeId = String(route["id"]);
    expect((await faulty.outcome(routeId)).status).toBe("ACTIVE");

    await faulty.heal();
    expect(await faulty.system.text("/lab/controller/objects")).toBe(objects);
    const { position } = faulty;
    await faulty.send("POST", "network", `/${id}/retry`);
    expect((await faulty.outcome(id, position)).status).toBe("ACTIVE");
    expect(await faulty.system.text("/lab/controller/objects")).toContain(id);
    for (const [type, gone] of [
      ["network", id],
      ["static_route", routeId],
    ] as const) {
      await faulty.send("DELETE", type, `/${gone}`);
      await faulty.transition((each) => each.id === gone && each.deleted);
    }
    expect(await faulty.system.text("/lab/controller/objects")).toBe(objects);
  });

  it("that fails a deletion: it says so, and another DELETE tries again", async () => {
    const objects = await faulty.system.text("/lab/controller/objects");
    const id = String((await faulty.send("POST", "network", "", { name: "short-lived" }))["id"]);
    expect((await faulty.outcome(id)).status).toBe("ACTIVE");
    await faulty.break("controller", { kind: "refuse" });
    await faulty.send("DELETE", "network", `/${id}`);
    const failed = await faulty.transition((each) => each.id === id && each.state === "delete_failed");
    expect(failed.error).toMatch(/^SB_CONTROLLER_UNREACHABLE: .*retry/);
    await faulty.heal();
    await faulty.send("DELETE", "network", `/${id}`);
    await faulty.transition((each) => each.id === id && each.deleted);
    expect(await faulty.system.text("/lab/controller/objects")).toBe(objects);
  });
});

describe("a device that the lab does not have", () => {
  const stranger = "203.0.113.9";
  const refused = new RegExp(
    `^SB_DEVICE_NOT_IN_LAB: the lab has no SNMP agent ${stranger.replaceAll(".", "\\.")}\\. The lab has MX-1 \\(10\\.79\\.5\\.184\\), ` +
      "MX-2 .*QFX-NW02 .*address_book\\.snmp.*; without --lab the real 203\\.0\\.113\\.9 is contacted",
  );

  it("is not contacted: its creation fails at once, and says how to give the lab one", async () => {
    const router = { name: "stranger", ip: stranger, ssh_port: 830, login: "a", password: "b" };
    const id = String((await faulty.send("POST", "edge_router", "", router))["id"]);
    const failed = await faulty.outcome(id);
    expect(failed).toMatchObject({ state: "create_failed", status: "ERROR" });
    expect(failed.error).toMatch(refused);
    await faulty.send("DELETE", "edge_router", `/${id}`);
    await faulty.transition((each) => each.id === id && each.deleted);
  });

  it("is not configured either: nobody logs in to the real one", async () => {
    const other = await FaultySystem.start({
      ...hasty,
      // The agent of a lab's router plays that of the stranger, so that only the login is left to go wrong.
      address_book: { snmp: { [stranger]: await agentOf("MX-1"), "203.0.113.10": await agentOf("MX-2") } },
    });
    try {
      const pair = await strangers(other);
      const gateway = await other.send("POST", "vpn_gateway", "", pair);
      const failed = await other.outcome(String(gateway["id"]));
      expect(failed.state).toBe("create_failed");
      expect(failed.error).toMatch(
        /^SB_DEVICE_NOT_IN_LAB: the lab has no router 203\.0\.113\.(9|10)\. The lab has MX-1 .*address_book\.netconf .*where 203\.0\.113\.(9|10) listens/,
      );
    } finally {
      await other.stop();
    }
  });

  async function agentOf(name: string): Promise<{ host: string; port: number }> {
    const lab = await faulty.system.get<{ agents: Array<{ name: string; listens: { host: string; port: number } }> }>(
      "/lab",
    );
    const found = lab.agents.find((agent) => agent.name === name);
    if (found === undefined) throw new Error(`the lab has no agent ${name}`);
    return found.listens;
  }

  /** A pair of routers of which the lab knows nothing, with all that a gateway needs; answers the gateway's body. */
  async function strangers(other: FaultySystem): Promise<Body> {
    const tenant = { tenant_id: "5f0c1b7e9d2a4c6f8e3b1a7d5c9e2f40" };
    const make = async (type: string, fields: Body) => String((await other.send("POST", type, "", fields))["id"]);
    const login = { ...tenant, ssh_port: 830, login: "a", password: "b" };
    const first = await make("edge_router", { ...login, ip: stranger });
    const second = await make("edge_router", { ...login, ip: "203.0.113.10" });
    const pair = await make("ha_router", { ...tenant, primary_router_id: first, secondary_router_id: second });
    const interfaces: Record<string, string> = {};
    for (const [link, name] of [
      ["uplink", "ge-0/0/1"],
      ["downlink", "ae0"],
    ] as const) {
      const port = (device: string) => make("er_physical_interface", { ...tenant, name, device_id: device });
      interfaces[link] = await make("ha_interface", {
        ...tenant,
        name: link,
        ha_router_id: pair,
        link_type: link,
        primary_interface_id: await port(first),
        secondary_interface_id: await port(second),
      });
    }
    const service = await make("vpn_service", {
      ...tenant,
      uplink_interfaces: [interfaces["uplink"]],
      downlink_interfaces: [interfaces["downlink"]],
    });
    const policer = "single-rate { color-blind; }";
    const option = await make("qos_option", {
      ...tenant,
      service_type: "vpn",
      qos_type: "guarantee",
      bandwidth: "10",
      vpn_service_id: service,
      incoming_policer_name: "10M-GA-UP-VPN",
      outgoing_policer_name: "10M-GA-DOWN-VPN",
      incoming_policer_config: policer,
      outgoing_policer_config: policer,
    });
    return {
      ...tenant,
      vpn_service_id: service,
      qos_option_id: option,
      uplink_vlan_id: "300",
      local_as_number: "65101",
    };
  }
});
