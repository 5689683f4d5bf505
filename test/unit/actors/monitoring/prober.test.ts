import { describe, expect, it } from "vitest";
import { awaitTargets } from "../../../../src/actors/monitoring/await-targets.ts";
import { Prober, type ProberOptions } from "../../../../src/actors/monitoring/prober.ts";
import type { Controller } from "../../../../src/actors/ports.ts";
import { sealing } from "../../../../src/adapters/secrets/sealing.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import type { MonitoringTarget, TargetStatus } from "../../../../src/machines/resource/resource-types.ts";
import { childText, parseXml } from "../../../../src/xml/element.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { FakeConnector, FakeSnmp, fakeController, settle, target } from "./fakes.ts";

const UPTIME = "1.3.6.1.2.1.1.3.0";
const name = (index: number) => `1.3.6.1.2.1.31.1.1.1.1.${index}`;
const oper = (index: number) => `1.3.6.1.2.1.2.2.1.8.${index}`;
const secrets = sealing(new Uint8Array(32));

function setUp(more: Partial<ProberOptions> = {}) {
  const clock = new VirtualClock();
  const snmp = new FakeSnmp();
  const connector = new FakeConnector();
  const prober = new Prober({
    snmp,
    connector,
    controller: fakeController(async () => undefined),
    secrets,
    clock,
    logger: silentLogger,
    statusOf: () => undefined,
    ...more,
  });
  return { clock, snmp, connector, prober };
}

/** Probes, and lets the clock run while it waits. */
async function probeThrough(prober: Prober, clock: VirtualClock, asked: MonitoringTarget): Promise<TargetStatus> {
  let status: TargetStatus | undefined;
  void prober.probe(asked).then((answer) => {
    status = answer;
  });
  for (;;) {
    await settle();
    if (status !== undefined) return status;
    clock.advanceToNext();
  }
}

const unavailable = (reason: string) => ({
  word: "MONITORING_UNAVAILABLE",
  published: "MONITORING_UNAVAILABLE",
  verdict: "unavailable",
  reason: expect.stringContaining(reason),
});

describe("snmp_uptime", () => {
  const router = target("snmp_uptime", { device: "mx-1", community: "EDGE_ROUTER_COMMUNITY" });

  it("is ACTIVE when the uptime grows within the gap", async () => {
    const { clock, snmp, prober } = setUp();
    clock.after(20, () => snmp.values.set(UPTIME, 102));
    snmp.values.set(UPTIME, 100);
    expect(await probeThrough(prober, clock, router)).toEqual({ word: "ACTIVE", published: "UP", verdict: "good" });
    expect(clock.now()).toBe(20);
  });

  it("is patient with an agent that renews its uptime now and then, and with one that has just been restarted", async () => {
    const { clock, snmp, prober } = setUp();
    snmp.values.set(UPTIME, 100);
    clock.after(30, () => snmp.values.set(UPTIME, 3));
    clock.after(150, () => snmp.values.set(UPTIME, 9));
    expect((await probeThrough(prober, clock, router)).verdict).toBe("good");
  });

  it("is unavailable when the uptime stands still, is missing, or nobody answers", async () => {
    const { clock, snmp, prober } = setUp();
    expect(await prober.probe(router)).toEqual(unavailable("SB_SNMP_NO_INSTANCE"));
    snmp.values.set(UPTIME, 100);
    expect(await probeThrough(prober, clock, router)).toEqual(unavailable("stands still at 100"));
    snmp.error = new SignalboxError("SB_SNMP_TIMEOUT", "mx-1 does not answer");
    expect(await prober.probe(router)).toEqual(unavailable("SB_SNMP_TIMEOUT: mx-1 does not answer"));
  });
});

describe("snmp_interface", () => {
  const port = target("snmp_interface", { device: "mx-1", community: "C", interface: "ae0.1025" });

  it("finds the index once, then reads the status with the name it belongs to", async () => {
    const { snmp, prober } = setUp();
    snmp.values.set(name(501), "ae0").set(name(502), "ae0.1025").set(oper(501), 2).set(oper(502), 1);
    expect(await prober.probe(port)).toEqual({ word: "ACTIVE", published: "UP", verdict: "good" });
    snmp.values.set(oper(502), 2);
    expect(await prober.probe(port)).toEqual({
      word: "DOWN",
      published: "DOWN",
      verdict: "bad",
      reason: "ae0.1025 of mx-1 is down",
    });
    expect(snmp.columns).toHaveLength(1);
    expect(snmp.gets).toEqual([
      [name(502), oper(502)],
      [name(502), oper(502)],
    ]);
  });

  it("looks again when the index went to another interface or vanished", async () => {
    const { snmp, prober } = setUp();
    snmp.values.set(name(502), "ae0.1025").set(oper(502), 1);
    await prober.probe(port);
    snmp.values.set(name(502), "ae1").set(oper(502), 1).set(name(510), "ae0.1025").set(oper(510), 7);
    expect(await prober.probe(port)).toMatchObject({ verdict: "bad", reason: "ae0.1025 of mx-1 is lowerLayerDown" });
    for (const each of [name(510), oper(510)]) snmp.values.delete(each);
    expect(await prober.probe(port)).toMatchObject({
      word: "DOWN",
      verdict: "bad",
      reason: expect.stringContaining("mx-1 has no interface ae0.1025"),
    });
    snmp.values.set(name(511), "ae0.1025").set(oper(511), 1);
    expect((await prober.probe(port)).verdict).toBe("good");
  });

  it("walks a device's names once for all that ask at the same time", async () => {
    const { snmp, prober } = setUp();
    snmp.values.set(name(501), "ae0").set(name(502), "ae0.1025").set(oper(501), 1).set(oper(502), 1);
    const other = target("snmp_interface", { device: "mx-1", community: "C", interface: "ae0" });
    const answers = await Promise.all([prober.probe(port), prober.probe(other), prober.probe(port)]);
    expect(answers.map(({ verdict }) => verdict)).toEqual(["good", "good", "good"]);
    expect(snmp.columns).toHaveLength(1);
  });

  it("is unavailable when the device does not answer", async () => {
    const { snmp, prober } = setUp();
    snmp.error = new SignalboxError("SB_SNMP_TIMEOUT", "mx-1 does not answer");
    expect(await prober.probe(port)).toEqual(unavailable("SB_SNMP_TIMEOUT"));
  });
});

const login = { host: "mx-1", port: "830", username: "lab", password: secrets.seal("lab-secret", "router/1/password") };

describe("vrrp_session", () => {
  const session = (more: object = {}) =>
    target("vrrp_session", { ...login, interface: "ae0.1025", group: 20, want: "master", ...more });
  const entry = (port: string, group: number, state: string) =>
    `<vrrp-interface><interface>${port}\n</interface><group>${group}</group><vrrp-state>${state}</vrrp-state></vrrp-interface>`;
  const reply = (...entries: string[]) =>
    parseXml(
      `<rpc-reply><vrrp-information xmlns="http://xml.juniper.net/junos/16.1R1/junos-vrrp">${entries.join("")}</vrrp-information></rpc-reply>`,
    );

  it("compares the state of the interface's group with what is wanted", async () => {
    const { connector, prober } = setUp();
    connector.answer = () =>
      reply(entry("ae0.1024", 20, "init"), entry("ae0.1025", 21, "init"), entry("ae0.1025", 20, "master"));
    expect(await prober.probe(session())).toEqual({ word: "master", published: "MASTER", verdict: "good" });
    expect(await prober.probe(session({ want: "backup" }))).toEqual({
      word: "master",
      published: "MASTER",
      verdict: "bad",
      reason: "VRRP group 20 on ae0.1025 of mx-1 is master, wanted is backup",
    });
    expect(connector.connects).toEqual([{ host: "mx-1", port: 830, username: "lab", password: "lab-secret" }]);
  });

  it("answers all groups of a router that are asked for together with one request", async () => {
    const { connector, prober } = setUp();
    connector.answer = () => reply(entry("ae0.1025", 20, "master"), entry("ae0.1026", 21, "backup"));
    const asked = [session(), session({ interface: "ae0.1026", group: 21, want: "backup" })];
    const answers = await Promise.all(asked.map((each) => prober.probe(each)));
    expect(answers.map(({ verdict }) => verdict)).toEqual(["good", "good"]);
    expect(connector.sessions[0]?.asked.map((operation) => operation.name)).toEqual(["get-vrrp-information"]);
  });

  it("is down when the router has no such group", async () => {
    const { connector, prober } = setUp();
    connector.answer = () => reply();
    expect(await prober.probe(session())).toMatchObject({
      verdict: "bad",
      reason: "mx-1 has no VRRP group 20 on ae0.1025",
    });
  });

  it("is unavailable without a session, without telling the password", async () => {
    const { connector, prober } = setUp();
    connector.error = new SignalboxError("SB_DEVICE_REFUSED", "mx-1 refuses");
    const status = await prober.probe(session());
    expect(status).toEqual(unavailable("SB_DEVICE_REFUSED"));
    expect(JSON.stringify(status)).not.toContain("lab-secret");
  });

  it("is unavailable when the password was sealed with another key", async () => {
    const password = sealing(new Uint8Array(32).fill(1)).seal("lab-secret", "router/1/password");
    expect(await setUp().prober.probe(session({ password }))).toEqual(unavailable("SB_SECRET_UNREADABLE"));
  });
});

describe("igs_counter", () => {
  const counter = target("igs_counter", { ...login, filter: "INET_IN", counter: "vrf_IN" });
  const filter = (name: string, ...counters: string[]) =>
    `<filter-information><filter-name>${name}</filter-name>${counters.map((each) => `<counter>${each}</counter>`).join("")}</filter-information>`;
  const count = (name: string, bytes: string) =>
    `<counter-name>${name}</counter-name><packet-count>1</packet-count><byte-count>${bytes}</byte-count>`;
  const answerWith = (...filters: string[]) => {
    const { connector, prober } = setUp();
    connector.answer = () =>
      parseXml(`<rpc-reply><firewall-information>${filters.join("")}</firewall-information></rpc-reply>`);
    return { connector, prober };
  };

  it("is good when the router counts with it in that filter", async () => {
    const { connector, prober } = answerWith(filter("INET_IN", count("other_IN", "3"), count("vrf_IN", "0")));
    expect(await prober.probe(counter)).toEqual({ word: "ACTIVE", published: "UP", verdict: "good" });
    const [asked] = connector.sessions[0]?.asked ?? [];
    expect(asked && [asked.name, childText(asked, "filter"), childText(asked, "countername")]).toEqual([
      "get-firewall-counter-information",
      "INET_IN",
      "vrf_IN",
    ]);
  });

  it("is down when it is another filter's, another one, or counts nothing", async () => {
    for (const filters of [
      [],
      [filter("INET_OUT", count("vrf_IN", "1"))],
      [filter("INET_IN", count("vrf_OUT", "1"))],
      [filter("INET_IN", count("vrf_IN", ""))],
    ]) {
      expect(await answerWith(...filters).prober.probe(counter)).toMatchObject({
        word: "DOWN",
        verdict: "bad",
        reason: "mx-1 has no counter vrf_IN in its filter INET_IN",
      });
    }
  });

  it("is unavailable without a session", async () => {
    const { connector, prober } = setUp();
    connector.error = new SignalboxError("SB_DEVICE_REFUSED", "mx-1 refuses");
    expect(await prober.probe(counter)).toEqual(unavailable("SB_DEVICE_REFUSED"));
  });
});

describe("bgp_session", () => {
  const session = target("bgp_session", { ...login, peer: "10.0.0.2", instance: "vrf-1" });
  const peer = (address: string, instance: string, state: string) =>
    `<bgp-peer><peer-address>${address}</peer-address><peer-cfg-rti>${instance}</peer-cfg-rti><peer-state>${state}</peer-state></bgp-peer>`;
  const answerWith = (...peers: string[]) => {
    const { connector, prober } = setUp();
    connector.answer = () => parseXml(`<rpc-reply><bgp-information>${peers.join("")}</bgp-information></rpc-reply>`);
    return { connector, prober };
  };

  it("is good when Established, with or without a port behind the address", async () => {
    const { connector, prober } = answerWith(
      peer("10.0.0.2+179", "vrf-2", "Idle"),
      peer("10.0.0.20+179", "vrf-1", "Idle"),
      peer("10.0.0.2+179", "vrf-1", "Established"),
    );
    expect(await prober.probe(session)).toEqual({ word: "ESTABLISHED", published: "ESTABLISHED", verdict: "good" });
    const [asked] = connector.sessions[0]?.asked ?? [];
    expect(asked && [childText(asked, "neighbor-address"), childText(asked, "instance")]).toEqual([
      "10.0.0.2",
      "vrf-1",
    ]);
  });

  it("says the state when it is another, and DOWN when there is no such peer", async () => {
    expect(await answerWith(peer("10.0.0.2", "vrf-1", "Active")).prober.probe(session)).toEqual({
      word: "ACTIVE",
      published: "ACTIVE",
      verdict: "bad",
      reason: "The BGP session of mx-1 with 10.0.0.2 in vrf-1 is ACTIVE",
    });
    expect(await answerWith().prober.probe(session)).toMatchObject({ word: "DOWN", published: "DOWN", verdict: "bad" });
  });
});

describe("resource_status", () => {
  it.each([
    ["good", { word: "ACTIVE", published: "UP", verdict: "good" }],
    ["bad", { word: "DOWN", published: "DOWN", verdict: "bad", reason: "ha_router r1 is not up" }],
    ["unavailable", unavailable("ha_router r1")],
    [undefined, unavailable("ha_router r1 is not monitored yet")],
  ] as const)("takes over that the other resource is %s", async (verdict, status) => {
    const statusOf = (type: string, id: string) => (type === "ha_router" && id === "r1" ? verdict : "good");
    const { prober } = setUp({ statusOf });
    expect(await prober.probe(target("resource_status", { type: "ha_router", id: "r1" }))).toEqual(status);
  });
});

describe("contrail_uve", () => {
  const network = (fq_name: unknown) => target("contrail_uve", { kind: "virtual-network", fq_name });
  const withView = (uve: Controller["uve"]) => setUp({ controller: fakeController(uve) }).prober;

  it("is ACTIVE while analytics knows the object, named as text or as a list", async () => {
    const asked: unknown[] = [];
    const prober = withView(async (kind, fqName) => {
      asked.push([kind, fqName]);
      return {};
    });
    expect((await prober.probe(network("default-domain:admin:blue"))).verdict).toBe("good");
    expect((await prober.probe(network(["default-domain", "admin", "a:b"]))).verdict).toBe("good");
    expect(asked).toEqual([
      ["virtual-network", ["default-domain", "admin", "blue"]],
      ["virtual-network", ["default-domain", "admin", "a:b"]],
    ]);
  });

  it("is DOWN when analytics does not know it, unavailable when analytics does not answer", async () => {
    expect(await withView(async () => undefined).probe(network("a:b"))).toMatchObject({ word: "DOWN", verdict: "bad" });
    const silent = withView(async () => {
      throw new SignalboxError("SB_CONTROLLER_UNREACHABLE", "no answer");
    });
    expect(await silent.probe(network("a:b"))).toEqual(unavailable("SB_CONTROLLER_UNREACHABLE"));
  });
});

describe("what cannot be asked", () => {
  it.each([
    ["a kind that nobody knows", target("telepathy", {}), "unknown kind telepathy"],
    ["a setting that is missing", target("snmp_uptime", { device: "mx-1" }), "community"],
    ["a port that is none", target("bgp_session", { ...login, port: "http", peer: "p", instance: "i" }), "port"],
    ["a name with a hole", target("contrail_uve", { kind: "virtual-network", fq_name: "a::b" }), "fq_name"],
  ])("is unavailable: %s", async (_, asked, reason) => {
    expect(await setUp().prober.probe(asked)).toEqual(unavailable(reason));
  });

  it("is unavailable after the prober was closed, also in the middle of a probe", async () => {
    const { clock, snmp, prober } = setUp();
    snmp.values.set(UPTIME, 100);
    const router = target("snmp_uptime", { device: "mx-1", community: "C" });
    const underWay = prober.probe(router);
    await settle();
    await prober.close();
    expect(await underWay).toEqual(unavailable("SB_NOT_READY"));
    expect(await prober.probe(router)).toEqual(unavailable("SB_NOT_READY"));
    expect(clock.pending()).toBe(0);
  });
});

describe("a device that cannot be asked whatever it does", () => {
  it("fails the waiting at once, with the error as it is", async () => {
    const { snmp, prober, clock } = setUp();
    const notThere = new SignalboxError("SB_DEVICE_NOT_IN_LAB", "the lab has no SNMP agent mx-9", { device: "mx-9" });
    snmp.error = notThere;
    const targets = [target("snmp_uptime", { device: "mx-9", community: "EDGE_ROUTER_COMMUNITY" })];
    await expect(awaitTargets(targets, { prober, clock })).rejects.toBe(notThere);
    expect(clock.pending()).toBe(0);
  });
});
