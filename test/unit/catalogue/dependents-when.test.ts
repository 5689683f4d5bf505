import { expect, it } from "vitest";
import { checkFixed, expandCreate } from "../../../src/catalogue/expand-request.ts";
import type { Body } from "../../../src/catalogue/resource-view.ts";
import { catalogueOf, refusalOf, typeOf } from "./catalogue-text.ts";
import { MemoryView } from "./memory-view.ts";

const catalogue = catalogueOf({
  lamp: `type: lamp
collection: lamps
title: A lamp, with a cable when it is plugged in
fields:
  id: { type: string }
  plug: { type: string, writable: [create, update] }
  colour: { type: string, writable: [create, update] }
checks:
  - { when: { field: plug }, fixed: [plug] }
  - { when: { field: colour, equals: red }, fixed: [colour] }
dependents:
  - { as: cable, type: cable, when: .plug, fields: { plug: .plug } }
  - { as: shade, type: cable, fields: {} }
`,
  cable: `type: cable
collection: cables
title: What a lamp has
fields: { id: { type: string }, plug: { type: string } }
`,
});
const lamp = typeOf(catalogue, "lamp");

function made(fields: Body): unknown[] {
  let ids = 0;
  const view = new MemoryView();
  const sources = { catalogue, view, uuid: () => `id${++ids}`, suffix: () => "s" };
  return expandCreate(lamp, fields, sources).dependents.map(({ body }) => body);
}

it("a dependent with a condition is made only when that has a value", () => {
  expect(made({ plug: "left" })).toEqual([{ id: "id2", plug: "left" }, { id: "id3" }]);
  for (const fields of [{}, { plug: "" }]) expect(made(fields)).toEqual([{ id: "id3" }]);
});

it("a fixed field keeps its value while its condition holds", () => {
  const refused = (body: Body, set: Body) => refusalOf(() => checkFixed(lamp, body, set)).fields;
  expect(refused({ plug: "left" }, { plug: "" })).toEqual([
    { pointer: "/plug", detail: "cannot be changed when plug is set" },
  ]);
  expect(refused({ colour: "red" }, { colour: "blue", plug: "left" })).toEqual([
    { pointer: "/colour", detail: "cannot be changed when colour is red" },
  ]);
  for (const [body, set] of [
    [{ plug: "left" }, { plug: "left", colour: "blue" }],
    [{}, { plug: "left" }],
    [{ colour: "blue" }, { colour: "red" }],
  ] as const)
    expect(() => checkFixed(lamp, body, set)).not.toThrow();
});
