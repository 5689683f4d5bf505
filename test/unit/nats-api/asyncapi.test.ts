import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { asyncApiText } from "../../../scripts/asyncapi-text.ts";
import { asyncApiDocument } from "../../../src/adapters/nats-api/asyncapi.ts";
import { endpointsOf } from "../../../src/adapters/nats-api/endpoints.ts";
import { Subjects } from "../../../src/adapters/nats-api/subjects.ts";
import { FakeGateway, fakeTypes } from "../http/fake-gateway.ts";

const file = new URL("../../../docs/asyncapi.yaml", import.meta.url);
const written: unknown = parse(readFileSync(file, "utf8"));
const require = createRequire(import.meta.url);

interface Document {
  readonly channels: Readonly<Record<string, { readonly address: string | null }>>;
  readonly operations: Readonly<
    Record<string, { readonly action: string; readonly channel: { readonly $ref: string } }>
  >;
}

/** The values of all `$ref`s in a document. */
function references(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) =>
    name === "$ref" && typeof value === "string" ? [value] : references(value),
  );
}

function found(document: unknown, reference: string): unknown {
  const steps = reference.replace(/^#\//, "").split("/");
  return steps.reduce((part, step) => (part as Record<string, unknown> | undefined)?.[step], document);
}

describe("docs/asyncapi.yaml", () => {
  it("is in step with the types", () => {
    expect(readFileSync(file, "utf8") === asyncApiText(), "write it anew: npx tsx scripts/write-asyncapi.ts").toBe(
      true,
    );
  });

  it("keeps to AsyncAPI's own JSON schema of version 3.0.0", () => {
    const schema = require("@asyncapi/specs/schemas/3.0.0.json");
    // It brings draft 07 with it, which is Ajv's own too. Of its formats it has only uri and the like.
    const own = { meta: false, validateSchema: false } as const;
    const validate = new Ajv({ ...own, strict: false, validateFormats: false, allErrors: true }).compile(schema);
    validate(written);
    expect(validate.errors).toBeNull();
    const broken = { ...(written as object), operations: { a: { action: "call", channel: { $ref: "#/channels/a" } } } };
    expect(validate(broken)).toBe(false);
  });

  it("refers to nothing that is not there", () => {
    const all = references(written);
    expect(all.length).toBeGreaterThan(100);
    expect(all.filter((reference) => found(written, reference) === undefined)).toEqual([]);
  });

  it("shows secrets as masked only", () => {
    const document = JSON.stringify(asyncApiDocument(fakeTypes, new Subjects()));
    expect(document).not.toContain('"enum":["password"');
    const { properties } = found(JSON.parse(document), "#/components/schemas/edge_router") as {
      properties: Record<string, object>;
    };
    expect(properties.password).toEqual({ type: ["string", "null"], examples: ["***"] });
  });
});

describe("the document", () => {
  it("has a receiving operation for each endpoint, under its name and on its subject", () => {
    const subjects = new Subjects("other");
    const { channels, operations } = asyncApiDocument(fakeTypes, subjects) as unknown as Document;
    const served = endpointsOf(new FakeGateway().types, subjects, "http://gateway.example");
    const received = Object.entries(operations)
      .filter(([, { action }]) => action === "receive")
      .map(([name, { channel }]) => [name, channels[channel.$ref.replace("#/channels/", "")]?.address]);
    expect(received).toEqual(served.map(({ name, subject }) => [name, subject]));
  });
});
