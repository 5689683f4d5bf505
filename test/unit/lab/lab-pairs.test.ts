import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { RouterSession } from "../../../src/actors/ports.ts";
import { NetconfConnector } from "../../../src/adapters/netconf/connector.ts";
import { type Lab, type StartLabOptions, startLab } from "../../../src/lab/lab.ts";
import { labPairPlans } from "../../../src/lab/lab-devices.ts";
import { labOverview } from "../../../src/lab/lab-overview.ts";
import { element } from "../../../src/xml/element.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const cleanup: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function start(options: Partial<StartLabOptions> = {}): Promise<Lab> {
  const lab = await startLab({ timing: "instant", logger: silentLogger, ...options });
  cleanup.push(() => lab.stop());
  return lab;
}

async function login(lab: Lab, host: string): Promise<RouterSession> {
  const connector = new NetconfConnector({
    addressBook: (router) => lab.addressBook.netconf(router.host, router.port),
    hostKeys: { mode: "pin", fingerprints: lab.hostKeys },
    logger: silentLogger,
  });
  const session = await connector.connect({ host, port: 830, username: "lab", password: "any" });
  cleanup.push(() => session.close());
  return session;
}

/** A downlink unit with a VRRP group of its own priority. */
const vrrpUnit = (address: string, priority: string) =>
  element("configuration", [
    element("interfaces", [
      element("interface", [
        element("name", "ae0"),
        element("unit", [
          element("name", "700"),
          element("vlan-id", "700"),
          element("family", [
            element("inet", [
              element("address", [
                element("name", `${address}/24`),
                element("vrrp-group", [
                  element("name", "7"),
                  element("virtual-address", "172.16.7.1"),
                  element("priority", priority),
                ]),
              ]),
            ]),
          ]),
        ]),
      ]),
    ]),
  ]);

async function commit(session: RouterSession, configuration: ReturnType<typeof vrrpUnit>, tag: string): Promise<void> {
  await session.lock();
  await session.edit(configuration);
  await session.commitConfirmed({ timeoutS: 600, tag });
  await session.confirm(tag);
  await session.unlock();
}

describe("a lab of one pair", () => {
  it("is what it always was", async () => {
    const { routers, agents } = labOverview(await start());
    expect(routers.map(({ name, address, role }) => [name, address, role])).toEqual([
      ["MX-1", "10.79.5.184", "secondary"],
      ["MX-2", "10.79.5.185", "primary"],
    ]);
    expect(agents.map(({ name, address }) => [name, address])).toEqual([
      ["MX-1", "10.79.5.184"],
      ["MX-2", "10.79.5.185"],
      ["QFX-NW02", "10.161.0.34"],
    ]);
  });
});

describe("a lab of three pairs", () => {
  it("has devices with names, addresses, ports and base configurations of their own", async () => {
    const lab = await start({ pairs: 3 });
    const { routers, agents } = labOverview(lab);
    expect(routers.map(({ name, address, role, pair }) => [name, address, role, pair]).slice(2)).toEqual([
      ["MX-3", "10.79.6.184", "secondary", 2],
      ["MX-4", "10.79.6.185", "primary", 2],
      ["MX-5", "10.79.7.184", "secondary", 3],
      ["MX-6", "10.79.7.185", "primary", 3],
    ]);
    const ports = [...routers, ...agents].map(({ listens }) => listens.port);
    expect(new Set(ports).size).toBe(6 + 9);
    const configuration = lab.routers.get("MX-6")?.runningSet() ?? "";
    expect(configuration).toContain("set system host-name lab-mx-6\n");
    expect(configuration).toContain("set interfaces fxp0 unit 0 family inet address 10.79.7.185/24\n");
    expect(configuration).toContain("set interfaces lo0 unit 0 family inet address 10.255.2.2/32\n");
    expect(configuration).toContain("set groups VPNGW1-VRRP ");
    expect(configuration).not.toContain("10.79.5.");
    expect(lab.controller.interfacesOf("QFX-NW04")).toEqual([]);
    expect(lab.agents.has("QFX-NW04")).toBe(true);
  });

  it("elects a VRRP master in each pair by itself", async () => {
    const lab = await start({ pairs: 2 });
    const priorities = { "10.79.5.184": "100", "10.79.5.185": "105", "10.79.6.184": "50" };
    for (const [host, priority] of Object.entries(priorities)) {
      await commit(
        await login(lab, host),
        vrrpUnit(`172.16.7.${Object.keys(priorities).indexOf(host) + 2}`, priority),
        "t",
      );
    }
    const states = [...lab.routers.values()].map((router) => router.vrrp().map(({ state }) => state));
    expect(states).toEqual([["backup"], ["master"], ["master"], []]);
  });

  it("takes a base configuration of its own for a router that has one", async () => {
    const labConfig = await mkdtemp(join(tmpdir(), "lab-pairs-"));
    cleanup.push(() => rm(labConfig, { recursive: true }));
    for (const name of ["MX-1", "MX-2", "MX-3"]) {
      await writeFile(join(labConfig, `${name}.set`), `set system host-name ${name}x\n`);
    }
    const lab = await start({ pairs: 2, labConfig });
    const names = [...lab.routers.values()].map((router) => router.runningSet().trimEnd().split(" ").at(-1));
    expect(names).toEqual(["MX-1x", "MX-2x", "MX-3x", "lab-mx-4"]);
  });

  it("is refused with a number of pairs that cannot be", () => {
    for (const pairs of [0, -1, 1.5, 101, Number.NaN]) {
      expect(() => labPairPlans(pairs)).toThrowError(`a lab has 1 to 100 router pairs, not ${pairs}`);
    }
  });
});

describe("the ledger of a router", () => {
  it("has every commit with what it changed, also those that changed nothing and those that were taken back", async () => {
    const lab = await start();
    const session = await login(lab, "10.79.5.184");
    await commit(session, vrrpUnit("172.16.7.2", "100"), "first");
    await commit(session, vrrpUnit("172.16.7.2", "100"), "again");
    await session.lock();
    await session.edit(vrrpUnit("172.16.7.2", "90"));
    await session.commitConfirmed({ timeoutS: 600, tag: "back" });
    await session.revert("back");
    await session.unlock();
    const ledger = lab.routers.get("MX-1")?.commits() ?? [];
    const priority = "set interfaces ae0 unit 700 family inet address 172.16.7.2/24 vrrp-group 7 priority";
    const changing = ledger.filter(({ lines }) => lines.length > 0);
    expect(changing.map(({ log, lines }) => [log, lines.filter((line) => line.includes("priority"))])).toEqual([
      ["first", [`${priority} 100`]],
      ["back", [`${priority} 90`]],
      ["back revert", [`${priority} 100`]],
    ]);
    expect(ledger.filter(({ log }) => log.startsWith("again")).map(({ lines }) => lines)).toEqual([[], []]);
    expect(ledger.map(({ number }) => number)).toEqual(ledger.map((_, at) => at + 1));
  });
});
