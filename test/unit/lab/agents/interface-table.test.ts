import { describe, expect, it } from "vitest";
import { InterfaceTable } from "../../../../src/lab/agents/interface-table.ts";

const nobody = new Set<string>();
const up = (...names: string[]) => names.map((name) => ({ name, up: true }));
const indexes = (table: InterfaceTable) => Object.fromEntries(table.rows.map(({ name, index }) => [name, index]));

describe("the interfaces of a lab agent", () => {
  it("keep their index while their name lives, and never take that of another", () => {
    const table = new InterfaceTable();
    table.refresh(up("ae0", "ae0.1025"), nobody, 1);
    const before = indexes(table);
    table.refresh(up("ae0.1026", "ae0"), nobody, 1);
    expect(indexes(table).ae0).toBe(before.ae0);
    expect(table.rows.map(({ name }) => name)).toEqual(["ae0", "ae0.1026"]);
    expect(Object.values(before)).not.toContain(indexes(table)["ae0.1026"]);
    table.refresh(up("ae0", "ae0.1025"), nobody, 1);
    expect(indexes(table)["ae0.1025"]).toBeGreaterThan(before["ae0.1025"] ?? 0);
  });

  it("are found by index, and by the index before", () => {
    const table = new InterfaceTable();
    table.refresh(up("a", "b", "c"), nobody, 1);
    table.refresh(up("a", "c"), nobody, 1);
    const [a, c] = table.rows;
    expect(table.at(a?.index ?? 0)?.name).toBe("a");
    expect(table.at((a?.index ?? 0) + 1)).toBeUndefined();
    expect(table.after(0)?.name).toBe("a");
    expect(table.after(a?.index ?? 0)?.name).toBe("c");
    expect(table.after(c?.index ?? 0)).toBeUndefined();
  });

  it("count octets only while they are up", () => {
    const table = new InterfaceTable();
    const octets = () => table.rows[0]?.inOctets ?? 0n;
    table.refresh(up("ae0"), nobody, 10);
    const first = octets();
    expect(first).toBeGreaterThan(0n);
    table.refresh(up("ae0"), new Set(["ae0"]), 10);
    expect(octets()).toBe(first);
    table.refresh([{ name: "ae0", up: true, enabled: false }], nobody, 10);
    expect(table.rows[0]).toMatchObject({ up: false, enabled: false, inOctets: first });
    table.refresh(up("ae0"), nobody, 10);
    expect(octets()).toBe(first * 2n);
  });

  it("go on counting while nothing about them changes", () => {
    const table = new InterfaceTable();
    const same = up("ae0");
    const octets = () => table.rows[0]?.inOctets ?? 0n;
    table.refresh(same, nobody, 10);
    const first = octets();
    table.refresh(same, nobody, 10);
    expect(octets()).toBe(first * 2n);
    table.refresh(same, new Set(["ae0"]), 10);
    expect(table.rows[0]).toMatchObject({ up: false, inOctets: first * 2n });
  });
});
