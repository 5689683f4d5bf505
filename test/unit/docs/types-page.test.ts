import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { typesPageText } from "../../../scripts/types-page-text.ts";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { root, rowsOf, sectionOf, textOf } from "./documents.ts";

const page = textOf("docs/types.md");
const { catalogue } = loadTemplates();

describe("docs/types.md", () => {
  it("is in step with the types", () => {
    expect(page === typesPageText(), "write it anew: npm run types-table").toBe(true);
  });

  it("has every type with every field, what clients may set and what it refers to", () => {
    expect(catalogue.types.size).toBeGreaterThan(15);
    for (const { type, fields } of catalogue.types.values()) {
      const rows = rowsOf(sectionOf(page, `## ${type}`));
      const told = rows.map(([name, , set, needed]) => [name, set, needed]);
      expect([type, told]).toEqual([
        type,
        Object.entries(fields).map(([name, { writable, required }]) => [
          `\`${name}\``,
          writable.join(", "),
          required === true ? "yes" : "",
        ]),
      ]);
      for (const [at, { relation, secret }] of Object.values(fields).entries()) {
        if (relation !== undefined) expect(rows[at]?.[4]).toContain(`[${relation}](#${relation})`);
        if (secret === true) expect(rows[at]?.[5]).toContain("secret");
      }
    }
  });

  it("tells what a type does on devices, monitors, allocates and makes", () => {
    const gateway = sectionOf(page, "## vpn_gateway");
    expect(gateway).toContain("`vpn_gateway.xml` on both routers of a pair");
    expect(gateway).toContain("takes `downlink_vlan_id` from the pool `vlan` of `downlink_interface_id`");
    expect(gateway).toContain("`downlink` (resource_status: another resource is up)");
    expect(sectionOf(page, "## ha_interface")).toMatch(/owns the pool `vlan`: \d+ numbers from \d+ on/);
    expect(sectionOf(page, "## gw_interface")).toMatch(/\*\*Made along with it:\*\* .*\[port\]\(#port\)/);
    for (const { type, dependents } of catalogue.types.values()) {
      const section = sectionOf(page, `## ${type}`);
      for (const { alias } of dependents) expect(section).toContain(`\`${alias}\``);
    }
  });
});

describe("a changed type", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "signalbox-types-"));
    cpSync(join(root, "templates"), folder, { recursive: true });
    const file = join(folder, "qos_option", "type.yaml");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(
        "\nfields:\n",
        '\nfields:\n  colour: { type: string, description: "what it looks | like", writable: [update] }\n',
      ),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("makes another page", () => {
    const changed = typesPageText(folder);
    expect(changed).not.toBe(page);
    const row = rowsOf(sectionOf(changed, "## qos_option")).find(([name]) => name === "`colour`");
    expect(row).toEqual(["`colour`", "string", "update", "", "", "what it looks | like"]);
  });
});
