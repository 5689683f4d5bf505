import { describe, expect, it } from "vitest";
import { loadBaseConfiguration } from "../../../../src/lab/junos/base-configuration.ts";
import { type ConfigNode, emptyConfiguration } from "../../../../src/lab/junos/config-node.ts";
import { renderXml } from "../../../../src/lab/junos/config-xml.ts";
import { applyText, renderChildren } from "../../../../src/lab/junos/curly-text.ts";
import { applyXml } from "../../../../src/lab/junos/edit-xml.ts";
import { applySet, renderSet } from "../../../../src/lab/junos/set-lines.ts";
import { element, parseXml, serializeXml } from "../../../../src/xml/element.ts";
import { casesFolder, routerBase } from "./scenario-cases.ts";

const fromSet = (...lines: string[]): ConfigNode => applySet(emptyConfiguration, lines.join("\n")).tree;
const toText = (tree: ConfigNode): string => renderChildren(tree).join("\n");
const toXml = (tree: ConfigNode): string => serializeXml(element("configuration", renderXml(tree)));

/** The lines that come back after a passage through each of the three forms. */
function passages(lines: readonly string[]) {
  const tree = fromSet(...lines);
  return {
    set: renderSet(tree),
    text: renderSet(applyText(emptyConfiguration, toText(tree)).tree),
    xml: renderSet(applyXml(emptyConfiguration, parseXml(toXml(tree))).tree),
  };
}

const bases: Array<[string, string]> = ["MX-1", "MX-2"].map((name) => [
  `the product's ${name}`,
  renderSet(loadBaseConfiguration(name)).join("\n"),
]);
if (casesFolder !== undefined)
  for (const name of ["MX-1", "MX-2"]) bases.push([`the recorded ${name}`, routerBase(name)]);

describe("a configuration keeps every line, in order", () => {
  for (const [name, text] of bases) {
    it(`through set, text and XML: ${name}`, () => {
      const lines = text.split("\n");
      expect(lines.length).toBeGreaterThan(100);
      expect(passages(lines)).toEqual({ set: lines, text: lines, xml: lines });
    });
  }

  it("with statements that the table does not know", () => {
    const lines = [
      "set snmp community public authorization read-only",
      "set snmp community public clients 10.0.0.0/8",
      "set snmp trap-group all targets 192.0.2.1",
      'set security ike proposal "with space" lifetime-seconds 28800',
      "set protocols ospf area 0.0.0.0 interface ae0.5 metric 10",
      "set protocols ospf area 0.0.0.0 interface lo0.0 passive",
      "set interfaces ge-0/0/7 unit 0 family bridge interface-mode trunk",
      "set interfaces ge-0/0/7 unit 0 family bridge vlan-id-list 10",
      "set interfaces ge-0/0/7 unit 0 family bridge vlan-id-list 20",
    ];
    expect(passages(lines)).toEqual({ set: lines, text: lines, xml: lines });
  });

  // Junos shows what stands on one line in its braces as lines of their own.
  it.each([
    ["set routing-options autonomous-system 65000"],
    ["set routing-options autonomous-system 65000 loops 2"],
    ["set routing-instances r vrf-target target:65000:1"],
    ["set routing-instances r vrf-target export target:65000:1"],
    ["set routing-instances r vrf-target import target:65000:1"],
    ["set protocols bgp group g local-as 65001 loops 3"],
    ["set protocols bgp group g family inet unicast loops 2"],
  ])("with AS loops and route targets: %s", (line) => {
    const lines = renderSet(fromSet(line));
    expect(lines.join(" ")).toContain(line.split(" ").at(-1));
    expect(passages([line])).toEqual({ set: lines, text: lines, xml: lines });
  });

  it("one AS number in the place of another", () => {
    const lines = [
      "set routing-options autonomous-system 65000 loops 2",
      "set routing-options autonomous-system 65001",
    ];
    expect(toText(fromSet(...lines))).toContain("autonomous-system 65001 loops 2;");
    expect(toXml(fromSet(...lines))).toContain(
      "<autonomous-system><as-number>65001</as-number><loops>2</loops></autonomous-system>",
    );
  });

  it("with what is deactivated", () => {
    const lines = [
      "set system host-name r1",
      "set interfaces ae0 unit 5 vlan-id 5",
      "set interfaces ae0 unit 5 family inet address 10.0.0.1/24",
      "deactivate interfaces ae0 unit 5",
    ];
    expect(passages(lines)).toEqual({ set: lines, text: lines, xml: lines });
  });
});

describe("configuration text", () => {
  it("is written as Junos writes it", () => {
    const tree = fromSet(
      "set groups G interfaces <*> mtu 9000",
      "set interfaces ae0 apply-groups G",
      'set interfaces ae0 description "two words"',
      "set interfaces ae0 unit 5 family inet",
      "set policy-options policy-statement P term t from protocol bgp",
      "set policy-options policy-statement P term t then next-hop self",
      "set policy-options policy-statement P term t then accept",
      "set routing-options static route 10.0.0.0/8 next-hop 192.0.2.1",
      "set protocols bgp group g import P",
      "set protocols bgp group g import Q",
      "set protocols bgp group g authentication-key secret",
      "set protocols bgp group g family inet unicast prefix-limit maximum 10",
      "set protocols bgp group g family inet unicast prefix-limit teardown 80",
      "set protocols bgp group g family inet unicast prefix-limit teardown idle-timeout forever",
    );
    expect(toText(tree).replace(/"\$9\$\S+"/, '"KEY"')).toBe(`groups {
    G {
        interfaces {
            <*> {
                mtu 9000;
            }
        }
    }
}
interfaces {
    ae0 {
        apply-groups G;
        description "two words";
        unit 5 {
            family inet;
        }
    }
}
policy-options {
    policy-statement P {
        term t {
            from protocol bgp;
            then {
                next-hop self;
                accept;
            }
        }
    }
}
routing-options {
    static {
        route 10.0.0.0/8 next-hop 192.0.2.1;
    }
}
protocols {
    bgp {
        group g {
            import [ P Q ];
            authentication-key "KEY"; ## SECRET-DATA
            family inet {
                unicast {
                    prefix-limit {
                        maximum 10;
                        teardown 80 idle-timeout forever;
                    }
                }
            }
        }
    }
}`);
    expect(renderSet(applyText(emptyConfiguration, toText(tree)).tree)).toEqual(renderSet(tree));
  });

  it.each([
    ["interfaces { ae0 { unit 5 { vlan-id ; } } }", "missing argument after 'vlan-id'", 1],
    ["system {\n  host-name r1;\n", "unexpected end of text", 2],
    ["system {\n  host-name r1;\n}\n}", "}", 4],
    ["no-such-section {\n  a;\n}", "no-such-section", 1],
    ['system {\n  host-name "r1;\n}', "unterminated string", 2],
  ])("%j is refused with line and token", (text, token, line) => {
    expect(() => applyText(emptyConfiguration, text)).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ badElement: token, line })] }),
    );
  });

  it("understands the tags replace:, delete: and inactive:", () => {
    const tree = fromSet(
      "set interfaces ae0 unit 1 vlan-id 1",
      "set interfaces ae0 unit 2 vlan-id 2",
      "set system host-name r1",
    );
    const text = `interfaces { ae0 {
      replace: unit 1 { description new; }
      inactive: unit 3 { vlan-id 3; }
      delete: unit 2;
    } }`;
    expect(renderSet(applyText(tree, text).tree)).toEqual(
      [
        "set interfaces ae0 unit 3 vlan-id 3",
        "deactivate interfaces ae0 unit 3",
        "set interfaces ae0 unit 1 description new",
        "set system host-name r1",
      ].toSorted((a, b) => order(a) - order(b)),
    );
    function order(line: string): number {
      return ["unit 1", "unit 3 vlan", "deactivate", "system"].findIndex((each) => line.includes(each));
    }
  });
});

describe("set lines", () => {
  it("delete leaves no empty container behind, but keeps list entries and families", () => {
    const tree = fromSet(
      "set protocols bgp group g neighbor 192.0.2.1 hold-time 30",
      "set interfaces ae0 unit 5 family inet address 10.0.0.1/24",
    );
    const after = applySet(
      tree,
      "delete protocols bgp group g\ndelete interfaces ae0 unit 5 family inet address 10.0.0.1/24",
    );
    expect(renderSet(after.tree)).toEqual(["set interfaces ae0 unit 5 family inet"]);
    expect(after.warnings).toEqual([]);
  });

  it("delete of what is not there is a warning", () => {
    const { tree, warnings } = applySet(fromSet("set system host-name r1"), "delete interfaces ae0 unit 5");
    expect(renderSet(tree)).toEqual(["set system host-name r1"]);
    expect(warnings).toEqual([
      { tag: "data-missing", severity: "warning", message: "statement not found", path: "[edit interfaces ae0]" },
    ]);
  });

  it("insert moves a term", () => {
    const tree = fromSet(
      "set policy-options policy-statement P term a then reject",
      "set policy-options policy-statement P term b then accept",
    );
    const after = applySet(tree, "insert policy-options policy-statement P term b before term a").tree;
    expect(renderSet(after).map((line) => line.split(" ")[5])).toEqual(["b", "a"]);
  });

  it("a number out of range names the value and the path", () => {
    expect(() => fromSet("set interfaces ae0 unit 1 vlan-id 5000")).toThrow(
      "invalid value '5000', must be in the range 0..4094",
    );
  });
});
