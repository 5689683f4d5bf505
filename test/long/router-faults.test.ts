import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { RouterFault } from "../../src/lab/junos/router-faults.ts";
import { addresses, FaultySystem, type RouterName } from "../scenario/support/faulty-system.ts";
import type { Body } from "../scenario/support/served-fields.ts";

/** Short, so that a router that hangs is found out soon; one try, so that a failure is seen as it is. */
const hasty = {
  netconf: { rpc_timeout_ms: 1000, commit_timeout_ms: 1500, connect_timeout_ms: 1000 },
  worker: { attempts: 1 },
};
const BOTH = ["MX-1", "MX-2"] as const;

interface Fault {
  readonly fault: RouterFault;
  readonly on: readonly RouterName[];
}

interface Failure extends Fault {
  /** What the error must say besides the device's address. */
  readonly says: RegExp;
}

const VIP = "172.16.101.151";
const drop = (on: string, when: "before" | "after") => ({ kind: "drop", on, when, times: 1 }) as const;
const hangOnce = (on: string) => ({ kind: "hang", on, times: 1 }) as const;

const refused = /^SB_DEVICE_REFUSED: .* refuses the connection: .*NETCONF over SSH is enabled, then retry\.$/;
const silent = (operation: string) =>
  new RegExp(`^SB_RPC_TIMEOUT: .* did not answer ${operation} within \\d+ ms\\. Check the load .*, then retry`);
const closed = (operation: string) =>
  new RegExp(`^SB_DEVICE_CLOSED: .* closed .*in the middle of ${operation}\\)\\. Check the device .*, then retry`);
const unloaded =
  /^SB_LOAD_REJECTED: .* rejects edit-config: .*172\.16\.101\.151.*vrrp-group 20 virtual-address.*retry\.$/;
const unchecked =
  /^SB_COMMIT_REJECTED: .* rejects validate: .*172\.16\.101\.151.*vrrp-group 20 virtual-address.*retry\.$/;

/** All of the demo but its gw_interface, and the body that asks for that. */
async function withoutInterface(): Promise<{ faulty: FaultySystem; wanted: Body }> {
  const faulty = await FaultySystem.start(hasty);
  await faulty.build("gw_interfaces", "static_routes");
  const [gateway, network] = [await faulty.first("vpn_gateways"), await faulty.first("networks")];
  const wanted = {
    name: "under-fire",
    tenant_id: gateway["tenant_id"],
    service_type: "vpn",
    vpn_gw_id: gateway["id"],
    network_id: network["id"],
    gw_vipv4: VIP,
    primary_ipv4: "172.16.101.152",
    secondary_ipv4: "172.16.101.153",
    netmask: 24,
    vrid: 20,
  };
  return { faulty, wanted };
}

interface ExpectedFailure {
  readonly type: string;
  readonly id: string;
  readonly state: string;
  readonly error: string;
  /** What the routers had. */
  readonly before: Record<RouterName, string>;
}

/** The routers are as before, and API and documents say what failed. */
async function expectFailure(faulty: FaultySystem, { type, id, state, error, before }: ExpectedFailure): Promise<void> {
  expect(await faulty.held()).toEqual(before);
  expect(await faulty.show(type, id)).toMatchObject({ status: "ERROR", orchestration_state: state, error });
  await faulty.stateSays(type, id, state, error);
}

describe("the creation of a gw_interface", () => {
  let faulty: FaultySystem;
  let wanted: Body;
  let before: Record<RouterName, string>;

  beforeAll(async () => {
    ({ faulty, wanted } = await withoutInterface());
    before = await faulty.held();
  });
  afterEach(async () => {
    await faulty.heal();
    // What a test that failed has left would be in the way of the next one.
    const { gw_interfaces: left = [] } = await faulty.system.get<{ gw_interfaces?: Body[] }>("/v2.0/gw_interfaces");
    for (const { id } of left) {
      await faulty.send("DELETE", "gw_interface", `/${String(id)}`);
      await faulty.transition((each) => each.id === id && each.deleted);
    }
  });
  afterAll(async () => {
    await faulty.stop();
  });

  /** Both routers hold the gw_interface, each its own side, and nothing else has changed. */
  async function expectOnBoth(): Promise<void> {
    const held = await faulty.held();
    const added = (router: RouterName) =>
      held[router].split("\n").filter((line) => !before[router].split("\n").includes(line));
    expect(added("MX-1").length).toBeGreaterThan(5);
    expect(added("MX-2").length).toBe(added("MX-1").length);
    expect(added("MX-1").join("\n")).toContain("172.16.101.153/24 vrrp-group 20 priority 100");
    expect(added("MX-2").join("\n")).toContain("172.16.101.152/24 vrrp-group 20 priority 105");
  }

  /** Deletes it, with all that belongs to it; nothing of it is left. */
  async function expectCleanDeletion(id: string): Promise<void> {
    await faulty.send("DELETE", "gw_interface", `/${id}`);
    await faulty.transition((each) => each.id === id && each.deleted);
    expect(await faulty.held()).toEqual(before);
    await faulty.documentsGone(id);
  }

  const fails: readonly Failure[] = [
    { fault: { kind: "refuse", cut: true }, on: ["MX-1"], says: refused },
    { fault: { kind: "refuse", cut: true }, on: BOTH, says: refused },
    { fault: { kind: "hang" }, on: ["MX-2"], says: silent("lock") },
    { fault: { kind: "hang", on: "edit-config" }, on: ["MX-1"], says: silent("edit-config") },
    { fault: hangOnce("commit-confirmed"), on: ["MX-2"], says: silent("commit-configuration") },
    { fault: { ...drop("lock", "before"), times: 2 }, on: BOTH, says: closed("lock") },
    { fault: drop("edit-config", "after"), on: ["MX-2"], says: closed("edit-config") },
    { fault: drop("commit-confirmed", "before"), on: ["MX-1"], says: closed("commit-configuration") },
    { fault: drop("commit-confirmed", "before"), on: BOTH, says: closed("commit-configuration") },
    { fault: { kind: "reject", statement: VIP, at: "load" }, on: ["MX-1"], says: unloaded },
    { fault: { kind: "reject", statement: VIP, at: "load" }, on: ["MX-2"], says: unloaded },
    { fault: { kind: "reject", statement: VIP, at: "commit" }, on: ["MX-1"], says: unchecked },
    { fault: { kind: "reject", statement: VIP, at: "commit" }, on: BOTH, says: unchecked },
    {
      fault: { kind: "holdLock", user: "noc" },
      on: ["MX-2"],
      says: /^SB_LOCK_DENIED: .*session \d+ \(user noc\)\. End/,
    },
  ];

  it.each(fails)("fails on both routers, and succeeds when tried again: $fault on $on", async ({ fault, on, says }) => {
    await faulty.breakRouters(on, fault);
    const { id } = (await faulty.send("POST", "gw_interface", "", wanted)) as { id: string };
    // Others go on: the controller, and what is only stored.
    const other = (await faulty.send("POST", "network", "", { name: "beside" })) as { id: string };
    const failed = await faulty.outcome(id);
    expect(failed).toMatchObject({ state: "create_failed", status: "ERROR", orchestrationState: "CREATE_FAILED" });
    expect(failed.error).toMatch(says);
    expect(on.some((router) => failed.error.includes(addresses[router]))).toBe(true);
    expect((await faulty.outcome(other.id)).status).toBe("ACTIVE");
    await expectFailure(faulty, { type: "gw_interface", id, state: "CREATE_FAILED", error: failed.error, before });

    await faulty.heal();
    // Both ways to try again, in turn: what failed, or a new version of it.
    const { position } = faulty;
    const asUpdate = fails.findIndex((each) => each.fault === fault && each.on === on) % 2 === 1;
    if (asUpdate) await faulty.send("PUT", "gw_interface", `/${id}`, { description: "again" });
    else await faulty.send("POST", "gw_interface", `/${id}/retry`);
    expect(await faulty.outcome(id, position)).toMatchObject({ status: "ACTIVE", error: "" });
    expect(await faulty.show("gw_interface", id)).not.toHaveProperty("error");
    await expectOnBoth();
    // What failed with it is there as well.
    const belonging = [
      ...((await faulty.system.get<{ ports: Body[] }>(`/v2.0/ports?device_id=${id}`)).ports ?? []),
      ...((await faulty.system.get<{ ese_logical_ports: Body[] }>(`/v2.0/ese_logical_ports?gw_interface_id=${id}`))
        .ese_logical_ports ?? []),
    ];
    expect(belonging.length).toBe(4);
    for (const { id: part } of belonging)
      await faulty.transition((each) => each.id === part && each.status === "ACTIVE", position);
    await expectCleanDeletion(id);
    await faulty.send("DELETE", "network", `/${other.id}`);
  });

  const succeeds: readonly Fault[] = [
    // A session that was kept from before may be lost unnoticed.
    { fault: drop("lock", "before"), on: BOTH },
    { fault: drop("commit-confirmed", "after"), on: ["MX-1"] },
    { fault: drop("commit-confirmed", "after"), on: BOTH },
    { fault: drop("confirm", "before"), on: ["MX-2"] },
    { fault: drop("confirm", "after"), on: BOTH },
    { fault: hangOnce("confirm"), on: ["MX-1"] },
    { fault: { kind: "slowCommit", ms: 300 }, on: ["MX-2"] },
    // Longer than it is waited for: what became of it is looked up.
    { fault: { kind: "slowCommit", ms: 2000, times: 1 }, on: ["MX-2"] },
  ];

  it.each(succeeds)("ends on both routers in spite of it: $fault on $on", async ({ fault, on }) => {
    await faulty.breakRouters(on, fault);
    const { id } = (await faulty.send("POST", "gw_interface", "", wanted)) as { id: string };
    const first = await faulty.outcome(id);
    await faulty.heal();
    if (first.status !== "ACTIVE") {
      expect(await faulty.held()).toEqual(before);
      const { position } = faulty;
      await faulty.send("POST", "gw_interface", `/${id}/retry`);
      expect((await faulty.outcome(id, position)).status).toBe("ACTIVE");
    }
    await expectOnBoth();
    await expectCleanDeletion(id);
  });

  it("fails alone when a router rejects it among others of the same pair", async () => {
    await faulty.breakRouters(["MX-1"], { kind: "reject", statement: VIP, at: "commit" });
    const gateway = { tenant_id: wanted["tenant_id"], service_type: "vpn", vpn_gw_id: wanted["vpn_gw_id"] };
    const route = (number: number) =>
      faulty.send("POST", "static_route", "", {
        ...gateway,
        destination: `203.0.113.${number}/32`,
        nexthop: "172.16.101.10",
      });
    const made = await Promise.all([
      faulty.send("POST", "gw_interface", "", wanted),
      ...[1, 2, 3, 4].map((number) => route(number)),
    ]);
    const [rejected, ...routes] = made.map((resource) => String(resource["id"]));
    expect((await faulty.outcome(rejected ?? "")).error).toMatch(unchecked);
    for (const id of routes) expect((await faulty.outcome(id)).status).toBe("ACTIVE");
    const held = await faulty.held();
    for (const router of BOTH) {
      expect(held[router].match(/203\.0\.113\.\d\/32/g)?.length).toBe(4);
      expect(held[router]).not.toContain(VIP);
    }
    await faulty.heal();
    for (const id of routes) {
      await faulty.send("DELETE", "static_route", `/${id}`);
      await faulty.transition((each) => each.id === id && each.deleted);
    }
    await expectCleanDeletion(rejected ?? "");
  });
});

let doubtful: FaultySystem;
let doubtfulId: string;

describe("an update and a deletion", () => {
  let faulty: FaultySystem;
  let gateway: Body;
  let options: readonly string[];
  let interfaceId: string;

  beforeAll(async () => {
    // For the last test of this file: routers are asked for long before anybody gives up, which goes on beside these tests.
    const made = await withoutInterface();
    doubtful = made.faulty;
    // Once one router has confirmed there is no way back.
    await doubtful.breakRouters(["MX-1"], { kind: "drop", on: "confirm", when: "before" });
    doubtfulId = String((await doubtful.send("POST", "gw_interface", "", made.wanted))["id"]);

    faulty = await FaultySystem.start(hasty);
    await faulty.build("static_routes");
    gateway = await faulty.first("vpn_gateways");
    interfaceId = String((await faulty.first("gw_interfaces"))["id"]);
    const { id, qos_option_id: _none, ...first } = await faulty.first("qos_options");
    const { status, orchestration_state: _state, ha_router_id: _pair, ...fields } = first;
    expect(status).toBe("ACTIVE");
    const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
    const other = { ...given, incoming_policer_name: "10M-GA-UP-INET", outgoing_policer_name: "10M-GA-DOWN-INET" };
    const option = await faulty.send("POST", "qos_option", "", other);
    options = [String(id), String(option["id"])];
  });
  afterAll(async () => {
    await faulty.stop();
  });

  const updates: readonly Failure[] = [
    { fault: { kind: "refuse", cut: true }, on: ["MX-2"], says: refused },
    {
      fault: { kind: "reject", statement: "FILTER_", at: "commit" },
      on: ["MX-1"],
      says: /^SB_COMMIT_REJECTED: .*FILTER_.*retry/,
    },
    { fault: drop("commit-confirmed", "before"), on: ["MX-1"], says: closed("commit-configuration") },
    { fault: hangOnce("commit-confirmed"), on: BOTH, says: silent("commit-configuration") },
    { fault: { kind: "holdLock" }, on: BOTH, says: /^SB_LOCK_DENIED: / },
  ];

  it.each(updates)("leave the routers as they were: an update, with $fault on $on", async ({ fault, on, says }) => {
    const id = String(gateway["id"]);
    const before = await faulty.held();
    const [old] = options.filter((option) => option === gateway["qos_option_id"]);
    const next = options.find((option) => option !== old) ?? "";
    await faulty.breakRouters(on, fault);
    let { position } = faulty;
    await faulty.send("PUT", "vpn_gateway", `/${id}`, { qos_option_id: next });
    const failed = await faulty.transition((each) => each.id === id && each.state === "update_failed", position);
    expect(failed).toMatchObject({ status: "ERROR", orchestrationState: "UPDATE_FAILED" });
    expect(failed.error).toMatch(says);
    expect(on.some((router) => failed.error.includes(addresses[router]))).toBe(true);
    expect(await faulty.held()).toEqual(before);
    expect(await faulty.show("vpn_gateway", id)).toMatchObject({ status: "ERROR", error: failed.error });
    await faulty.stateSays("vpn_gateway", id, "UPDATE_FAILED", failed.error);

    await faulty.heal();
    ({ position } = faulty);
    await faulty.send("POST", "vpn_gateway", `/${id}/retry`);
    expect((await faulty.outcome(id, position)).status).toBe("ACTIVE");
    const after = await faulty.held();
    for (const router of BOTH) {
      expect(after[router].split("\n").length).toBe(before[router].split("\n").length);
      expect(after[router]).not.toBe(before[router]);
    }
    gateway = await faulty.show("vpn_gateway", id);
    expect(gateway["qos_option_id"]).toBe(next);
  });

  const deletions: readonly (Failure & { readonly again: "DELETE" | "retry" })[] = [
    { fault: { kind: "refuse", cut: true }, on: ["MX-1"], says: refused, again: "DELETE" },
    { fault: { kind: "hang", on: "edit-config" }, on: ["MX-2"], says: silent("edit-config"), again: "retry" },
    { fault: drop("commit-confirmed", "before"), on: ["MX-2"], says: closed("commit-configuration"), again: "DELETE" },
    { fault: { kind: "holdLock" }, on: ["MX-1"], says: /^SB_LOCK_DENIED: .*End the session/, again: "retry" },
  ];

  it.each(deletions)("leave the routers as they were: a deletion, with $fault on $on", async (deletion) => {
    const { fault, on, says, again } = deletion;
    const empty = await faulty.held();
    const made = await faulty.send("POST", "static_route", "", {
      tenant_id: gateway["tenant_id"],
      service_type: "vpn",
      vpn_gw_id: gateway["id"],
      destination: "203.0.113.0/24",
      nexthop: "172.16.101.10",
    });
    const id = String(made["id"]);
    expect((await faulty.outcome(id)).status).toBe("ACTIVE");
    const before = await faulty.held();
    await faulty.breakRouters(on, fault);
    await faulty.send("DELETE", "static_route", `/${id}`);
    const failed = await faulty.transition((each) => each.id === id && each.state === "delete_failed");
    expect(failed.error).toMatch(says);
    expect(on.some((router) => failed.error.includes(addresses[router]))).toBe(true);
    await expectFailure(faulty, { type: "static_route", id, state: "DELETE_FAILED", error: failed.error, before });

    await faulty.heal();
    if (again === "DELETE") await faulty.send("DELETE", "static_route", `/${id}`);
    else await faulty.send("POST", "static_route", `/${id}/retry`);
    await faulty.transition((each) => each.id === id && each.deleted);
    expect(await faulty.held()).toEqual(empty);
  });

  it("leave nothing behind when all is deleted after that", async () => {
    const { faulty: system } = { faulty };
    await system.send("DELETE", "gw_interface", `/${interfaceId}`);
    await system.transition((each) => each.id === interfaceId && each.deleted);
    const uplink = String((await system.first("vpn_interfaces"))["id"]);
    await system.send("DELETE", "vpn_interface", `/${uplink}`);
    await system.transition((each) => each.id === uplink && each.deleted);
    const id = String(gateway["id"]);
    await system.send("DELETE", "vpn_gateway", `/${id}`);
    await system.transition((each) => each.id === id && each.deleted);
    expect(await system.held()).toEqual({ "MX-1": "", "MX-2": "" });
    expect(JSON.stringify(await system.system.get("/lab"))).not.toMatch(/"violations":\["/);
  });
});

describe("a router that is away for a moment", () => {
  it("costs a creation another try, and nothing else", async () => {
    const faulty = await FaultySystem.start({ ...hasty, worker: { attempts: 3 } });
    try {
      await faulty.build("gw_interfaces", "static_routes");
      const gateway = await faulty.first("vpn_gateways");
      await faulty.breakRouters(["MX-2"], { kind: "holdLock", user: "noc" });
      const made = await faulty.send("POST", "static_route", "", {
        tenant_id: gateway["tenant_id"],
        service_type: "vpn",
        vpn_gw_id: gateway["id"],
        destination: "203.0.113.0/24",
        nexthop: "172.16.101.10",
      });
      const id = String(made["id"]);
      await faulty.transition((each) => each.id === id && each.event === "JOB_RETRIED");
      expect(await faulty.show("static_route", id)).toMatchObject({
        status: "PENDING_CREATE",
        error: expect.stringContaining("10.79.5.185: lock held by session"),
      });
      await faulty.heal();
      expect((await faulty.outcome(id)).status).toBe("ACTIVE");
      expect(await faulty.show("static_route", id)).not.toHaveProperty("error");
      // When it stays away the last error says how often it was tried.
      await faulty.breakRouters(["MX-2"], { kind: "holdLock", user: "noc" });
      const { position } = faulty;
      await faulty.send("DELETE", "static_route", `/${id}`);
      const failed = await faulty.transition((each) => each.id === id && each.state.endsWith("_failed"), position);
      expect(failed.error).toMatch(/^SB_LOCK_DENIED: .* then retry\. Tried 3 times\.$/);
    } finally {
      await faulty.stop();
    }
  });
});

describe("a creation of which nobody knows what became", () => {
  afterAll(async () => {
    await doubtful.stop();
  });

  it("stays open, says so, and succeeds when both routers answer", async () => {
    const open = await doubtful.transition((each) => each.id === doubtfulId && each.event === "JOB_RETRIED");
    const { status, error } = await doubtful.show("gw_interface", doubtfulId);
    expect([open.state, status]).toEqual(["pending_create", "PENDING_CREATE"]);
    expect(error).toMatch(
      /^SB_LANE_IN_DOUBT: .* of 10\.79\.5\.184,10\.79\.5\.185 is not (confirmed everywhere|settled): .*Check the/,
    );
    await doubtful.heal();
    expect(await doubtful.outcome(doubtfulId)).toMatchObject({ status: "ACTIVE", error: "" });
    const held = await doubtful.held();
    for (const router of BOTH) expect(held[router]).toContain(`virtual-address ${VIP}`);
  });
});
