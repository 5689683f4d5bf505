import { describe, expect, it } from "vitest";
import { covers, difference } from "../../../src/adapters/contrail/covers.ts";

const ipam = ["default-domain", "default-project", "default-network-ipam"];

describe("the difference between what is wanted and what the controller holds", () => {
  it("is nothing when the controller only added to it", () => {
    const wanted = {
      display_name: "net",
      id_perms: { enable: true },
      network_ipam_refs: [{ to: ipam, attr: { ipam_subnets: [{ subnet: { ip_prefix: "192.0.2.0" } }] } }],
    };
    const held = {
      ...wanted,
      id_perms: { enable: true, created: "2016-01-01" },
      network_ipam_refs: [
        {
          to: ipam,
          uuid: "u",
          href: "h",
          attr: { ipam_subnets: [{ subnet: { ip_prefix: "192.0.2.0" }, subnet_uuid: "s" }] },
        },
      ],
      virtual_machine_interface_back_refs: [{ uuid: "x" }],
    };
    expect(difference(wanted, held)).toEqual({});
  });

  it("names the properties that differ, whole", () => {
    expect(difference({ a: 1, b: { c: 2 } }, { a: 1, b: { c: 3, d: 4 } })).toEqual({ b: { c: 2 } });
    expect(difference({ a: [1] }, { a: [1, 2] })).toEqual({ a: [1] });
    expect(difference({ a: 1 }, {})).toEqual({ a: 1 });
  });

  it("takes references as a set", () => {
    const [one, two] = [{ to: ["one"] }, { to: ["two"] }];
    expect(difference({ x_refs: [one, two] }, { x_refs: [two, one] })).toEqual({});
    expect(difference({ x_refs: [] }, {})).toEqual({});
    expect(difference({ x_refs: [one] }, { x_refs: [one, two] })).toEqual({ x_refs: [one] });
    expect(difference({ x_refs: [] }, { x_refs: [one] })).toEqual({ x_refs: [] });
  });

  it("leaves names and what is undefined alone", () => {
    expect(difference({ uuid: "a", fq_name: ["a"], parent_type: "project", b: undefined }, {})).toEqual({});
  });

  it("takes null and absence as the same", () => {
    expect(covers(undefined, null)).toBe(true);
    expect(covers(0, null)).toBe(false);
  });
});
