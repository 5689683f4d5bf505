import { describe, expect, it } from "vitest";
import { effectiveConfiguration } from "../../../../src/lab/junos/apply-groups.ts";
import { emptyConfiguration } from "../../../../src/lab/junos/config-node.ts";
import { LabNetwork, type NetworkMember } from "../../../../src/lab/junos/lab-network.ts";
import { applySet } from "../../../../src/lab/junos/set-lines.ts";

interface Router extends NetworkMember {
  readonly broken: Set<string>;
  readonly flipped: Set<string>;
}

function router(name: string, lines: readonly string[]): Router {
  const tree = effectiveConfiguration(applySet(emptyConfiguration, lines.join("\n")).tree);
  const broken = new Set<string>();
  const flipped = new Set<string>();
  return {
    name,
    broken,
    flipped,
    effective: () => tree,
    isBroken: (each) => broken.has(each),
    isFlipped: (group) => flipped.has(group),
  };
}

function network(...routers: Router[]): LabNetwork {
  const lab = new LabNetwork();
  for (const each of routers) lab.join(each);
  return lab;
}

const vrrp = (address: string, priority: number, ...more: string[]) => [
  "set interfaces ge-0/0/1 unit 7 vlan-id 7",
  "set interfaces ae0 unit 5 vlan-id 1025",
  `set interfaces ae0 unit 5 family inet address ${address}/24 vrrp-group 20 virtual-address 172.16.101.151`,
  `set interfaces ae0 unit 5 family inet address ${address}/24 vrrp-group 20 priority ${priority}`,
  ...more.map((line) => `set interfaces ae0 unit 5 family inet address ${address}/24 vrrp-group 20 ${line}`),
];
const states = (lab: LabNetwork, ...routers: Router[]) =>
  routers.map((each) =>
    lab
      .vrrp(each)
      .map(({ state }) => state)
      .join(),
  );

describe("VRRP follows from what is configured on both routers", () => {
  it("the higher priority is master, the other backup", () => {
    const [one, two] = [router("MX-1", vrrp("172.16.101.153", 100)), router("MX-2", vrrp("172.16.101.152", 105))];
    expect(states(network(one, two), one, two)).toEqual(["backup", "master"]);
    expect(states(network(one), one)).toEqual(["master"]);
  });

  it("of equal priorities the higher address wins", () => {
    const [one, two] = [router("MX-1", vrrp("172.16.101.153", 100)), router("MX-2", vrrp("172.16.101.152", 100))];
    expect(states(network(one, two), one, two)).toEqual(["master", "backup"]);
  });

  it("of equal priorities the one that was configured first stays master, also over a restart", () => {
    const [one, two] = [router("MX-1", vrrp("172.16.101.153", 100)), router("MX-2", vrrp("172.16.101.152", 100))];
    const lab = network(one, two);
    const since = [lab.configured(two), lab.configured(one)];
    expect(states(lab, one, two)).toEqual(["backup", "master"]);
    // Changing something else makes nobody younger.
    expect([lab.configured(two), lab.configured(one)]).toEqual(since);
    const restarted = new LabNetwork();
    restarted.join(one, since[1]);
    restarted.join(two, since[0]);
    expect(states(restarted, one, two)).toEqual(["backup", "master"]);
    two.broken.add("ae0");
    expect(states(restarted, one, two)).toEqual(["master", "init"]);
  });

  it("a router whose interface is down leaves the group to the other", () => {
    const [one, two] = [router("MX-1", vrrp("172.16.101.153", 100)), router("MX-2", vrrp("172.16.101.152", 105))];
    two.broken.add("ae0");
    expect(states(network(one, two), one, two)).toEqual(["master", "init"]);
  });

  it("a tracked interface that is down costs priority", () => {
    const track = "track interface ge-0/0/1.7 priority-cost 10";
    const [one, two] = [
      router("MX-1", vrrp("172.16.101.153", 100)),
      router("MX-2", vrrp("172.16.101.152", 105, track)),
    ];
    const lab = network(one, two);
    expect(states(lab, one, two)).toEqual(["backup", "master"]);
    two.broken.add("ge-0/0/1.7");
    expect(states(lab, one, two)).toEqual(["master", "backup"]);
    expect(lab.vrrp(two)[0]?.priority).toBe(95);
  });

  it("a flip exchanges the two", () => {
    const [one, two] = [router("MX-1", vrrp("172.16.101.153", 100)), router("MX-2", vrrp("172.16.101.152", 105))];
    one.flipped.add("20");
    expect(states(network(one, two), one, two)).toEqual(["master", "backup"]);
  });

  it("groups of different VLANs have nothing to do with each other", () => {
    const other = vrrp("172.16.101.152", 105).map((line) => line.replace("vlan-id 1025", "vlan-id 1026"));
    const [one, two] = [router("MX-1", vrrp("172.16.101.153", 100)), router("MX-2", other)];
    expect(states(network(one, two), one, two)).toEqual(["master", "master"]);
  });

  it("groups that come from a configuration group take part", () => {
    const lines = (last: number) => [
      `set groups G interfaces <*> unit <*> family inet address 169.254.1.${last}/17 vrrp-group 41 virtual-address 169.254.1.227`,
      "set interfaces ae0 unit 5 apply-groups G",
      "set interfaces ae0 unit 5 vlan-id 5",
    ];
    const [one, two] = [router("MX-1", lines(252)), router("MX-2", lines(251))];
    expect(states(network(one, two), one, two)).toEqual(["master", "backup"]);
  });
});

const bgp = (own: string, peer: string, options: { peerAs?: string; key?: string; type?: string } = {}) => {
  const group = "set routing-instances vrf protocols bgp group g";
  return [
    `set interfaces ae0 unit 5 family inet address ${own}/24`,
    "set routing-instances vrf interface ae0.5",
    "set routing-instances vrf routing-options autonomous-system 65101",
    `${group} type ${options.type ?? "internal"}`,
    `${group} local-address ${own}`,
    `${group} peer-as ${options.peerAs ?? "65101"}`,
    `${group} neighbor ${peer}`,
    ...(options.key === undefined ? [] : [`${group} neighbor ${peer} authentication-key ${options.key}`]),
  ];
};
const peers = (lab: LabNetwork, ...routers: Router[]) =>
  routers.map((each) =>
    lab
      .bgp(each)
      .map(({ state }) => state)
      .join(),
  );

describe("BGP follows from what is configured on both routers", () => {
  it("comes up between two that are configured for each other", () => {
    const [one, two] = [router("MX-1", bgp("10.0.0.3", "10.0.0.2")), router("MX-2", bgp("10.0.0.2", "10.0.0.3"))];
    expect(peers(network(one, two), one, two)).toEqual(["Established", "Established"]);
  });

  it("does not come up with one alone, another key or another AS", () => {
    const one = router("MX-1", bgp("10.0.0.3", "10.0.0.2"));
    expect(peers(network(one), one)).toEqual(["Active"]);
    const silent = router("MX-2", [
      "set interfaces ae0 unit 5 family inet address 10.0.0.2/24",
      "set routing-instances vrf interface ae0.5",
    ]);
    expect(peers(network(one, silent), one)).toEqual(["Active"]);
    const keyed = router("MX-2", bgp("10.0.0.2", "10.0.0.3", { key: "k" }));
    expect(peers(network(one, keyed), one, keyed)).toEqual(["Active", "Active"]);
    const foreign = router("MX-2", bgp("10.0.0.2", "10.0.0.3", { peerAs: "65102", type: "external" }));
    expect(peers(network(one, foreign), one, foreign)).toEqual(["Active", "Active"]);
  });

  it("an external peer outside the lab is well configured, while the interface is up", () => {
    const one = router("MX-1", bgp("192.168.8.6", "192.168.8.5", { peerAs: "9598", type: "external" }));
    const lab = network(one);
    expect(lab.bgp(one)).toEqual([
      {
        instance: "vrf",
        group: "g",
        peer: "192.168.8.5",
        peerAs: "9598",
        localAddress: "192.168.8.6",
        localAs: "65101",
        type: "External",
        state: "Established",
      },
    ]);
    one.broken.add("ae0.5");
    expect(peers(lab, one)).toEqual(["Idle"]);
  });

  it("is idle without the local address, and finds it by the peer's subnet when none is configured", () => {
    const lines = bgp("192.168.8.6", "192.168.8.5", { peerAs: "9598", type: "external" });
    const moved = router(
      "MX-1",
      lines.map((line) => line.replace("address 192.168.8.6/24", "address 192.168.9.6/24")),
    );
    expect(peers(network(moved), moved)).toEqual(["Idle"]);
    const unnamed = router(
      "MX-1",
      lines.filter((line) => !line.includes("local-address")),
    );
    expect(peers(network(unnamed), unnamed)).toEqual(["Established"]);
  });

  it("the same addresses in another instance are somebody else's", () => {
    const one = router("MX-1", bgp("10.0.0.3", "10.0.0.2"));
    const two = router(
      "MX-2",
      bgp("10.0.0.2", "10.0.0.3").map((line) => line.replaceAll("routing-instances vrf", "routing-instances other")),
    );
    expect(peers(network(one, two), one, two)).toEqual(["Active", "Active"]);
  });
});

describe("interfaces", () => {
  it("a bundle is up while one of its links is", () => {
    const one = router("MX-1", [
      "set interfaces ge-0/0/0 gigether-options 802.3ad ae0",
      "set interfaces ge-0/0/2 gigether-options 802.3ad ae0",
      "set interfaces ae0 unit 5 vlan-id 5",
      "set interfaces ge-0/0/3 disable",
    ]);
    const lab = network(one);
    const up = () => Object.fromEntries(lab.interfaces(one).map(({ name, up }) => [name, up]));
    one.broken.add("ge-0/0/0");
    expect(up()).toEqual({ "ge-0/0/0": false, "ge-0/0/2": true, ae0: true, "ae0.5": true, "ge-0/0/3": false });
    one.broken.add("ge-0/0/2");
    expect(up()).toMatchObject({ ae0: false, "ae0.5": false });
  });
});

describe("what routers see of each other", () => {
  it("is worked out again when one of them has changed, and only then", () => {
    const [one, two] = [router("MX-1", vrrp("172.16.101.153", 100)), router("MX-2", vrrp("172.16.101.152", 105))];
    const revisions = { one: 0, two: 0 };
    const watched = [
      {
        ...one,
        get revision() {
          return revisions.one;
        },
      },
      {
        ...two,
        get revision() {
          return revisions.two;
        },
      },
    ] as const;
    const lab = network(...watched);
    const before = lab.vrrp(watched[0]);
    expect(before.map(({ state }) => state)).toEqual(["backup"]);
    expect(lab.vrrp(watched[0])).toBe(before);
    two.broken.add("ae0");
    revisions.two += 1;
    expect(lab.vrrp(watched[0]).map(({ state }) => state)).toEqual(["master"]);
    lab.leave(watched[1]);
    // Another router of that name, at the same revision.
    lab.join({ ...router("MX-2", vrrp("172.16.101.152", 105)), revision: revisions.two });
    expect(lab.vrrp(watched[0]).map(({ state }) => state)).toEqual(["backup"]);
  });
});
