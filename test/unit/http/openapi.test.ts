import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApiDocument } from "../../../src/adapters/api/openapi.ts";
import { gohanSchema } from "../../../src/adapters/http/gohan-schemas.ts";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { fakeTypes } from "./fake-gateway.ts";

const run = promisify(execFile);
const document = openApiDocument(fakeTypes);
const components = document.components as Record<string, Record<string, object>>;

function walk(value: unknown, visit: (object: Record<string, unknown>) => void): void {
  if (typeof value !== "object" || value === null) return;
  visit(value as Record<string, unknown>);
  for (const member of Object.values(value)) walk(member, visit);
}

function resolve(pointer: string): unknown {
  let at: unknown = document;
  for (const token of pointer.slice(2).split("/")) at = (at as Record<string, unknown>)[token];
  return at;
}

function compiled(name: string) {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, validateFormats: false });
  ajv.addVocabulary(["x-relation", "x-unique", "components"]);
  // The references of the document are those of its own components.
  ajv.addSchema({ $id: "signalbox:/openapi", components: { schemas: components.schemas } });
  return ajv.compile({ $ref: `signalbox:/openapi#/components/schemas/${name}` });
}

/** What OpenAPI 3.1 demands of the parts that the document uses (specification sections 4.8.1 to 4.8.17). */
const skeleton = {
  type: "object",
  required: ["openapi", "info", "paths"],
  properties: {
    openapi: { const: "3.1.0" },
    info: { type: "object", required: ["title", "version"] },
    paths: {
      type: "object",
      propertyNames: { pattern: "^/" },
      additionalProperties: {
        type: "object",
        propertyNames: { enum: ["parameters", "get", "put", "post", "delete"] },
        properties: {
          parameters: { type: "array" },
          get: { $ref: "#/$defs/operation" },
          put: { $ref: "#/$defs/operation" },
          post: { $ref: "#/$defs/operation" },
          delete: { $ref: "#/$defs/operation" },
        },
      },
    },
  },
  $defs: {
    operation: {
      type: "object",
      required: ["operationId", "responses", "summary", "tags"],
      properties: {
        parameters: {
          type: "array",
          items: { anyOf: [{ required: ["name", "in", "schema"] }, { required: ["$ref"] }] },
        },
        requestBody: { type: "object", required: ["content"] },
        responses: {
          type: "object",
          minProperties: 1,
          propertyNames: { pattern: "^([1-5][0-9][0-9]|4XX|default)$" },
          additionalProperties: { anyOf: [{ required: ["$ref"] }, { required: ["description"] }] },
        },
      },
    },
  },
};

describe("the OpenAPI document", () => {
  it("has the structure of OpenAPI 3.1", () => {
    const validate = new Ajv2020({ strict: false }).compile(skeleton);
    validate(document);
    expect(validate.errors).toBeNull();
  });

  it("has only references that resolve, and operation ids that are unique", () => {
    const ids: unknown[] = [];
    let references = 0;
    walk(document, (object) => {
      if (typeof object.$ref === "string") {
        references += 1;
        expect([object.$ref, resolve(object.$ref)]).toEqual([object.$ref, expect.anything()]);
      }
      if (object.operationId !== undefined) ids.push(object.operationId);
    });
    expect(references).toBeGreaterThan(20);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("declares every parameter of its paths", () => {
    type Parameter = { name?: string; $ref?: string };
    for (const [path, item] of Object.entries(document.paths as Record<string, { parameters?: Parameter[] }>)) {
      const names = (item.parameters ?? []).map(({ name, $ref = "" }) => name ?? (resolve($ref) as Parameter).name);
      expect([path, names]).toEqual([path, [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)]);
    }
  });

  it.each(Object.keys(components.schemas ?? {}))("has a schema %s that compiles under JSON Schema 2020-12", (name) => {
    expect(typeof compiled(name)).toBe("function");
  });

  it("accepts what may be sent and refuses what may not", () => {
    const create = compiled("edge_router_create");
    expect(create({ ip: "10.0.0.1", kind: null, tags: { a: "b" } })).toBe(false);
    expect(create({ ip: "10.0.0.1", kind: "mx", tags: { a: "b" } })).toBe(true);
    expect(create({})).toBe(false);
    expect(create({ ip: "10.0.0.1", status: "ACTIVE" })).toBe(false);
    expect(create({ ip: "10.0.0.1", ssh_port: 0 })).toBe(false);
    const update = compiled("edge_router_update");
    expect([update({ name: "x" }), update({ ip: "10.0.0.1" })]).toEqual([true, false]);
    expect(compiled("gw_interface_create")({ fixed_ips: [{}] })).toBe(false);
  });

  it("shows fields that nobody set as null", () => {
    const shown = compiled("edge_router");
    expect(shown({ ip: null, kind: null, password: "***", tags: null, ssh_port: null, id: null })).toBe(true);
    expect(shown({ kind: "cisco" })).toBe(false);
  });
});

describe("the description of all types", () => {
  const redocly = fileURLToPath(new URL("../../../node_modules/@redocly/cli/bin/cli.js", import.meta.url));
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "signalbox-openapi-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** What Redocly's recommended rules find: warnings count too. */
  async function findings(description: object): Promise<string[]> {
    const file = join(folder, "openapi.json");
    await writeFile(file, JSON.stringify(description));
    const words = [redocly, "lint", file, "--extends", "recommended", "--format", "json"];
    const { stdout } = await run(process.execPath, words, { env, cwd: folder, maxBuffer: 1 << 26 }).catch(
      (failed: { stdout: string }) => failed,
    );
    const { problems } = JSON.parse(stdout.slice(stdout.indexOf("{"))) as { problems: Array<{ ruleId: string }> };
    return problems.map(({ ruleId }) => ruleId);
  }

  it("has nothing that a linter finds", async () => {
    const { catalogue } = loadTemplates(undefined);
    const whole = openApiDocument([...catalogue.types.values()]);
    expect(await findings(whole)).toEqual([]);
    expect(await findings({ ...whole, paths: { "/x/{id}": { get: { responses: {} } } } })).toContain(
      "path-parameters-defined",
    );
  });
});

describe("Gohan's schemas", () => {
  it("say where a type is and who may set which field", () => {
    const schema = gohanSchema(fakeTypes[1] ?? expect.fail());
    expect(schema).toMatchObject({
      id: "gw_interface",
      singular: "gw_interface",
      plural: "gw_interfaces",
      prefix: "/v2.0",
      url: "/v2.0/gw_interfaces",
      parent: "edge_router",
    });
    expect(schema.schema.properties.vrid).toEqual({
      title: "vrid",
      type: "integer",
      minimum: 1,
      maximum: 255,
      permission: ["create"],
    });
    expect(schema.schema.properties.edge_router_id).toMatchObject({ relation: "edge_router" });
    expect(gohanSchema(fakeTypes[0] ?? expect.fail()).schema.required).toEqual(["ip"]);
  });
});
