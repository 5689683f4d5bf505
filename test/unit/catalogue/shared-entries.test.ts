import { describe, expect, it } from "vitest";
import { deleteAt, deleteTree, isBare, mergeTree, sharedEntries } from "../../../src/catalogue/device-config.ts";
import { parseXml, serializeXml, type XmlElement } from "../../../src/xml/element.ts";

const text = (tree: XmlElement | undefined) => (tree === undefined ? undefined : serializeXml(tree));
const rendered = parseXml(`<c><is>
  <i own="last"><name>lt</name><u own=""><name>1</name><x>2</x></u></i>
  <i><name>ae</name><u own=""><name>1</name></u></i>
</is></c>`);

describe("an entry that several resources share", () => {
  it("is merged like everything else", () => {
    expect(text(mergeTree(rendered))).not.toContain("own");
  });

  it("is not deleted with what a resource owns in it, but can be found in what is deleted", () => {
    const deletion = deleteTree(rendered);
    if (deletion === undefined) throw new Error("something is owned");
    expect(text(deletion)).toBe(
      '<c><is><i own="last"><name>lt</name><u operation="delete"><name>1</name></u></i><i><name>ae</name><u operation="delete"><name>1</name></u></i></is></c>',
    );
    const paths = sharedEntries(deletion);
    expect(paths.map(text)).toEqual(["<c><is><i><name>lt</name></i></is></c>"]);
    expect(paths.map((path) => text(deleteAt(path)))).toEqual([
      '<c><is><i operation="delete"><name>lt</name></i></is></c>',
    ]);
    expect(sharedEntries(mergeTree(rendered))).toEqual([]);
  });

  it("comes after those in it, and only where something is taken out", () => {
    const tree = parseXml(
      '<c><a own="last"><name>1</name><b own="last"><name>2</name><x operation="delete"/></b></a><a own="last"><name>3</name><y/></a></c>',
    );
    expect(sharedEntries(tree).map(text)).toEqual([
      "<c><a><name>1</name><b><name>2</name></b></a></c>",
      "<c><a><name>1</name></a></c>",
    ]);
  });

  it.each([
    ["nothing is left in it", "<c><is><i><name>lt</name></i></is></c>", true],
    ["another resource has something in it", "<c><is><i><name>lt</name><u><name>2</name></u></i></is></c>", false],
    ["only another entry is empty", "<c><is><i><name>ms</name></i></is></c>", false],
    ["it is gone", "<c/>", false],
  ])("goes only when it is there and bare: %s", (_what, answer, bare) => {
    const path = parseXml("<c><is><i><name>lt</name></i></is></c>");
    expect(isBare(parseXml(answer), path)).toBe(bare);
  });
});
