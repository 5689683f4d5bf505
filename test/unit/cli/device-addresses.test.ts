import { describe, expect, it } from "vitest";
import { SnmpProbes } from "../../../src/actors/monitoring/snmp-probes.ts";
import { NetconfConnector } from "../../../src/adapters/netconf/connector.ts";
import { SnmpAdapter } from "../../../src/adapters/snmp/snmp-adapter.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { DeviceNetworks } from "../../../src/catalogue/device-networks.ts";
import { addressRefusal, agentAddresses, routerAddresses } from "../../../src/cli/device-addresses.ts";
import { addressBookOf } from "../../../src/lab/address-book.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const lab = addressBookOf([
  {
    name: "MX-1",
    address: "10.79.5.184",
    netconf: { host: "127.0.0.1", port: 10 },
    snmp: { host: "127.0.0.1", port: 11 },
  },
  { name: "MX-2", address: "10.79.5.185", netconf: { host: "127.0.0.1", port: 12 } },
  { name: "QFX-NW02", address: "10.161.0.34", snmp: { host: "127.0.0.1", port: 13 } },
]);
const book = { "10.0.0.1": { host: "127.0.0.1", port: 20 } };
const labReach = { lab, book, networks: new DeviceNetworks() };
const stranger = { host: "203.0.113.9", port: 830 };

describe("with a lab", () => {
  it("reaches the lab's devices and those of the address book", async () => {
    const routers = routerAddresses(labReach);
    expect(await routers({ host: "10.79.5.184", port: 830 })).toEqual({ host: "127.0.0.1", port: 10 });
    expect(await routers({ host: "10.0.0.1", port: 22 })).toEqual({ host: "127.0.0.1", port: 20 });
    const agents = agentAddresses(labReach);
    expect(await agents("MX-1")).toEqual({ host: "127.0.0.1", port: 11 });
    expect(await agents("10.0.0.1")).toEqual({ host: "127.0.0.1", port: 20 });
  });

  it("refuses any other device before anything is sent, and says how to give the lab one", async () => {
    const connector = new NetconfConnector({
      addressBook: routerAddresses(labReach),
      hostKeys: { mode: "insecure" },
      logger: silentLogger,
    });
    const refusal = await connector
      .connect({ ...stranger, username: "a", password: "b" })
      .then(() => undefined)
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: "SB_DEVICE_NOT_IN_LAB",
      message: "the lab has no router 203.0.113.9",
      device: "203.0.113.9",
      transient: false,
      advice:
        "The lab has MX-1 (10.79.5.184), MX-2 (10.79.5.185). To give it another one, let a server play the device and say " +
        "under address_book.netconf in the configuration file where 203.0.113.9 listens and its host key under " +
        "netconf.host_keys; without --lab the real 203.0.113.9 is contacted.",
    });
    const snmp = new SnmpAdapter({
      addressBook: agentAddresses(labReach),
      communities: { C: { version: "2c", community: "x" } },
      logger: silentLogger,
    });
    const probes = new SnmpProbes({ snmp, clock: systemClock, uptimeGapMs: 1, stopping: new AbortController().signal });
    const target = {
      name: "t",
      kind: "snmp_uptime",
      settings: { device: "203.0.113.9", community: "C" },
      publish: true,
    };
    await expect(probes.uptime(target)).rejects.toMatchObject({
      code: "SB_DEVICE_NOT_IN_LAB",
      message: "the lab has no SNMP agent 203.0.113.9",
      advice: expect.stringContaining("QFX-NW02 (10.161.0.34)"),
    });
    await snmp.close();
  });
});

describe("without a lab", () => {
  const networks = new DeviceNetworks();
  const names = new Map([
    ["mx.example", ["203.0.113.9"]],
    ["both.example", ["203.0.113.9", "127.0.0.1"]],
  ]);
  const resolve = async (name: string) => names.get(name) ?? [];
  const reach = (known?: typeof book, allowed = networks) => ({
    lab: undefined,
    book: known,
    networks: allowed,
    resolve,
  });

  it("reaches a device at its own address, or where the address book says", async () => {
    for (const known of [undefined, book]) {
      expect(await routerAddresses(reach(known))(stranger)).toEqual(stranger);
      expect(await agentAddresses(reach(known))("203.0.113.9")).toEqual({ host: "203.0.113.9", port: 161 });
      await expect(agentAddresses(reach(known))("constructor")).rejects.toMatchObject({
        code: "SB_DEVICE_UNREACHABLE",
      });
    }
    expect(await routerAddresses(reach(book))({ host: "10.0.0.1", port: 830 })).toEqual({
      host: "127.0.0.1",
      port: 20,
    });
    expect(await agentAddresses(reach(book))("10.0.0.1")).toEqual({ host: "127.0.0.1", port: 20 });
  });

  it("a name is resolved once, and every address of it looked at", async () => {
    expect(await routerAddresses(reach())({ host: "mx.example", port: 830 })).toEqual(stranger);
    const refused = routerAddresses(reach())({ host: "both.example", port: 830 });
    await expect(refused).rejects.toMatchObject({
      code: "SB_DEVICE_ADDRESS",
      message: "both.example (127.0.0.1) is not contacted as a device: it is a loopback address",
      device: "both.example",
      transient: false,
    });
  });

  it.each(["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "224.0.0.1"])(
    "never contacts %s",
    async (host) => {
      await expect(routerAddresses(reach())({ host, port: 830 })).rejects.toMatchObject({ code: "SB_DEVICE_ADDRESS" });
      await expect(agentAddresses(reach())(host)).rejects.toMatchObject({ code: "SB_DEVICE_ADDRESS" });
    },
  );

  // What the resolver of the system makes of numbers that are no dotted quads.
  it.each(["localhost", "127.1", "2130706433", "0x7f000001"])(
    "nor %s, which is the loopback by another name",
    async (host) => {
      const { resolve: _given, ...system } = reach();
      await expect(routerAddresses(system)({ host, port: 830 })).rejects.toMatchObject({ code: "SB_DEVICE_ADDRESS" });
    },
  );

  it("contacts nothing outside the networks that are named", async () => {
    const named = reach(book, new DeviceNetworks(["203.0.113.0/29"]));
    await expect(routerAddresses(named)(stranger)).rejects.toMatchObject({
      message: expect.stringContaining("devices.allowed_networks"),
    });
    expect(await routerAddresses(named)({ host: "203.0.113.7", port: 830 })).toEqual({
      host: "203.0.113.7",
      port: 830,
    });
  });
});

describe("the address that a resource is given for its device", () => {
  const networks = new DeviceNetworks(["203.0.113.0/24"]);
  it("may be one of the lab or the address book, or of the networks", () => {
    const refusal = addressRefusal({ lab, book, networks }, { "10.0.0.2": { host: "127.0.0.1", port: 161 } });
    for (const taken of ["10.79.5.184", "10.0.0.1", "10.0.0.2", "203.0.113.9"]) expect(refusal(taken)).toBeUndefined();
    expect(refusal("10.0.0.3")).toBe("is in none of devices.allowed_networks");
    expect(refusal("127.0.0.1")).toBe("is a loopback address");
  });
});
