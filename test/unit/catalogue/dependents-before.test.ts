import { describe, expect, it } from "vitest";
import { type Expansion, expandCreate } from "../../../src/catalogue/expand-request.ts";
import { type Body, poolKey } from "../../../src/catalogue/resource-view.ts";
import { catalogueOf, refusalOf, typeOf } from "./catalogue-text.ts";
import { MemoryView } from "./memory-view.ts";

/*
 * A resource that is built on what is made along with it: it knows its dependents' ids from the first, waits for them, and they do not see
 * it yet (reference: side effects, the order within a common_function_gateway).
 */

const catalogue = catalogueOf({
  house: `type: house
collection: houses
title: A house on its ground
fields:
  id: { type: string }
  ground_id: { type: string }
  street_id: { type: string, relation: street, writable: [create], set_by: member, belongs_to: operators }
  number: { type: integer }
  plate: { type: string }
derive:
  ground_id: "@ground.id"
  number: { claim: number, of: street_id }
  plate: { claim: plate, type: maker, of: .street_id }
dependents:
  - { as: ground, type: ground, before: true, fields: { house_id: .id } }
  - { as: path, type: ground, before: true, fields: { house_id: .id, beside: "@ground.id" } }
  - { as: roof, type: ground, fields: { house_id: .id } }
stack: =build
handlers:
  build: { handler: heat_worker, params: { ground: (ground_id as ground).id } }
`,
  ground: `type: ground
collection: grounds
title: Ground
fields:
  id: { type: string }
  house_id: { type: string }
  beside: { type: string }
dependents:
  - { as: stone, type: stone, fields: { ground_id: .id } }
stack: =dig
handlers:
  dig: { handler: heat_worker, params: { house: (house_id as house).id ? } }
`,
  stone: `type: stone
collection: stones
title: A stone in the ground
fields: { id: { type: string }, ground_id: { type: string } }
`,
  street: `type: street
collection: streets
title: Gives numbers
infrastructure: true
fields: { id: { type: string }, taken: { type: string } }
pools:
  number: { bitmap: taken, size: 2, first: 7, recorded: true }
`,
  maker: `type: maker
collection: makers
title: Gives addresses
fields: { id: { type: string }, taken: { type: string }, ranges: { type: array } }
pools:
  plate: { bitmap: taken, addresses: ranges, recorded: true }
`,
});

function expand(view: MemoryView, fields: Body = { street_id: "s" }): Expansion {
  let made = 0;
  let jobs = 0;
  return expandCreate(typeOf(catalogue, "house"), fields, {
    catalogue,
    view,
    uuid: () => `id${++made}`,
    suffix: () => String(++jobs),
  });
}

/** The bitmaps say that everything is taken: they only tell what the claims have decided. */
const world = () =>
  new MemoryView()
    .add("street", "s", { taken: "/w==" })
    .add("maker", "s", { taken: "/w==", ranges: [{ start: "192.0.2.1", end: "192.0.2.2" }] });

describe("dependents that come before their resource", () => {
  it("are known to it by their ids, and have dependents of their own", () => {
    const { root, dependents } = expand(world());
    expect(root).toMatchObject({ id: "id1", body: { ground_id: "id2" } });
    expect(dependents.map(({ type, id, owner }) => [type, id, owner?.id])).toEqual([
      ["ground", "id2", "id1"],
      ["stone", "id5", "id2"],
      ["ground", "id3", "id1"],
      ["stone", "id6", "id3"],
      ["ground", "id4", "id1"],
      ["stone", "id7", "id4"],
    ]);
    expect(dependents[2]?.body).toMatchObject({ house_id: "id1", beside: "id2" });
  });

  it("do not wait for it, it waits for them; those after it wait for it", () => {
    const { root, dependents } = expand(world());
    const waits = (of: Expansion["root"] | undefined) => of?.plan.jobs[0]?.dependency;
    const grounds = dependents.filter(({ type }) => type === "ground");
    expect(grounds.map(waits)).toEqual([[], [], [root.plan.jobs[0]?.id]]);
    expect(waits(root)).toEqual([grounds[0]?.plan.jobs[0]?.id]);
    expect(grounds.map(({ plan }) => plan.jobs[0]?.params[0]?.value)).toEqual(["", "", "id1"]);
  });
});

describe("a claim on a pool whose bitmap is recorded", () => {
  it("takes the lowest number that nobody has claimed, counted from the first, and an address of the ranges", () => {
    const view = world()
      .claim(poolKey("street", "s", "number"), 0)
      .claim(poolKey("maker", "s", "plate"), 0);
    const { root } = expand(view);
    expect([root.body["number"], root.body["plate"]]).toEqual([8, "192.0.2.2"]);
    expect(root.claims).toEqual([
      { pool: "street/s/number", number: 1, field: "number", allocated: true },
      { pool: "maker/s/plate", number: 1, field: "plate", allocated: true },
    ]);
  });

  it("is refused when all are claimed, with the pool's owner", () => {
    const error = refusalOf(() => expand(world().claim(poolKey("maker", "s", "plate"), 0, 1)));
    expect([error.code, error.message]).toEqual(["SB_POOL_EXHAUSTED", "no plate is left on maker s"]);
  });

  it("is refused when its owner is not found", () => {
    const error = refusalOf(() => expand(new MemoryView().add("street", "s")));
    expect([error.code, error.fields[0]?.pointer]).toEqual(["SB_RELATION_NOT_FOUND", "/plate"]);
  });
});
