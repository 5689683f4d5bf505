import { describe, expect, it } from "vitest";
import { loadBaseConfiguration } from "../../../../src/lab/junos/base-configuration.ts";
import { type ConfigNode, emptyConfiguration } from "../../../../src/lab/junos/config-node.ts";
import { renderXml } from "../../../../src/lab/junos/config-xml.ts";
import { renderChildren } from "../../../../src/lab/junos/curly-text.ts";
import { applyXml, type DefaultOperation } from "../../../../src/lab/junos/edit-xml.ts";
import { applySet, renderSet } from "../../../../src/lab/junos/set-lines.ts";
import { parseXml, serializeXml } from "../../../../src/xml/element.ts";

const edit = (tree: ConfigNode, xml: string, operation?: DefaultOperation) =>
  applyXml(tree, parseXml(`<configuration>${xml}</configuration>`), operation);
const set = (...lines: string[]): ConfigNode => applySet(emptyConfiguration, lines.join("\n")).tree;
const unit = (content: string, attributes = "") =>
  `<interfaces><interface><name>ae0</name><unit${attributes}><name>1025</name>${content}</unit></interface></interfaces>`;

describe("edit-config on the candidate", () => {
  it("deleting what was added gives the base back, byte for byte", () => {
    const base = loadBaseConfiguration("MX-2");
    const tree = (own: string) => `
      <interfaces>
        <interface><name>ge-0/0/1</name><unit${own}><name>122</name><vlan-id>122</vlan-id></unit></interface>
        <interface><name>ae0</name><unit${own}><name>1025</name><apply-groups>VPNGW1-VRRP</apply-groups>
          <family><inet><filter><input><filter-name>FILTER_10M-GA-UP-VPN</filter-name></input></filter></inet></family>
        </unit></interface>
      </interfaces>
      <routing-instances><instance${own}><name>vrf</name><instance-type>virtual-router</instance-type>
        <interface><name>ae0.1025</name></interface></instance></routing-instances>
      <services><nat><pool${own}><name>p</name><address><name>100.64.0.10/32</name></address></pool></nat></services>`;
    const added = edit(base, tree("")).tree;
    expect(renderSet(added)).toContain("set interfaces ae0 unit 1025 family inet filter input FILTER_10M-GA-UP-VPN");
    const { tree: deleted, warnings } = edit(added, tree(' operation="delete"'));
    expect(renderChildren(deleted).join("\n")).toBe(renderChildren(base).join("\n"));
    expect(warnings).toEqual([]);
  });

  it("deletes one entry and leaves its neighbours", () => {
    const tree = set("set protocols bgp group a peer-as 1", "set protocols bgp group b peer-as 2");
    const after = edit(tree, `<protocols><bgp><group operation="delete"><name>a</name></group></bgp></protocols>`).tree;
    expect(renderSet(after)).toEqual(["set protocols bgp group b peer-as 2"]);
  });

  it("warns of a delete of what is not there, makes nothing on the way and does the rest", () => {
    const tree = set("set interfaces ae0 vlan-tagging");
    const { tree: after, warnings } = edit(
      tree,
      `${unit('<family operation="delete"/>')}<system><host-name operation="delete"/><domain-name>example</domain-name></system>`,
    );
    expect(warnings.map(({ severity, message, path }) => [severity, message, path])).toEqual([
      ["warning", "statement not found", "[edit interfaces ae0]"],
      ["warning", "statement not found", "[edit system]"],
    ]);
    expect(renderSet(after)).toEqual(["set interfaces ae0 vlan-tagging", "set system domain-name example"]);
  });

  it("remove of what is not there is silent", () => {
    expect(edit(emptyConfiguration, unit("", ' operation="remove"')).warnings).toEqual([]);
  });

  it("replace leaves only what is given, create refuses what exists", () => {
    const tree = set("set interfaces ae0 unit 1025 vlan-id 1", "set interfaces ae0 unit 1025 description old");
    expect(renderSet(edit(tree, unit("<vlan-id>7</vlan-id>", ' operation="replace"')).tree)).toEqual([
      "set interfaces ae0 unit 1025 vlan-id 7",
    ]);
    expect(() => edit(tree, unit("", ' operation="create"'))).toThrow(
      expect.objectContaining({
        errors: [expect.objectContaining({ tag: "data-exists", path: "[edit interfaces ae0]", badElement: "unit" })],
      }),
    );
  });

  it("with default-operation none only what exists may be led through", () => {
    const tree = set("set interfaces ae0 unit 1025 vlan-id 1");
    expect(renderSet(edit(tree, unit("<vlan-id>9</vlan-id>"), "none").tree)).toEqual([
      "set interfaces ae0 unit 1025 vlan-id 1",
    ]);
    expect(() => edit(emptyConfiguration, unit("<vlan-id>9</vlan-id>"), "none")).toThrow("statement not found");
  });

  it("inserts a term before another, as Junos writes it", () => {
    const tree = set("set firewall filter F term a then accept", "set firewall filter F term b then discard");
    const term = (how: string) =>
      `<firewall><filter><name>F</name><term ${how}><name>c</name><then><reject/></then></term></filter></firewall>`;
    const names = (how: string) => renderSet(edit(tree, term(how)).tree).map((line) => line.split(" ")[5]);
    expect(names('insert="before" key="[name=\'b\']"')).toEqual(["a", "c", "b"]);
    expect(names('insert="after" name="a"')).toEqual(["a", "c", "b"]);
    expect(names('insert="before" name="b"')).toEqual(["a", "c", "b"]);
    expect(names('insert="first"')).toEqual(["c", "a", "b"]);
    expect(() => names('insert="before" key="[name=\'x\']"')).toThrow("statement 'x' not found");
  });

  it("names the element that is wrong", () => {
    const wrong = (xml: string) => {
      try {
        edit(emptyConfiguration, xml);
      } catch (error) {
        return (error as { errors: Array<{ badElement: string; path: string }> }).errors.map((each) => [
          each.badElement,
          each.path,
        ]);
      }
      return "accepted";
    };
    expect(wrong("<no-such/>")).toEqual([["no-such", "[edit]"]]);
    expect(wrong(unit("<vlan-id>5000</vlan-id>"))).toEqual([["5000", "[edit interfaces ae0 unit 1025]"]]);
    expect(wrong("<interfaces><interface><unit/></interface></interfaces>")).toEqual([
      ["interface", "[edit interfaces]"],
    ]);
    expect(wrong(unit("<family><inet><filter><inputs>F</inputs></filter></inet></family>"))).toEqual([
      ["inputs", "[edit interfaces ae0 unit 1025 family inet filter]"],
    ]);
  });

  it("keeps a key plain inside and scrambled outside", () => {
    const key = (text: string) =>
      `<protocols><bgp><group><name>g</name><authentication-key>${text}</authentication-key></group></bgp></protocols>`;
    const { tree } = edit(emptyConfiguration, key("open-sesame"));
    const shown = serializeXml({ ...parseXml("<configuration/>"), children: renderXml(tree) });
    expect(shown).toMatch(/<authentication-key>\$9\$/);
    expect(shown).not.toContain("sesame");
    // What was read back can be loaded again and changes nothing.
    expect(applyXml(tree, parseXml(shown)).tree).toBe(tree);
  });

  it("a value that tries to be more stays one value", () => {
    const evil = 'x"; } system { host-name owned; } # ';
    const { tree } = edit(emptyConfiguration, unit(`<description>${evil.replace(/"/g, "&quot;")}</description>`));
    const lines = renderSet(tree);
    expect(lines).toHaveLength(1);
    expect(renderSet(applySet(emptyConfiguration, lines.join("\n")).tree)).toEqual(lines);
  });
});
