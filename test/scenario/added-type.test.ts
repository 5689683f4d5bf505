import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { builtInTemplates } from "../../src/adapters/templates/load-templates.ts";
import { blocksOf, sectionOf, textOf } from "../unit/docs/documents.ts";
import { demoScenario, TestSystem } from "./support/running-system.ts";

const folder = mkdtempSync(join(tmpdir(), "signalbox-added-type-"));
let system: TestSystem;

beforeAll(async () => {
  const templates = join(folder, "templates");
  cpSync(builtInTemplates, templates, { recursive: true });
  const example = sectionOf(textOf("docs/templates.md"), "## A whole type");
  mkdirSync(join(templates, "discard_route"));
  writeFileSync(join(templates, "discard_route/type.yaml"), blocksOf(example, "yaml")[0] ?? "");
  writeFileSync(join(templates, "discard_route/route.xml"), blocksOf(example, "xml")[0] ?? "");
  const config = join(folder, "signalbox.yaml");
  writeFileSync(config, `templates: ${templates}\n`);
  system = await TestSystem.start({ config });
  await system.replay(demoScenario);
});
afterAll(async () => {
  await system?.stop();
  rmSync(folder, { recursive: true });
});

it("the type that docs/templates.md invents needs nothing but its folder, from POST to routers and back", async () => {
  const { vpn_gateways: gateways } = await system.get<{ vpn_gateways: Array<Record<string, string>> }>(
    "/v2.0/vpn_gateways",
  );
  const [gateway = {}] = gateways;
  const onRouters = async () => {
    const texts = await Promise.all(["MX-1", "MX-2"].map((name) => system.text(`/lab/routers/${name}/set`)));
    return texts.map((text) => text.split("\n").filter((line) => line.endsWith(" discard")));
  };
  const route = (destination: string) =>
    `set routing-instances ${gateway["vrf_name"]} routing-options static route ${destination} discard`;

  const created = await system.send("POST", "/v2.0/discard_routes", {
    discard_route: { destination: "203.0.113.0/24", vpn_gw_id: gateway["id"], tenant_id: gateway["tenant_id"] },
  });
  expect(created.status).toBe(201);
  const id = (created.body["discard_route"] as { id: string }).id;
  await system.until(id, ({ status }) => status === "ACTIVE");
  expect(await onRouters()).toEqual([[route("203.0.113.0/24")], [route("203.0.113.0/24")]]);

  const path = `/v2.0/discard_routes/${id}`;
  expect((await system.send("DELETE", `/v2.0/vpn_gateways/${gateway["id"]}`)).body["detail"]).toContain(id);
  await system.send("PUT", path, { discard_route: { destination: "203.0.114.0/24" } });
  await system.documentsUntil((documents) => {
    const state = documents.get(`/state${path}`) as { version: number } | undefined;
    return state?.version === 2;
  });
  expect(await onRouters()).toEqual([[route("203.0.114.0/24")], [route("203.0.114.0/24")]]);

  expect((await system.send("DELETE", path)).status).toBe(204);
  await system.until(id, ({ state }) => state === "deleted");
  expect(await onRouters()).toEqual([[], []]);
});
