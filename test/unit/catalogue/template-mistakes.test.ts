import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { parseXml, serializeXml } from "../../../src/xml/element.ts";
import { catalogueOf, refusalOf } from "./catalogue-text.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A templates folder with these files. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "signalbox-templates-"));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

const login = ["primary", "secondary"].flatMap((role) =>
  ["ip", "port", "username", "password"].map((name) => `      ${role}_device_${name}: "=x"\n`),
);
const type = `type: thing
collection: things
title: A thing
fields:
  id: { type: string }
  name: { type: string, default: "", writable: [create] }
stack: "=make_thing"
handlers:
  make_thing:
    handler: heat_worker
    params:
      name: .name
      primary_unit: "=1"
      secondary_unit: "=2"
${login.join("")}    routers: { file: thing.xml }
`;
const xml = `<configuration>
  <interfaces>
    <unit own=""><name>{{ self.unit }}</name><description>{{ name }}</description></unit>
  </interfaces>
</configuration>
`;

async function mistakesIn(template: string | undefined): Promise<string[]> {
  const files = { "thing/type.yaml": type, ...(template === undefined ? {} : { "thing/thing.xml": template }) };
  const folder = await folderWith(files);
  const error = refusalOf(() => loadTemplates(folder));
  expect(error.code).toBe("SB_CATALOGUE_INVALID");
  return error.message.split("\n  ").slice(1);
}

describe("a templates folder", () => {
  it("is loaded with its router configuration, each router having its own values", async () => {
    const folder = await folderWith({ "thing/type.yaml": type, "thing/thing.xml": xml, "_notes/type.yaml": "no type" });
    const { catalogue, configurations } = loadTemplates(folder);
    expect([...catalogue.types.keys()]).toEqual(["thing"]);
    const values = { name: "a", primary_unit: 7, secondary_unit: 8 };
    const rendered = (["primary", "secondary"] as const).map((role) =>
      serializeXml(configurations.render("thing/thing.xml", values, role)),
    );
    expect(rendered).toEqual(
      [7, 8].map((unit) =>
        serializeXml(
          parseXml(
            `<configuration><interfaces><unit own=""><name>${unit}</name><description>a</description></unit></interfaces></configuration>`,
          ),
        ),
      ),
    );
  });

  it("shares a router template between types, each with constants of its own", async () => {
    const shared = xml.replace("{{ name }}", "{{ purpose }}");
    const sharing = (name: string, file: string, purpose: string) =>
      type
        .replace("type: thing", `type: ${name}`)
        .replace("things", `${name}s`)
        .replace("{ file: thing.xml }", `{ file: ${file}, with: { purpose: ${purpose} } }`);
    const folder = await folderWith({
      "thing/type.yaml": sharing("thing", "thing.xml", "one"),
      "thing/thing.xml": shared,
      "other/type.yaml": sharing("other", "../thing/thing.xml", "two"),
    });
    const { catalogue } = loadTemplates(folder);
    const routers = ["thing", "other"].map((name) => catalogue.types.get(name)?.handlers["make_thing"]?.routers);
    expect(routers).toMatchObject([
      { file: "thing/thing.xml", constants: { purpose: "one" } },
      { file: "thing/thing.xml", constants: { purpose: "two" } },
    ]);
  });

  it("names a constant that a parameter has the name of, and one that is missing", async () => {
    const files = { "thing/type.yaml": type.replace("thing.xml }", "thing.xml, with: { name: x } }") };
    const error = refusalOf(() => catalogueOf({ thing: files["thing/type.yaml"] }));
    expect(error.message).toContain("thing/type.yaml:23: name is a parameter already");
    expect(await mistakesIn(xml.replace("{{ name }}", "{{ purpose }}"))).toEqual([
      "thing/thing.xml:3: purpose is no parameter of make_thing",
    ]);
  });

  it("names a router template that does not exist", async () => {
    expect(await mistakesIn(undefined)).toEqual([
      "thing/thing.xml:1: the file does not exist (template make_thing names it)",
    ]);
  });

  it("names each variable that is no parameter, with its line", async () => {
    const wrong = xml.replace("{{ name }}", "{{ nmae }}").replace("{{ self.unit }}", "{{ self.vlan }}");
    expect(await mistakesIn(wrong)).toEqual([
      "thing/thing.xml:3: self.vlan is no parameter of make_thing",
      "thing/thing.xml:3: nmae is no parameter of make_thing",
    ]);
    const inside = xml.replace(
      "  <interfaces>",
      "{% if mode %}\n  {% for x in list %}{{ x }}{% endfor %}\n{% endif %}\n<interfaces>",
    );
    expect(await mistakesIn(inside)).toEqual([
      "thing/thing.xml:2: mode is no parameter of make_thing",
      "thing/thing.xml:3: list is no parameter of make_thing",
    ]);
  });

  it("names the line of a template that nunjucks cannot read", async () => {
    const [mistake] = await mistakesIn(xml.replace("</interfaces>", "{% if name %}"));
    expect(mistake).toMatch(/^thing\/thing\.xml:\d+: .*(if|end)/);
  });

  it("names the line of a template that makes no XML", async () => {
    const mistakes = await mistakesIn('<configuration own="">\n  <a>\n</configuration>\n');
    expect(mistakes).toEqual([expect.stringMatching(/^thing\/thing\.xml:3: .*close tag/)]);
  });

  it("names the line of a mark that means nothing, which would delete what is not the resource's own", async () => {
    const mistakes = await mistakesIn(
      '<configuration>\n  <a own="lsat"/>\n  <b own="last"/>\n  <c own=""/>\n</configuration>\n',
    );
    expect(mistakes).toEqual(['thing/thing.xml:2: own="lsat" is neither own="" nor own="last"']);
  });

  it("says when there is no folder, or nothing in it", async () => {
    const empty = await folderWith({ "_demo/type.yaml": type, "notes.txt": "" });
    expect(refusalOf(() => loadTemplates(empty)).message).toContain("has no <type>/type.yaml");
    expect(refusalOf(() => loadTemplates(join(empty, "gone"))).message).toContain("there is no templates folder");
  });

  it("never lets a value become markup, and refuses what it cannot render", async () => {
    const folder = await folderWith({ "thing/type.yaml": type, "thing/thing.xml": xml });
    const { configurations } = loadTemplates(folder);
    const name = `</description><x own="">"&'`;
    const tree = configurations.render("thing/thing.xml", { name, primary_unit: 1, secondary_unit: 2 }, "primary");
    expect(serializeXml(tree)).toContain("&lt;/description&gt;&lt;x own=&quot;&quot;&gt;&quot;&amp;'</description>");
    expect(refusalOf(() => configurations.render("thing/thing.xml", { primary_unit: 1 }, "primary")).code).toBe(
      "SB_TEMPLATE_FAILED",
    );
    expect(refusalOf(() => configurations.render("thing/other.xml", {}, "primary")).code).toBe("SB_TEMPLATE_FAILED");
  });
});
