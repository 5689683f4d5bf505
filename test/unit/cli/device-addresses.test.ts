import { describe, expect, it } from "vitest";
import { SnmpProbes } from "../../../src/actors/monitoring/snmp-probes.ts";
import { NetconfConnector } from "../../../src/adapters/netconf/connector.ts";
import { SnmpAdapter } from "../../../src/adapters/snmp/snmp-adapter.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { agentAddresses, routerAddresses } from "../../../src/cli/device-addresses.ts";
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
const stranger = { host: "203.0.113.9", port: 830 };

describe("with a lab", () => {
  it("reaches the lab's devices and those of the address book", () => {
    const routers = routerAddresses(lab, book);
    expect(routers({ host: "10.79.5.184", port: 830 })).toEqual({ host: "127.0.0.1", port: 10 });
    expect(routers({ host: "10.0.0.1", port: 22 })).toEqual({ host: "127.0.0.1", port: 20 });
    const agents = agentAddresses(lab, book);
    expect(agents("MX-1")).toEqual({ host: "127.0.0.1", port: 11 });
    expect(agents("10.0.0.1")).toEqual({ host: "127.0.0.1", port: 20 });
  });

  it("refuses any other device before anything is sent, and says how to give the lab one", async () => {
    const connector = new NetconfConnector({
      addressBook: routerAddresses(lab, book),
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
      addressBook: agentAddresses(lab, book),
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
  it("reaches a device at its own address, or where the address book says", () => {
    for (const known of [undefined, book, {}]) {
      expect(routerAddresses(undefined, known)(stranger)).toBeUndefined();
      expect(agentAddresses(undefined, known)("203.0.113.9")).toEqual({ host: "203.0.113.9", port: 161 });
      expect(agentAddresses(undefined, known)("constructor")).toEqual({ host: "constructor", port: 161 });
    }
    expect(routerAddresses(undefined, book)({ host: "10.0.0.1", port: 830 })).toEqual({ host: "127.0.0.1", port: 20 });
    expect(agentAddresses(undefined, book)("10.0.0.1")).toEqual({ host: "127.0.0.1", port: 20 });
  });
});
