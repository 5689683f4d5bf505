import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callFunction, isFunction } from "../../../src/catalogue/functions.ts";
import { cidrContains, formatIpv4, parseCidr, parseIpv4 } from "../../../src/catalogue/ipv4.ts";
import { poolKey } from "../../../src/catalogue/resource-view.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { MemoryView } from "./memory-view.ts";

const call = (name: string, ...args: unknown[]) => callFunction(name, args, new MemoryView());

function refusal(action: () => unknown): SignalboxError {
  try {
    action();
  } catch (error) {
    if (error instanceof SignalboxError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

const openPool = call("vlan_pool", "");
const fullPool = call("vlan_pool", "0-4095");

describe("functions of expressions", () => {
  it("are known by name, and by their own names only", () => {
    expect(["vlan_pool", "integer", "subnet_of"].map(isFunction)).toEqual([true, true, true]);
    expect(["", "vlan", "toString", "constructor", "__proto__"].map(isFunction)).toEqual(Array(5).fill(false));
    expect(refusal(() => call("nothing_like_it")).code).toBe("SB_CATALOGUE_INVALID");
  });

  it("vlan_pool reserves 0 and 4095 besides what is restricted", () => {
    expect(call("vlans_free", openPool)).toBe(4094);
    expect(call("vlans_free", call("vlan_pool", null))).toBe(4094);
    expect(call("vlans_free", call("vlan_pool", "0-1024,4094"))).toBe(3069);
    expect(call("vlans_free", fullPool)).toBe(0);
  });

  it.each(["x", "4096", "5-2", "1,,2", "-5"])("vlan_pool refuses %j and says which field it is", (restricted) => {
    const error = refusal(() => call("vlan_pool", restricted));
    expect([error.code, error.fields[0]?.pointer]).toEqual(["SB_INVALID_BODY", "/restricted_vlans"]);
  });

  it("or takes the fallback only for what nobody set", () => {
    expect([call("or", undefined, 1), call("or", null, 1), call("or", "", 1), call("or", 0, 1)]).toEqual([1, 1, "", 0]);
  });

  it("known and holder find a resource by its id and by a unique value", () => {
    const view = new MemoryView().add("plug", "p", { socket: "s" });
    const find = (name: string, ...args: unknown[]) => callFunction(name, args, view);
    expect([find("known", "plug", "p"), find("known", "plug", "x"), find("known", "lamp", "p")]).toEqual([
      "p",
      null,
      null,
    ]);
    expect(find("holder", "plug", "socket", "s")).toBe("p");
    expect(["x", "", null].map((value) => find("holder", "plug", "socket", value))).toEqual([null, null, null]);
  });

  it("vlan_within is a VLAN of the ranges, or 0 for what is not tagged", () => {
    const ranges = [
      { start: 100, end: 102 },
      { start: 200, end: 200 },
    ];
    expect([100, 102, 200].map((id) => call("vlan_within", ranges, "vlan", id))).toEqual([100, 102, 200]);
    expect(["flat", null].map((type) => call("vlan_within", ranges, type, 7))).toEqual([0, 0]);
    for (const id of [99, 103, null, "100"]) {
      const { code, fields } = refusal(() => call("vlan_within", ranges, "vlan", id));
      expect([code, fields[0]?.pointer]).toEqual(["SB_INVALID_BODY", "/segmentation_id"]);
      expect(fields[0]?.detail).toContain("100-102, 200-200");
    }
  });

  it("first is the first item of a list that has one", () => {
    expect([call("first", ["a", "b"]), call("first", []), call("first", undefined), call("first", "ab")]).toEqual([
      "a",
      null,
      null,
      null,
    ]);
    expect(call("zero")).toBe(0);
  });

  it("integer takes whole numbers as text or number", () => {
    expect([call("integer", "1025"), call("integer", 7), call("integer", "-3")]).toEqual([1025, 7, -3]);
    fc.assert(
      fc.property(fc.maxSafeInteger(), (number) => {
        expect(call("integer", String(number))).toBe(number);
      }),
    );
  });

  it.each(["", " ", "a", "1.5", "1e3", "0x10", null, undefined, true, [1, 2], {}])("integer refuses %j", (value) => {
    expect(refusal(() => call("integer", value)).code).toBe("SB_PARAMETER_INVALID");
  });

  it("mac is a locally administered address of the controller's range, made of the id", () => {
    expect(call("mac", "7b6f90ab-0000")).toBe("fa:16:3e:7b:6f:90");
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(call("mac", id)).toMatch(/^fa:16:3e(:[0-9a-f]{2}){3}$/);
      }),
    );
  });

  it("address and pool stay inside the block, pool after the gateway", () => {
    const block = fc.tuple(fc.nat(2 ** 32 - 1), fc.integer({ min: 8, max: 29 }));
    fc.assert(
      fc.property(block, ([value, length]) => {
        const size = 2 ** (32 - length);
        const cidr = `${formatIpv4(Math.floor(value / size) * size)}/${length}`;
        const parsed = parseCidr(cidr);
        if (parsed === undefined) throw new Error(cidr);
        const gateway = parseIpv4(String(call("address", cidr, "1"))) ?? -1;
        const [pool] = call("pool", cidr) as Array<{ start: string; end: string }>;
        const [start, end] = [parseIpv4(pool?.start ?? "") ?? -1, parseIpv4(pool?.end ?? "") ?? -1];
        expect([gateway, start, end].every((address) => cidrContains(parsed, address))).toBe(true);
        expect([gateway, start]).toEqual([parsed.network + 1, parsed.network + 2]);
        // The last address is the broadcast address.
        expect(end).toBe(parsed.network + parsed.size - 2);
      }),
    );
  });

  it("address has none outside of its block (a subnet of two addresses has no third)", () => {
    expect(call("address", "10.0.0.0/31", "1")).toBe("10.0.0.1");
    const error = refusal(() => call("address", "10.0.0.0/31", "2"));
    expect([error.code, error.fields[0]?.pointer]).toEqual(["SB_INVALID_BODY", "/cidr"]);
    expect(call("address", "no block", "1")).toBeNull();
  });

  it.each(["10.0.0.0/30", "10.0.0.0/32", "10.0.0.1/24", "x"])("pool refuses %s", (cidr) => {
    const error = refusal(() => call("pool", cidr));
    expect([error.code, error.fields[0]?.pointer]).toEqual(["SB_INVALID_BODY", "/cidr"]);
  });

  it("subnet_of finds the subnet of the network that holds an address", () => {
    const network = [{ type: "network", id: "n1" }];
    const view = new MemoryView()
      .add("port", "p1", { cidr: "10.0.0.0/8" }, { refersTo: network })
      .add("subnet", "far", { cidr: "10.0.1.0/24" }, { refersTo: network })
      .add("subnet", "near", { cidr: "10.0.0.0/24" }, { refersTo: network })
      .add("subnet", "other", { cidr: "10.0.2.0/24" }, { refersTo: [{ type: "network", id: "n2" }] });
    expect(callFunction("subnet_of", ["n1", "10.0.0.9", "gw_vipv4"], view)).toBe("near");
    for (const address of ["10.0.2.1", "10.9.0.1", "nonsense", null]) {
      const error = refusal(() => callFunction("subnet_of", ["n1", address, "gw_vipv4"], view));
      expect([error.code, error.fields[0]?.pointer]).toEqual(["SB_INVALID_BODY", "/gw_vipv4"]);
    }
  });

  describe("with_room", () => {
    const view = () =>
      new MemoryView()
        .add("ha_interface", "full", { vlan_pool_state: fullPool })
        .add("ha_interface", "leaving", { vlan_pool_state: openPool }, { markedForDeletion: true })
        .add("ha_interface", "open", { vlan_pool_state: openPool })
        .add("ha_interface", "last", { vlan_pool_state: call("vlan_pool", "0-4093") });
    const choose = (ids: unknown, using = view()) => callFunction("with_room", [ids, "vlan"], using);

    it("takes the first interface pair that has a number left and stays", () => {
      expect(choose(["full", "leaving", "gone", "open", "last"])).toBe("open");
      expect(choose(["last", "open"])).toBe("last");
    });

    it("counts what is claimed and not in the bitmap", () => {
      expect(choose(["last", "open"], view().claim(poolKey("ha_interface", "last", "vlan"), 4094))).toBe("open");
    });

    it("says which pools are empty", () => {
      const error = refusal(() =>
        choose(["full", "last"], view().claim(poolKey("ha_interface", "last", "vlan"), 4094)),
      );
      expect([error.code, error.message]).toEqual([
        "SB_POOL_EXHAUSTED",
        "no VLAN is left on ha_interface full, ha_interface last",
      ]);
    });

    it("refuses a service without interfaces", () => {
      expect(refusal(() => choose([])).code).toBe("SB_PARAMETER_INVALID");
      expect(refusal(() => choose(null)).code).toBe("SB_PARAMETER_INVALID");
    });
  });

  it("ha_router_of is the pair behind the first interface pair", () => {
    const view = new MemoryView().add("ha_interface", "h1", { ha_router_id: "pair" });
    expect(callFunction("ha_router_of", [["h1", "h2"]], view)).toBe("pair");
    expect([["h2"], [], null].map((ids) => callFunction("ha_router_of", [ids], view))).toEqual([null, null, null]);
  });
});
