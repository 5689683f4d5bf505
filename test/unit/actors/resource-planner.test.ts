import { describe, expect, it } from "vitest";
import { ResourcePlanner } from "../../../src/actors/resource-planner.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import type { Body } from "../../../src/catalogue/resource-view.ts";
import { resourceTransition } from "../../../src/machines/resource/resource-machine.ts";
import type { Lifecycle } from "../../../src/machines/resource/resource-status.ts";
import type { ResourceEvent } from "../../../src/machines/resource/resource-types.ts";
import { catalogueOf, refusalOf } from "../catalogue/catalogue-text.ts";
import { MemoryView } from "../catalogue/memory-view.ts";
import { created, remove, stateAfter, update, wayTo } from "../machines/resource/things.ts";

/*
 * What a client is told in each state. The machine ignores what means nothing (test/unit/machines/resource/state-table.test.ts); the planner
 * says why, with a code, and the snapshot stays as it is because there is no event.
 */

const catalogue = catalogueOf({
  base: "type: base\ncollection: bases\ntitle: What things are on\ninfrastructure: true\nfields: { id: { type: string } }\n",
  thing: `type: thing
collection: things
title: A thing
fields:
  id: { type: string }
  name: { type: string, unique: true, writable: [create, update] }
  base_id: { type: string, relation: base, writable: [create, update], set_by: member, belongs_to: operators }
  color: { type: string, writable: [update] }
  tenant_id: { type: string }
  status: { type: string }
stack: =make
monitoring: =watch
handlers:
  make: { handler: heat_worker, params: { name: .name, base: base_id.id ? } }
  watch: { handler: monitoring_worker, params: { name: .name } }
`,
});

const planner = (view = new MemoryView().add("base", "b1")) =>
  new ResourcePlanner(catalogue, view, new SeededRandom(1));
const kinds = (event: ResourceEvent | undefined) =>
  event && "plan" in event ? event.plan?.jobs.map(({ action, handler }) => `${action}:${handler}`) : undefined;

const create = ["create:heat_worker", "create:monitoring_worker"];
const modify = ["delete:monitoring_worker", "modify:heat_worker", "create:monitoring_worker"];

describe("an update", () => {
  const set: Body = { name: "three" };

  it.each<[Lifecycle, readonly string[] | undefined]>([
    ["pending_create", undefined],
    ["create_completed", modify],
    ["create_failed", create],
    ["pending_update", undefined],
    ["update_failed", modify],
  ])("of a resource in %s is taken, with its plan when it rests", (state, plan) => {
    const event = planner().update(stateAfter(wayTo[state]), set);
    expect(event).toMatchObject({ type: "UPDATE", set, uniques: [{ field: "name", value: "three" }], references: [] });
    expect(kinds(event)).toEqual(plan);
  });

  it.each<Lifecycle>(["pending_delete", "delete_failed"])(
    "of a resource in %s is refused: it is being deleted",
    (state) => {
      expect(refusalOf(() => planner().update(stateAfter(wayTo[state]), set)).code).toBe("SB_BEING_DELETED");
    },
  );

  it.each<Lifecycle>(["pending_create", "create_completed", "create_failed", "pending_update", "update_failed"])(
    "of a resource in %s is refused once its deletion is announced or accepted",
    (state) => {
      for (const event of [remove(), { type: "PROPOSE_DELETE", by: "p" } as const]) {
        const snapshot = stateAfter([...wayTo[state], event]);
        expect(refusalOf(() => planner().update(snapshot, set)).code).toBe("SB_BEING_DELETED");
      }
    },
  );

  it("that changes nothing is nothing, but for one that failed", () => {
    expect(planner().update(stateAfter(created), { name: "one" })).toBeUndefined();
    expect(planner().update(stateAfter(created), {})).toBeUndefined();
    expect(planner().update(stateAfter(wayTo.update_failed), { name: "two" })?.type).toBe("UPDATE");
    // The latest version counts, whether it has had its turn or not.
    const queued = stateAfter([...wayTo.pending_create, update(null, { name: "two" })]);
    expect(planner().update(queued, { name: "two" })).toBeUndefined();
    expect(planner().update(queued, { name: "one" })?.type).toBe("UPDATE");
  });

  it("must refer to what is there and stays", () => {
    const snapshot = stateAfter(created);
    expect(planner().update(snapshot, { base_id: "b1" })).toMatchObject({ references: [{ type: "base", id: "b1" }] });
    expect(refusalOf(() => planner().update(snapshot, { base_id: "b9" })).code).toBe("SB_RELATION_NOT_FOUND");
    const leaving = new MemoryView().add("base", "b1", {}, { markedForDeletion: true });
    expect(refusalOf(() => planner(leaving).update(snapshot, { base_id: "b1" })).code).toBe("SB_BEING_DELETED");
  });

  it("is an event that the machine takes", () => {
    for (const state of ["pending_create", "create_completed", "create_failed", "update_failed"] as const) {
      const snapshot = stateAfter(wayTo[state]);
      const event = planner().update(snapshot, set);
      if (event === undefined) throw new Error("no event");
      expect([state, resourceTransition(snapshot, event).taken]).toEqual([state, true]);
    }
  });
});

describe("a retry", () => {
  it.each<[Lifecycle, readonly string[]]>([
    ["create_failed", create],
    ["update_failed", modify],
    ["delete_failed", ["delete:monitoring_worker", "delete:heat_worker"]],
  ])("of a resource in %s plans the failed version anew", (state, plan) => {
    const snapshot = stateAfter(wayTo[state]);
    const event = planner().retry(snapshot);
    expect(kinds(event)).toEqual(plan);
    expect(resourceTransition(snapshot, event).snapshot.value.lifecycle).toBe(
      state.replace(/(.*)_failed/, "pending_$1"),
    );
  });

  it.each<Lifecycle>(["pending_create", "create_completed", "pending_update", "pending_delete"])(
    "of a resource in %s is refused: it has not failed",
    (state) => {
      expect(refusalOf(() => planner().retry(stateAfter(wayTo[state]))).code).toBe("SB_NOT_RETRYABLE");
    },
  );

  it("is refused when something newer comes next", () => {
    for (const state of ["create_failed", "update_failed"] as const) {
      expect(refusalOf(() => planner().retry(stateAfter([...wayTo[state], remove()]))).code).toBe("SB_BEING_DELETED");
      expect(refusalOf(() => planner().retry(stateAfter([...wayTo[state], update(null)]))).code).toBe(
        "SB_NOT_RETRYABLE",
      );
    }
  });

  it("of a deletion waits for what could not be deleted on it", () => {
    const view = new MemoryView().add(
      "node",
      "n1",
      {},
      { markedForDeletion: true, deletionFailed: true, refersTo: [{ type: "thing", id: "t1" }] },
    );
    const error = refusalOf(() => planner(view).retry(stateAfter(wayTo.delete_failed)));
    expect([error.code, error.message]).toEqual(["SB_DEPENDENCY_FAILED", expect.stringContaining("node n1")]);
  });
});

describe("the next version", () => {
  it("starts when the resource rests, and only then", () => {
    expect(planner().start(stateAfter(created))).toBeUndefined();
    expect(planner().start(stateAfter([...wayTo.pending_create, update(null)]))).toBeUndefined();
    expect(kinds(planner().start(stateAfter([...created, update(null)])))).toEqual(modify);
    expect(kinds(planner().start(stateAfter([...wayTo.create_failed, update(null)])))).toEqual(create);
    expect(kinds(planner().start(stateAfter([...created, remove()])))).toEqual([
      "delete:monitoring_worker",
      "delete:heat_worker",
    ]);
  });

  it("fails when it cannot be planned, and says why", () => {
    const left = new MemoryView().add(
      "node",
      "n1",
      {},
      { markedForDeletion: true, deletionFailed: true, refersTo: [{ type: "thing", id: "t1" }] },
    );
    expect(planner(left).start(stateAfter([...created, remove()]))).toEqual({
      type: "START_FAILED",
      error: expect.stringMatching(/^SB_DEPENDENCY_FAILED: node n1 could not be deleted and is built on this thing/),
    });
  });

  it("of an unknown type is none", () => {
    expect(refusalOf(() => planner().definition("house")).code).toBe("SB_NOT_FOUND");
  });
});

describe("a pool whose bitmap shows what is given out", () => {
  const pools = catalogueOf({
    pool: `type: pool
collection: pools
title: Gives numbers
fields: { id: { type: string }, taken: { type: string } }
pools:
  number: { bitmap: taken, size: 16, recorded: true }
  other: { bitmap: taken, size: 16 }
`,
    user: `type: user
collection: users
title: Has a number
fields: { id: { type: string }, pool_id: { type: string, relation: pool }, number: { type: integer } }
derive:
  number: { claim: number, of: pool_id }
`,
  });
  const planned = (view = new MemoryView()) => new ResourcePlanner(pools, view, new SeededRandom(1));
  const claim = (pool: string, number: number) => ({
    pool: `pool/p/${pool}`,
    number,
    field: "number",
    allocated: true,
  });
  const owner = (taken: string) => ({
    ...stateAfter(created).context,
    type: "pool",
    id: "p",
    body: { id: "p", taken },
  });
  const bitmap = (hex: string) => Buffer.from(hex, "hex").toString("base64");

  it("is told of each claim with the creation, and of its end when the deletion is complete", () => {
    const type = planned().definition("user");
    const claims = [claim("number", 3), claim("other", 4)];
    const told = (taken: boolean) => [
      { to: { type: "pool", id: "p" }, set: {}, bits: [{ pool: "pool/p/number", number: 3, taken }] },
    ];
    expect(planned().changes(type, "u", {}, claims)).toEqual({ now: told(true), onComplete: [], onDeleted: [] });
    expect(planned().deletionChanges(type, "u", {}, claims)).toEqual({
      now: [],
      onComplete: [],
      onDeleted: told(false),
    });
  });

  it("changes by these numbers from what it is at its turn", () => {
    const set = (number: number, taken: boolean) => ({ pool: "pool/p/number", number, taken });
    const withRecorded = (of: string, ...bits: ReturnType<typeof set>[]) =>
      planned().withRecorded(owner(bitmap(of)), bits);
    expect(withRecorded("8000", set(1, true), set(2, true))).toEqual({ taken: bitmap("e000") });
    expect(withRecorded("e000", set(1, false))).toEqual({ taken: bitmap("a000") });
    expect(withRecorded("e000")).toEqual({});
  });

  it("still shows a number that somebody has taken anew before its return came in", () => {
    const view = new MemoryView().claim("pool/p/number", 1);
    const bits = [{ pool: "pool/p/number", number: 1, taken: false }];
    expect(planned(view).withRecorded(owner(bitmap("4000")), bits)).toEqual({ taken: bitmap("4000") });
  });

  it("changes by whole blocks, and counts what is left", () => {
    const blocks = catalogueOf({
      pool: `type: pool
collection: pools
title: Gives blocks
fields: { id: { type: string }, network: { type: string }, length: { type: integer }, taken: { type: string }, left: { type: integer } }
pools:
  part: { bitmap: taken, block: { network: network, length: length }, recorded: true, left: left }
`,
    });
    const bits = (number: number, count: number, taken: boolean) => [{ pool: "pool/p/part", number, count, taken }];
    const planner = (view: MemoryView) => new ResourcePlanner(blocks, view, new SeededRandom(1));
    const none = planner(new MemoryView());
    expect(
      none.changes(blocks.types.get("pool") ?? none.definition("pool"), "u", {}, [
        { pool: "pool/p/part", number: 4, count: 4, field: "cidr", allocated: true },
      ]).now,
    ).toEqual([{ to: { type: "pool", id: "p" }, set: {}, bits: bits(4, 4, true) }]);
    expect(none.withRecorded(owner(bitmap("8000")), bits(4, 4, true))).toEqual({ taken: bitmap("8f00"), left: 11 });
    expect(none.withRecorded(owner(bitmap("8f00")), bits(4, 4, false))).toEqual({ taken: bitmap("8000"), left: 15 });
    // Half of it was taken anew before its return came in.
    const anew = planner(new MemoryView().claim("pool/p/part", 4, 5));
    expect(anew.withRecorded(owner(bitmap("8f00")), bits(4, 4, false))).toEqual({ taken: bitmap("8c00"), left: 13 });
  });

  it("is referred to by whoever has a number of it, once", () => {
    const type = planned().definition("user");
    const refer = (body: Body) => planned().references(type, body, [claim("number", 3)]);
    expect(refer({})).toEqual([{ type: "pool", id: "p" }]);
    expect(refer({ pool_id: "p" })).toEqual([{ type: "pool", id: "p" }]);
  });
});
