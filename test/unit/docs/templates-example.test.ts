import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { builtInTemplates, loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { serializeXml } from "../../../src/xml/element.ts";
import { blocksOf, sectionOf, textOf } from "./documents.ts";

const example = sectionOf(textOf("docs/templates.md"), "## A whole type");
const [typeYaml = ""] = blocksOf(example, "yaml");
const [routeXml = ""] = blocksOf(example, "xml");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "signalbox-templates-"));
  cpSync(builtInTemplates, folder, { recursive: true });
  mkdirSync(join(folder, "discard_route"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function load(yaml = typeYaml, xml = routeXml) {
  writeFileSync(join(folder, "discard_route/type.yaml"), yaml);
  writeFileSync(join(folder, "discard_route/route.xml"), xml);
  return loadTemplates(folder);
}

describe("the type that docs/templates.md invents", () => {
  it("loads, and renders what the page says", () => {
    const { catalogue, configurations } = load();
    expect(catalogue.byCollection.get("discard_routes")?.type).toBe("discard_route");
    const rendered = configurations.render(
      "discard_route/route.xml",
      { route: "203.0.113.0/24", vrf_name: "a" },
      "primary",
    );
    expect(serializeXml(rendered)).toContain("<name>203.0.113.0/24</name><discard/>");
  });

  it.each<[string, string, string]>([
    ['stack: "=discard_route"', 'stack: "=discard_rout"', "type.yaml:16: there is no handler discard_rout"],
    [
      'monitoring: "=discard_route_monitoring"',
      'monitoring: "=discard_route"',
      "type.yaml:17: discard_route is a heat_worker, not a monitoring_worker",
    ],
    ["handler: heat_worker", "handler: heat", "handler must be one of heat_worker, monitoring_worker"],
    ["format: cidr", "format: prefix", "format must be one of hyph-uuid, hyph-uuid-or-empty"],
    [
      "collection: discard_routes",
      "collection: vpn_gateways",
      "vpn_gateways is the collection of discard_route already",
    ],
    ["      primary_device_port:", "      other:", "type.yaml:33: routers needs the parameters primary_device_port"],
    ["{ type: vpn_gateway, id", "{ type: vpn_gatway, id", "type.yaml:41: unknown type vpn_gatway"],
    ["{ type: vpn_gateway, id", "{ kind: vpn_gateway, id", "type.yaml:41: resource_status needs the setting type"],
  ])("with the slip %s -> %s is refused, with the line and the cause", (right, wrong, cause) => {
    expect(typeYaml).toContain(right);
    expect(() => load(typeYaml.replace(right, wrong))).toThrowError(cause);
  });

  it.each<[string, string, string]>([
    ["<discard/>", "<discard>", "route.xml:7: unexpected close tag"],
    [' own=""', "", 'route.xml:1: nothing is marked own=""'],
    ["{{ route }}", "{{ rout }}", "route.xml:7: rout is no parameter of discard_route"],
  ])("with the slip %s -> %s in the router configuration is refused likewise", (right, wrong, cause) => {
    expect(routeXml).toContain(right);
    expect(() => load(typeYaml, routeXml.replace(right, wrong))).toThrowError(cause);
  });
});
