import { describe, expect, it } from "vitest";
import { Prober } from "../../../../src/actors/monitoring/prober.ts";
import { plainSecrets } from "../../../../src/adapters/secrets/sealing.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { parseXml } from "../../../../src/xml/element.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { FakeConnector, FakeSnmp, fakeController, target } from "./fakes.ts";

const login = { host: "mx-1", port: 830, username: "lab", password: "secret" };

/** What comes of a target when the router answers its question so: an answer's content, or the text of an rpc-error. */
async function probe(kind: string, settings: object, answer: string | SignalboxError) {
  const connector = new FakeConnector();
  connector.answer = () => {
    if (typeof answer !== "string") throw answer;
    return parseXml(`<rpc-reply xmlns:junos="http://xml.juniper.net/junos/16.1R1/junos">${answer}</rpc-reply>`);
  };
  const prober = new Prober({
    snmp: new FakeSnmp(),
    connector,
    controller: fakeController(async () => undefined),
    secrets: plainSecrets,
    clock: new VirtualClock(),
    logger: silentLogger,
    statusOf: () => undefined,
  });
  const { word, verdict } = await prober.probe(target(kind, { ...login, ...settings }));
  return [verdict, word];
}

/** Both routing engines' answers, as `multi-routing-engine-results` holds them. */
const engines = (...answers: string[]) =>
  `<multi-routing-engine-results>${answers
    .map((answer, at) => `<multi-routing-engine-item><re-name>re${at}</re-name>${answer}</multi-routing-engine-item>`)
    .join("")}</multi-routing-engine-results>`;
const rpcError = (message: string) => new SignalboxError("SB_RPC_FAILED", `mx-1 answers with an error: ${message}`);

describe("a BGP session by get-bgp-neighbor-information", () => {
  const peer = (address: string, state: string | undefined, instance: string | undefined = "vrf-1") => `
    <bgp-peer junos:style="detail">
      <peer-address>${address}</peer-address><peer-as>65001</peer-as>
      <local-address>192.0.2.1+50214</local-address><local-as>65101</local-as><peer-group>CloudGW1</peer-group>
      ${instance === "" ? "" : `<peer-cfg-rti>${instance}</peer-cfg-rti><peer-fwd-rti>${instance}</peer-fwd-rti>`}
      <peer-type>External</peer-type>${state === undefined ? "" : `<peer-state>${state}</peer-state>`}
      <bgp-error><name>Hold Timer Expired Error</name><send-count>1</send-count></bgp-error>
    </bgp-peer>`;
  const bgp = (...peers: string[]) =>
    `<bgp-information xmlns="http://xml.juniper.net/junos/16.1R1/junos-routing">${peers.join("")}</bgp-information>`;
  const up = ["good", "ESTABLISHED"];
  const bad = (word: string) => ["bad", word];

  it.each<[string, string | SignalboxError, string[]]>([
    ["up", bgp(peer("192.0.2.2+179", "Established")), up],
    ["up, on another port than 179", bgp(peer("192.0.2.2+50311", "Established")), up],
    [
      "listed twice, the one that is up behind",
      bgp(peer("192.0.2.2", "Active"), peer("192.0.2.2+179", "Established")),
      up,
    ],
    [
      "listed twice, the one that is up in front",
      bgp(peer("192.0.2.2+179", "Established"), peer("192.0.2.2", "Idle")),
      up,
    ],
    [
      "listed twice, up in no entry",
      bgp(peer("192.0.2.2", "Idle"), peer("192.0.2.2+179", "OpenConfirm")),
      bad("OPENCONFIRM"),
    ],
    [
      "up in another instance only",
      bgp(peer("192.0.2.2", "Idle"), peer("192.0.2.2+179", "Established", "vrf-2")),
      bad("IDLE"),
    ],
    ["in another instance only", bgp(peer("192.0.2.2+179", "Established", "vrf-10")), bad("DOWN")],
    ["up, of a release that does not name the instance", bgp(peer("192.0.2.2+179", "Established", "")), up],
    [
      "not up, beside one of no named instance",
      bgp(peer("192.0.2.2+179", "Established", ""), peer("192.0.2.2", "Connect")),
      bad("CONNECT"),
    ],
    ["not up, with a state and spaces", bgp(peer("192.0.2.2\n", "\n Active\n")), bad("ACTIVE")],
    ["listed without a state", bgp(peer("192.0.2.2", undefined)), bad("UNKNOWN")],
    ["another one whose address begins alike", bgp(peer("192.0.2.20+179", "Established")), bad("DOWN")],
    [
      "up on the engine that runs the protocol",
      engines(bgp(peer("192.0.2.2", "Idle")), bgp(peer("192.0.2.2+179", "Established"))),
      up,
    ],
    [
      "of no engine",
      engines("<output>BGP is not running</output>", "<output>BGP is not running</output>"),
      bad("DOWN"),
    ],
    ["not there", bgp(), bad("DOWN")],
    ["not there, since BGP does not run", "<output>BGP is not running</output>", bad("DOWN")],
    ["not there, since the instance is not", rpcError("instance not found: vrf-1"), bad("DOWN")],
    ["not to be asked for", rpcError("permission denied"), ["unavailable", "MONITORING_UNAVAILABLE"]],
  ])("%s", async (_what, answer, expected) => {
    expect(await probe("bgp_session", { peer: "192.0.2.2", instance: "vrf-1" }, answer)).toEqual(expected);
  });

  it.each([
    ["2001:DB8:0:0::2", "2001:db8::2+179"],
    ["2001:db8::2", "2001:0db8:0000:0000:0000:0000:0000:0002"],
    ["fe80::1", "fe80::1%ge-0/0/1.0+179"],
    ["fe80::1%ge-0/0/1.0", "fe80::1%ge-0/0/1.0"],
  ])("of the IPv6 peer %s, which the router calls %s", async (asked, listed) => {
    expect(await probe("bgp_session", { peer: asked, instance: "vrf-1" }, bgp(peer(listed, "Established")))).toEqual(
      up,
    );
  });

  it("of a link-local peer is not that of another interface", async () => {
    const answer = bgp(peer("fe80::1%ge-0/0/2.0", "Established"));
    expect(await probe("bgp_session", { peer: "fe80::1%ge-0/0/1.0", instance: "vrf-1" }, answer)).toEqual(bad("DOWN"));
  });
});

describe("a VRRP group by get-vrrp-information", () => {
  const entry = (
    state: string | undefined,
    { port = "ae0.1025", group = "20", local = "192.0.2.2", vip = "192.0.2.1" } = {},
  ) => `
    <vrrp-interface>
      <interface>${port}</interface><interface-state>up</interface-state><group>${group}</group>
      ${state === undefined ? "" : `<vrrp-state>${state}</vrrp-state>`}<vrrp-mode>Active</vrrp-mode>
      <timer-name>A</timer-name><timer-value>0.530</timer-value>
      <virtual-mac-address>00:00:5e:00:01:14</virtual-mac-address>
      <local-interface-address>${local}</local-interface-address><virtual-ip-address>${vip}</virtual-ip-address>
    </vrrp-interface>`;
  const v6 = { local: "fe80::1", vip: "2001:db8::1" };
  const vrrp = (...entries: string[]) =>
    `<vrrp-information xmlns="http://xml.juniper.net/junos/16.1R1/junos-vrrp" junos:style="summary">${entries.join("")}</vrrp-information>`;
  const good = ["good", "master"];
  const bad = (word: string) => ["bad", word];

  it.each<[string, string | SignalboxError, string[]]>([
    ["as wanted", vrrp(entry("master")), good],
    [
      "as wanted, in capitals and with line ends",
      vrrp(entry("\nMaster\n", { port: "ae0.1025\n", group: "\n20" })),
      good,
    ],
    ["otherwise", vrrp(entry("backup")), bad("backup")],
    ["coming up", vrrp(entry("bringup")), bad("bringup")],
    ["on its way", vrrp(entry("transition")), bad("transition")],
    ["down with its interface", vrrp(entry("init")), bad("init")],
    ["in no state that is told", vrrp(entry(undefined)), bad("unknown")],
    [
      "beside one of the same number on another interface",
      vrrp(entry("backup", { port: "ae1.1025" }), entry("master")),
      good,
    ],
    [
      "beside another one of its interface",
      vrrp(entry("backup", { group: "2" }), entry("master"), entry("backup", { group: "200" })),
      good,
    ],
    ["beside one of the same number for IPv6", vrrp(entry("master"), entry("backup", v6)), good],
    ["bad beside a good one of the same number for IPv6", vrrp(entry("master", v6), entry("backup")), bad("backup")],
    ["there for IPv6 only", vrrp(entry("master", v6)), good],
    ["twice, in one state", vrrp(entry("master"), entry("master")), good],
    ["twice, in two states", vrrp(entry("master"), entry("backup")), bad("backup")],
    ["idle on the other routing engine", engines(vrrp(entry("init")), vrrp(entry("master"))), good],
    [
      "unknown to the other routing engine",
      engines("<output>vrrp subsystem not running</output>", vrrp(entry("master"))),
      good,
    ],
    ["not there", vrrp(), bad("DOWN")],
    [
      "not there, since nothing configures VRRP",
      rpcError("vrrp subsystem not running - not needed by configuration."),
      bad("DOWN"),
    ],
    ["not to be asked for", rpcError("permission denied"), ["unavailable", "MONITORING_UNAVAILABLE"]],
  ])("%s", async (_what, answer, expected) => {
    const settings = { interface: "ae0.1025", group: 20, want: "master" };
    expect(await probe("vrrp_session", settings, answer)).toEqual(expected);
  });
});

describe("a counter by get-firewall-counter-information", () => {
  const counter = (name: string, bytes: string | undefined) =>
    `<counter><counter-name>${name}</counter-name><packet-count>1</packet-count>${bytes === undefined ? "" : `<byte-count>${bytes}</byte-count>`}</counter>`;
  const filter = (name: string, ...counters: string[]) =>
    `<firewall-information xmlns="http://xml.juniper.net/junos/16.1R1/junos-filter"><filter-information><filter-name>${name}</filter-name>${counters.join("")}</filter-information></firewall-information>`;
  const good = ["good", "ACTIVE"];
  const bad = ["bad", "DOWN"];

  it.each<[string, string | SignalboxError, string[]]>([
    ["counts", filter("INET_IN", counter("vrf_IN", "17")), good],
    ["counts beyond what a double holds", filter("INET_IN", counter("vrf_IN", "18446744073709551615")), good],
    ["has counted nothing yet", filter("INET_IN", counter("vrf_IN", "0")), good],
    ["of an interface's own filter", filter("INET_IN-ae0.1025-i", counter("vrf_IN-ae0.1025-i", "5")), good],
    ["of another one with a longer name", filter("INET_IN-2", counter("vrf_IN", "5")), bad],
    ["without a number", filter("INET_IN", counter("vrf_IN", "n/a")), bad],
    ["without bytes", filter("INET_IN", counter("vrf_IN", undefined)), bad],
    ["told by one of two routing engines", engines("<output/>", filter("INET_IN", counter("vrf_IN", "17"))), good],
    ["of a filter that is not there", rpcError("filter INET_IN not found"), bad],
    ["of nothing", "<firewall-information/>", bad],
    ["not to be asked for", rpcError("permission denied"), ["unavailable", "MONITORING_UNAVAILABLE"]],
  ])("%s", async (_what, answer, expected) => {
    expect(await probe("igs_counter", { filter: "INET_IN", counter: "vrf_IN" }, answer)).toEqual(expected);
  });
});
