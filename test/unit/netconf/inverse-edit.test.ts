import { describe, expect, it } from "vitest";
import { inverseEdit } from "../../../src/adapters/netconf/inverse-edit.ts";
import { parseXml, serializeXml, type XmlElement } from "../../../src/xml/element.ts";

const configuration = (text: string): XmlElement => parseXml(`<configuration>${text}</configuration>`);
const unit = (name: string, more = "") => `<unit><name>${name}</name>${more}</unit>`;
const port = (units: string) => `<interface><name>ae0</name>${units}</interface>`;

/** Before the commit, after it, now; and what takes the commit back. */
const rows: ReadonlyArray<readonly [name: string, before: string, after: string, now: string, edit: string]> = [
  [
    "an added entry",
    "",
    port(unit("1")),
    port(unit("1")),
    '<interface operation="delete"><name>ae0</name></interface>',
  ],
  [
    "an entry beside which somebody has put another",
    "",
    port(unit("1")),
    port(unit("1") + unit("2")),
    port('<unit operation="delete"><name>1</name></unit>'),
  ],
  ["what is gone already", "", port(unit("1")), "", ""],
  ["nothing", port(""), port(""), port(unit("2")), ""],
  [
    "a changed value",
    port("<description>a</description>"),
    port("<description>b</description>"),
    port("<description>b</description>"),
    port("<description>a</description>"),
  ],
  [
    "a changed value that somebody has changed again",
    port("<description>a</description>"),
    port("<description>b</description>"),
    port("<description>c</description>"),
    "",
  ],
  ["a deleted entry", port(unit("1")), "", "", port(unit("1"))],
  ["a deleted entry that somebody has made again", port(unit("1")), "", port(unit("1")), ""],
  [
    "one value of several",
    port("<import>a</import><import>b</import>"),
    port("<import>a</import><import>b</import><import>c</import>"),
    port("<import>a</import><import>b</import><import>c</import><import>d</import>"),
    port('<import operation="delete">c</import>'),
  ],
  [
    "a deleted value of several",
    port("<import>a</import><import>b</import>"),
    port("<import>a</import>"),
    port("<import>a</import><import>c</import>"),
    port("<import>b</import>"),
  ],
  [
    "an entry that is keyed by its address",
    "<route-filter><address>192.0.2.0/24</address><exact/></route-filter>",
    "<route-filter><address>192.0.2.0/24</address><exact/></route-filter><route-filter><address>198.51.100.0/24</address><exact/></route-filter>",
    "<route-filter><address>192.0.2.0/24</address><exact/></route-filter><route-filter><address>198.51.100.0/24</address><exact/></route-filter>",
    '<route-filter operation="delete"><address>198.51.100.0/24</address></route-filter>',
  ],
  [
    "a value inside an entry that was there before",
    port(unit("1")),
    port(unit("1", "<description>x</description>")),
    port(unit("1", "<description>x</description><vlan-id>7</vlan-id>")),
    port(unit("1", '<description operation="delete"/>')),
  ],
];

describe("the edit that takes a commit back under later ones", () => {
  it.each(rows)("undoes %s", (_, before, after, now, edit) => {
    const found = inverseEdit(configuration(before), configuration(after), configuration(now));
    expect(found && serializeXml(found)).toBe(edit === "" ? undefined : `<configuration>${edit}</configuration>`);
  });

  it("keeps that a statement was inactive, and no other attribute", () => {
    const before = configuration('<snmp inactive="inactive" xmlns:junos="j" junos:group="g"><name>x</name></snmp>');
    const found = inverseEdit(before, configuration(""), configuration(""));
    expect(found && serializeXml(found)).toBe(
      '<configuration><snmp inactive="inactive"><name>x</name></snmp></configuration>',
    );
  });
});
