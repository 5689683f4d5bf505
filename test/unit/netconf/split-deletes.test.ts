import { describe, expect, it } from "vitest";
import { onlyDeletes, splitDeletes } from "../../../src/adapters/netconf/split-deletes.ts";
import { parseXml, serializeXml } from "../../../src/xml/element.ts";

const split = (text: string) => {
  const { deletes, rest } = splitDeletes(parseXml(text));
  return { deletes: deletes.map((tree) => serializeXml(tree)), rest: rest && serializeXml(rest) };
};

describe("taking a tree with deletes apart", () => {
  it("makes one tree per delete, each with the list keys above it", () => {
    const text =
      '<c><i><name>ae0</name><unit operation="delete"><name>1</name></unit><unit operation="delete"><name>2</name></unit></i></c>';
    expect(split(text)).toEqual({
      deletes: [
        '<c><i><name>ae0</name><unit operation="delete"><name>1</name></unit></i></c>',
        '<c><i><name>ae0</name><unit operation="delete"><name>2</name></unit></i></c>',
      ],
      rest: undefined,
    });
    expect(onlyDeletes(parseXml(text))).toBe(true);
  });

  it("keeps what is added beside, without creating what only leads to a delete", () => {
    const text =
      '<c><p><group><name>g</name><neighbor operation="delete"><name>n</name></neighbor></group></p><i><name>ae0</name></i></c>';
    expect(split(text).rest).toBe("<c><i><name>ae0</name></i></c>");
    expect(onlyDeletes(parseXml(text))).toBe(false);
  });

  it("keeps an addition inside the element that a delete stands in", () => {
    const text = '<c><i><name>ae0</name><mtu>9000</mtu><description operation="delete"/></i></c>';
    expect(split(text)).toEqual({
      deletes: ['<c><i><name>ae0</name><mtu>9000</mtu><description operation="delete"/></i></c>'],
      rest: "<c><i><name>ae0</name><mtu>9000</mtu></i></c>",
    });
  });

  it("leaves a tree without deletes whole", () => {
    const text = "<c><i><name>ae0</name></i></c>";
    expect(split(text)).toEqual({ deletes: [], rest: text });
    expect(onlyDeletes(parseXml(text))).toBe(false);
  });
});
