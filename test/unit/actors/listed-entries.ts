import type { IndexEntry } from "../../../src/actors/resource-index.ts";
import type { Body } from "../../../src/catalogue/resource-view.ts";
import type { TypeDefinition } from "../../../src/catalogue/type-definition.ts";
import { catalogueOf, typeOf } from "../catalogue/catalogue-text.ts";

export const listedType: TypeDefinition = typeOf(
  catalogueOf({
    thing: `type: thing
collection: things
title: What is listed
fields:
  id: { type: string }
  name: { type: string, default: "", writable: [create, update] }
  size: { type: [integer, "null"], writable: [create, update] }
  on: { type: boolean, writable: [create, update] }
  text: { type: string, writable: [create, update] }
  hosts: { type: array, items: { type: string }, writable: [create, update] }
  addresses: { type: array, items: { type: object }, writable: [create, update] }
  key: { type: string, secret: true, writable: [create, update] }
  status: { type: string, default: NO_STATE }
`,
  }),
  "thing",
);

/** An accepted resource as the index has it, at rest. */
export function listedEntry(id: string, fields: Body, version = 1): IndexEntry {
  const body: Body = Object.defineProperties({ id }, Object.getOwnPropertyDescriptors(fields));
  const entry: Partial<IndexEntry> & { context: object } = {
    type: "thing",
    id,
    body,
    seq: 1,
    value: { lifecycle: "create_completed", operational: "up" },
    jobs: [],
    context: {
      type: "thing",
      id,
      body,
      version,
      queue: [],
      error: "",
      hasStatus: true,
      fixedStatus: null,
      monitoring: null,
    } as never,
  };
  return entry as IndexEntry;
}
