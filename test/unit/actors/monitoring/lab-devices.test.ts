import { afterEach, describe, expect, it } from "vitest";
import { awaitTargets } from "../../../../src/actors/monitoring/await-targets.ts";
import { Prober } from "../../../../src/actors/monitoring/prober.ts";
import { ContrailAdapter } from "../../../../src/adapters/contrail/contrail-adapter.ts";
import { NetconfConnector } from "../../../../src/adapters/netconf/connector.ts";
import { sealing } from "../../../../src/adapters/secrets/sealing.ts";
import { SnmpAdapter } from "../../../../src/adapters/snmp/snmp-adapter.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import { startLabAgent } from "../../../../src/lab/agents/lab-agent.ts";
import { startLabController } from "../../../../src/lab/contrail/lab-controller.ts";
import { LabNetwork } from "../../../../src/lab/junos/lab-network.ts";
import { type LabRouter, startLabRouter } from "../../../../src/lab/junos/lab-router.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { target } from "./fakes.ts";

const cleanups: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const base = (address: string, peer: string, priority: number) => `
set interfaces ae0 unit 1025 vlan-id 1025
set interfaces ae0 unit 1025 family inet address ${address}/24 vrrp-group 20 virtual-address 172.16.101.151
set interfaces ae0 unit 1025 family inet address ${address}/24 vrrp-group 20 priority ${priority}
set routing-instances vrf-1 instance-type vrf
set routing-instances vrf-1 interface ae0.1025
set routing-instances vrf-1 routing-options autonomous-system 65101
set routing-instances vrf-1 protocols bgp group g type internal
set routing-instances vrf-1 protocols bgp group g local-address ${address}
set routing-instances vrf-1 protocols bgp group g neighbor ${peer}
set firewall family inet filter INET_IN term a then count vrf-1_IN
`;

/** A pair of routers, the SNMP agent of the first, and a controller, all on this machine. */
async function lab() {
  const secrets = sealing(new Uint8Array(32).fill(3));
  const network = new LabNetwork();
  const router = async (name: string, lines: string): Promise<LabRouter> => {
    const started = await startLabRouter({
      name,
      base: lines,
      network,
      users: [{ user: "lab", password: "lab-secret" }],
    });
    cleanups.push(() => started.stop());
    return started;
  };
  const one = await router("MX-1", base("172.16.101.152", "172.16.101.153", 105));
  const two = await router("MX-2", base("172.16.101.153", "172.16.101.152", 100));
  const routers = new Map([one, two].map((each) => [each.name, each]));
  const agent = await startLabAgent({ name: "MX-1", community: "lab", interfaces: () => one.interfaces() });
  cleanups.push(() => agent.close());
  const controller = await startLabController();
  cleanups.push(() => controller.close());

  const snmp = new SnmpAdapter({
    addressBook: () => ({ host: "127.0.0.1", port: agent.port }),
    communities: { EDGE_ROUTER_COMMUNITY: { version: "2c", community: "lab" } },
    timeoutMs: 200,
    retries: 0,
    logger: silentLogger,
  });
  cleanups.push(() => snmp.close());
  const contrail = new ContrailAdapter({ apiUrl: controller.url, analyticsUrl: controller.url, logger: silentLogger });
  const prober = new Prober({
    snmp,
    connector: new NetconfConnector({
      addressBook: ({ host, port }) => ({ host: "127.0.0.1", port: routers.get(host)?.port ?? port }),
      hostKeys: { mode: "insecure" },
      logger: silentLogger,
    }),
    controller: contrail,
    secrets,
    clock: systemClock,
    logger: silentLogger,
    statusOf: () => "good",
  });
  cleanups.push(() => prober.close());

  const login = (host: string) => ({
    host,
    port: 830,
    username: "lab",
    password: secrets.seal("lab-secret", "router/1/password"),
  });
  const agentOf = { device: "MX-1", community: "EDGE_ROUTER_COMMUNITY" };
  const vrrp = (host: string, want: string) =>
    target("vrrp_session", { ...login(host), interface: "ae0.1025", group: 20, want }, `vrrp ${host}`);
  const targets = [
    target("snmp_uptime", agentOf, "router"),
    target("snmp_interface", { ...agentOf, interface: "ae0.1025" }, "port"),
    vrrp("MX-1", "master"),
    vrrp("MX-2", "backup"),
    target("bgp_session", { ...login("MX-1"), peer: "172.16.101.153", instance: "vrf-1" }, "bgp"),
    target("igs_counter", { ...login("MX-1"), filter: "INET_IN", counter: "vrf-1_IN" }, "counter"),
    target("contrail_uve", { kind: "virtual-network", fq_name: "default-domain:admin:blue" }, "network"),
  ];
  const makeNetwork = () =>
    contrail.ensure({
      kind: "virtual-network",
      fqName: ["default-domain", "admin", "blue"],
      data: {},
      owner: { type: "network", id: "n1" },
    });
  const words = async () => {
    const answers = await Promise.all(targets.map(async (each) => [each.name, await prober.probe(each)] as const));
    return Object.fromEntries(answers.map(([name, { word, verdict }]) => [name, `${word} ${verdict}`]));
  };
  return { one, two, agent, prober, targets, makeNetwork, words };
}

const allWell = {
  router: "ACTIVE good",
  port: "ACTIVE good",
  "vrrp MX-1": "master good",
  "vrrp MX-2": "backup good",
  bgp: "ESTABLISHED good",
  counter: "ACTIVE good",
  network: "ACTIVE good",
};

describe("the prober with devices of the lab", () => {
  it("sees what is well, what breaks, what cannot be asked, and that it is well again", async () => {
    const { one, agent, makeNetwork, words } = await lab();
    expect((await words()).network).toBe("DOWN bad");
    await makeNetwork();
    expect(await words()).toEqual(allWell);

    one.setFault({ kind: "interfaceDown", interface: "ae0" });
    expect(await words()).toEqual({
      ...allWell,
      port: "DOWN bad",
      "vrrp MX-1": "init bad",
      "vrrp MX-2": "master bad",
      bgp: "IDLE bad",
    });
    one.clearFault();

    agent.silent = true;
    one.setFault({ kind: "refuse", cut: true });
    await one.faultsApplied();
    const gone = "MONITORING_UNAVAILABLE unavailable";
    expect(await words()).toEqual({
      ...allWell,
      router: gone,
      port: gone,
      "vrrp MX-1": gone,
      bgp: gone,
      counter: gone,
    });

    agent.heal();
    one.clearFault();
    await one.faultsApplied();
    expect((await words()).router).toBe("ACTIVE good");
  });

  it("waits until all are good, with one session per router", async () => {
    const { one, two, prober, targets, makeNetwork } = await lab();
    const result = await awaitTargets(targets, {
      prober,
      clock: systemClock,
      onProgress: ({ network }) => {
        if (network?.verdict === "bad") void makeNetwork();
      },
    });
    expect(result.statuses).toMatchObject({ network: { verdict: "good" } });
    expect(result.allGood).toBe(true);
    expect([one.statistics().sessionsOpened, two.statistics().sessionsOpened]).toEqual([1, 1]);
  });

  it("comes back by itself to a router that was away", async () => {
    const { one, prober, targets } = await lab();
    const [vrrp] = targets.filter(({ name }) => name === "vrrp MX-1");
    if (vrrp === undefined) throw new Error("no such target");
    expect((await prober.probe(vrrp)).verdict).toBe("good");
    one.setFault({ kind: "refuse", cut: true });
    await one.faultsApplied();
    const seen: string[] = [];
    const { allGood } = await awaitTargets([vrrp], {
      prober,
      clock: systemClock,
      onProgress: (statuses) => {
        seen.push(statuses[vrrp.name]?.verdict ?? "");
        one.clearFault();
      },
    });
    expect(allGood).toBe(true);
    expect(seen[0]).toBe("unavailable");
  });
});
