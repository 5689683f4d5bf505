import { describe, expect, it } from "vitest";
import { editsBetween } from "../../../../src/actors/workers/router-stack.ts";
import { parseConfiguration } from "../../../../src/lab/junos/base-configuration.ts";
import type { ConfigNode } from "../../../../src/lab/junos/config-node.ts";
import { applyXml } from "../../../../src/lab/junos/edit-xml.ts";
import { renderSet } from "../../../../src/lab/junos/set-lines.ts";
import type { AppliedRouter } from "../../../../src/machines/resource/resource-types.ts";
import { serializeXml, type XmlElement } from "../../../../src/xml/element.ts";

const base = parseConfiguration(
  "set interfaces ae0 description uplink\nset policy-options prefix-list OTHER 192.0.2.0/24\n",
);

/** What a resource of a unit and an entry of a shared list looks like. */
const rendered = (unit: number, description: string, host = "mx1"): AppliedRouter => ({
  host,
  port: 830,
  username: "lab",
  password: "p",
  configuration: `<configuration><interfaces><interface><name>ae0</name><unit own=""><name>${unit}</name><description>${description}</description></unit></interface></interfaces><policy-options><prefix-list own="last"><name>SHARED</name><prefix-list-item own=""><name>198.51.100.${unit}/32</name></prefix-list-item></prefix-list></policy-options></configuration>`,
});

const one = rendered(1, "one");
const two = rendered(2, "two");
const changed = rendered(1, "changed");

const deletesOnly = (tree: XmlElement): boolean => !/>[^<]*<\/(description|name)>/.test(stripKeys(serializeXml(tree)));
const stripKeys = (text: string) => text.replaceAll(/<name>[^<]*<\/name>/g, "");

function apply(tree: ConfigNode, configuration: XmlElement): ConfigNode {
  const plain = serializeXml(configuration).includes('operation="delete"') && deletesOnly(configuration);
  const stripped = withoutMarks(configuration);
  return applyXml(tree, stripped, plain ? "none" : "merge").tree;
}

function withoutMarks(node: XmlElement): XmlElement {
  const { own: _own, ...attributes } = node.attributes;
  return { ...node, attributes, children: node.children.map(withoutMarks) };
}

/** The configuration after what is there was brought to what is wanted, as set lines; a shared list that is left empty goes with its last entry. */
function brought(there: readonly AppliedRouter[], edits: ReturnType<typeof editsBetween>): string[] {
  const start = there
    .flatMap((router) => editsBetween([], [router]))
    .reduce((tree, { configuration }) => apply(tree, configuration), base);
  const end = edits.reduce((tree, { configuration }) => apply(tree, configuration), start);
  return renderSet(end)
    .filter((line) => line !== "set policy-options prefix-list SHARED")
    .sort();
}

const wantedOnly = (wanted: readonly AppliedRouter[]) => brought(wanted, []);

/** What is on the router in truth. */
const truths: ReadonlyArray<readonly AppliedRouter[]> = [[], [one], [two], [changed], [one, two], [two, changed]];

describe.each(
  truths.map(
    (truth) => [truth.map(({ configuration }) => configuration.match(/description>(\w+)/)?.[1]), truth] as const,
  ),
)("edits where a residue may be on the router, and %j is", (_, truth) => {
  it.each([
    ["nothing", []],
    ["the former", [one]],
    ["what the residue is", [two]],
    ["another value", [changed]],
  ] as const)("lead to %s", (_name, wanted) => {
    const edits = editsBetween([one], wanted, [two, changed]);
    expect(brought(truth, edits)).toEqual(wantedOnly(wanted));
  });
});

it("reach the routers that only the residue names", () => {
  const elsewhere = rendered(1, "one", "mx9");
  expect(editsBetween([one], [one], [elsewhere]).map(({ address }) => address.host)).toEqual(["mx1", "mx9"]);
});

it("are only the difference without a residue", () => {
  expect(editsBetween([one], [one])).toEqual([]);
  expect(editsBetween([one], [changed]).map(({ configuration }) => serializeXml(configuration))).toEqual([
    "<configuration><interfaces><interface><name>ae0</name><unit><name>1</name><description>changed</description></unit></interface></interfaces></configuration>",
  ]);
});
