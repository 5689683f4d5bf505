import { describe, expect, it } from "vitest";
import { DeviceNetworks } from "../../../src/catalogue/device-networks.ts";

describe("by default a device may be anywhere but where none can be", () => {
  const networks = new DeviceNetworks();
  it.each([
    ["0.0.0.0", "no address"],
    ["0.1.2.3", "no address"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["169.254.169.254", "link-local"],
    ["224.0.0.18", "multicast"],
    ["239.255.255.255", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "broadcast"],
    ["::", "no address"],
    ["::1", "loopback"],
    ["0:0:0:0:0:0:0:1", "loopback"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["febf::1", "link-local"],
    ["ff02::12", "multicast"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:7f00:1", "loopback"],
    ["0:0:0:0:0:ffff:a9fe:a9fe", "link-local"],
    ["::ffff:0.0.0.0", "no address"],
    ["::ffff:255.255.255.255", "broadcast"],
    ["::127.0.0.1", "loopback"],
    ["64:ff9b::7f00:1", "loopback"],
    ["localhost", "no IP address"],
    ["", "no IP address"],
  ])("not at %s", (address, why) => {
    expect(networks.refusal(address)).toContain(why);
  });
  it.each([
    "10.79.5.184",
    "192.168.1.1",
    "203.0.113.9",
    "223.255.255.254",
    "1.0.0.0",
    "2001:db8::1",
    "fd00::1",
    "::ffff:10.0.0.1",
  ])("at %s", (address) => {
    expect(networks.refusal(address)).toBeUndefined();
  });
});

describe("with networks that are named", () => {
  const networks = new DeviceNetworks(["10.0.0.0/8", "127.0.0.0/8", "2001:db8::/32"]);
  it("a device is in one of them", () => {
    expect(networks.refusal("10.255.0.1")).toBeUndefined();
    expect(networks.refusal("::ffff:10.0.0.1")).toBeUndefined();
    expect(networks.refusal("2001:db8:1::1")).toBeUndefined();
    expect(networks.refusal("11.0.0.1")).toContain("devices.allowed_networks");
    expect(networks.refusal("2001:db9::1")).toContain("devices.allowed_networks");
  });
  it("and never on the loopback, although it is named", () => {
    expect(networks.refusal("127.0.0.1")).toContain("loopback");
  });
});

it.each(["10.0.0.0", "10.0.0.0/33", "net/8", "::/129", ""])("%j is no network", (network) => {
  expect(() => new DeviceNetworks([network])).toThrow("is no network");
});
