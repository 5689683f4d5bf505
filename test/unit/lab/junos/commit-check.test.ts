import { describe, expect, it } from "vitest";
import { effectiveConfiguration } from "../../../../src/lab/junos/apply-groups.ts";
import { loadBaseConfiguration } from "../../../../src/lab/junos/base-configuration.ts";
import { checkConfiguration } from "../../../../src/lab/junos/commit-check.ts";
import { emptyConfiguration } from "../../../../src/lab/junos/config-node.ts";
import { applySet, renderSet } from "../../../../src/lab/junos/set-lines.ts";

const set = (...lines: string[]) => applySet(emptyConfiguration, lines.join("\n")).tree;
const problems = (...lines: string[]) =>
  checkConfiguration(set(...lines)).map(({ path, badElement, message }) => `${path} ${badElement}: ${message}`);

const AS = "set routing-options autonomous-system 65101";

describe("the check at commit", () => {
  it("has nothing against the product's base configurations", () => {
    for (const name of ["MX-1", "MX-2"]) expect(checkConfiguration(loadBaseConfiguration(name))).toEqual([]);
  });

  it.each([
    [
      "a group",
      ["set interfaces ae0 unit 5 apply-groups NONE"],
      "[edit interfaces ae0 unit 5] apply-groups NONE: group 'NONE' is not defined",
    ],
    [
      "a filter",
      ["set interfaces ae0 unit 5 family inet filter input NONE"],
      "[edit interfaces ae0 unit 5 family inet filter] input NONE: Referenced filter 'NONE' is not defined",
    ],
    [
      "a service set",
      ["set interfaces ae0 unit 5 family inet service input service-set NONE"],
      "[edit interfaces ae0 unit 5 family inet service input] service-set NONE: Referenced service-set 'NONE' is not defined",
    ],
    [
      "a policy of a BGP group",
      [AS, "set protocols bgp group g import NONE", "set protocols bgp group g peer-as 1"],
      "[edit protocols bgp group g] import NONE: Policy error: Policy NONE referenced but not defined",
    ],
    [
      "a policy of an instance",
      ["set routing-instances a routing-options instance-export NONE"],
      "[edit routing-instances a routing-options] instance-export NONE: Policy error: Policy NONE referenced but not defined",
    ],
    [
      "a policy of a policy",
      ["set policy-options policy-statement P term t from policy NONE"],
      "[edit policy-options policy-statement P term t] from policy NONE: Policy error: Policy NONE referenced but not defined",
    ],
    [
      "a prefix list of a policy",
      ["set policy-options policy-statement P from prefix-list NONE"],
      "[edit policy-options policy-statement P] from prefix-list NONE: Policy error: prefix-list NONE referenced but not defined",
    ],
    [
      "a prefix list of a filter",
      ["set firewall filter F term t from source-prefix-list NONE"],
      "[edit firewall filter F term t] from source-prefix-list NONE: Referenced prefix-list 'NONE' is not defined",
    ],
    [
      "a policer",
      ["set firewall filter F term t then policer NONE"],
      "[edit firewall filter F term t] then policer NONE: Referenced policer 'NONE' is not defined",
    ],
    [
      "a NAT rule",
      ["set services service-set s nat-rules NONE"],
      "[edit services service-set s] nat-rules NONE: Referenced NAT rule 'NONE' is not defined",
    ],
    [
      "a NAT pool",
      ["set services nat rule r term t then translated source-pool NONE"],
      "[edit services nat rule r term t then translated] source-pool NONE: Referenced NAT pool 'NONE' is not defined",
    ],
  ])("names the statement that refers to %s that is not defined", (_what, lines, expected) => {
    expect(problems(...lines)).toEqual([expected]);
  });

  it("finds filters with and without a family", () => {
    const uses = [
      "set interfaces ae0 unit 5 family inet filter input A",
      "set interfaces ae0 unit 5 family inet filter output B",
    ];
    const defined = [
      "set firewall filter A term t then accept",
      "set firewall family inet filter B term t then accept",
    ];
    expect(problems(...uses, ...defined)).toEqual([]);
  });

  it("wants a peer AS for an external neighbour, from the group or a configuration group", () => {
    const group = "set protocols bgp group g type external";
    const neighbor = "set protocols bgp group g neighbor 192.0.2.1";
    expect(problems(AS, group, neighbor)).toEqual([
      "[edit protocols bgp group g] neighbor 192.0.2.1: Error in neighbor 192.0.2.1 of group g: peer AS number must be configured for an external peer",
    ]);
    expect(problems(AS, group, neighbor, "set protocols bgp group g peer-as 9598")).toEqual([]);
    expect(
      problems(
        AS,
        group,
        neighbor,
        "set groups G protocols bgp group <*> peer-as 9598",
        "set protocols bgp group g apply-groups G",
      ),
    ).toEqual([]);
    expect(problems(AS, "set protocols bgp group g type internal", neighbor)).toEqual([]);
  });

  it("wants a virtual address in the subnet of its interface address", () => {
    const group = "set interfaces ae0 unit 5 family inet address 172.16.101.152/24 vrrp-group 20";
    expect(problems(`${group} virtual-address 172.16.101.151`)).toEqual([]);
    expect(problems(`${group} virtual-address 172.16.102.151`)).toEqual([
      expect.stringContaining(
        "[edit interfaces ae0 unit 5 family inet address 172.16.101.152/24 vrrp-group 20] virtual-address",
      ),
    ]);
  });

  it("refuses a VLAN twice on a port and an interface in two instances", () => {
    expect(problems("set interfaces ae0 unit 5 vlan-id 5", "set interfaces ae0 unit 6 vlan-id 5")).toEqual([
      "[edit interfaces ae0 unit 6] vlan-id 5: duplicate VLAN-ID 5 on interface ae0 (unit 5)",
    ]);
    expect(problems("set routing-instances a interface ae0.5", "set routing-instances b interface ae0.5")).toEqual([
      "[edit routing-instances b] interface ae0.5: RT Instance: Interface ae0.5 already configured under instance a",
    ]);
  });

  it("passes over what is deactivated", () => {
    expect(
      problems("set interfaces ae0 unit 5 family inet filter input NONE", "deactivate interfaces ae0 unit 5"),
    ).toEqual([]);
  });
});

describe("configuration groups", () => {
  const effective = (...lines: string[]) => renderSet(effectiveConfiguration(set(...lines)));

  it("fill what matches a wildcard and add what has a name", () => {
    expect(
      effective(
        "set groups G interfaces <ge-*> unit <*> mtu 1500",
        "set groups G interfaces <ge-*> unit <*> family inet address 10.0.0.1/24",
        "set apply-groups G",
        "set interfaces ge-0/0/0 unit 1 vlan-id 1",
        "set interfaces ae0 unit 1 vlan-id 1",
      ).slice(1),
    ).toEqual([
      "set interfaces ge-0/0/0 unit 1 vlan-id 1",
      "set interfaces ge-0/0/0 unit 1 mtu 1500",
      "set interfaces ge-0/0/0 unit 1 family inet address 10.0.0.1/24",
      "set interfaces ae0 unit 1 vlan-id 1",
    ]);
  });

  it("give way to what is configured, and the first group to be named wins", () => {
    expect(
      effective(
        "set groups A protocols bgp group <*> hold-time 10",
        "set groups A protocols bgp group <*> import A-IN",
        "set groups B protocols bgp group <*> hold-time 20",
        "set groups B protocols bgp group <*> passive",
        "set protocols bgp group g apply-groups A",
        "set protocols bgp group g apply-groups B",
        "set protocols bgp group g import OWN",
      ).slice(2),
    ).toEqual([
      "set protocols bgp group g import OWN",
      "set protocols bgp group g hold-time 10",
      "set protocols bgp group g passive",
    ]);
  });

  it("can be excepted", () => {
    const lines = ["set groups G interfaces <*> mtu 9000", "set apply-groups G", "set interfaces ae0 description x"];
    expect(effective(...lines)).toContain("set interfaces ae0 mtu 9000");
    expect(effective(...lines, "set interfaces ae0 apply-groups-except G")).not.toContain(
      "set interfaces ae0 mtu 9000",
    );
  });
});
