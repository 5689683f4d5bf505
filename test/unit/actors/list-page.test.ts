import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstSorted as sortedInSteps } from "../../../src/actors/first-sorted.ts";
import type { ListQuery } from "../../../src/actors/gateway-api.ts";
import { atOnce } from "../../../src/actors/in-steps.ts";
import { listPage as pageInSteps } from "../../../src/actors/list-page.ts";
import { listedEntry, listedType } from "./listed-entries.ts";

const listPage = (...of: Parameters<typeof pageInSteps>) => atOnce(pageInSteps(...of));
const firstSorted = <T>(items: readonly T[], count: number, compare: (a: T, b: T) => number) =>
  atOnce(sortedInSteps(items, count, compare));

const entries = [
  listedEntry("d", { name: "b", size: 10, on: true, key: "hidden" }),
  listedEntry("a", { name: "b", size: 9, on: false }),
  listedEntry("c", { name: "a", size: null }),
  listedEntry("b", { name: "c", size: 100, on: true }),
];
const ids = (query: ListQuery) => listPage(entries, listedType, query).resources.map(({ id }) => id);
const by = (field: string, descending = false) => ({ field, descending });

describe("a list", () => {
  it("is in the order of the ids when nothing is said", () => {
    expect(ids({})).toEqual(["a", "b", "c", "d"]);
  });

  it("sorts numbers as numbers, with what nobody set first, and backwards", () => {
    expect(ids({ sort: [by("size")] })).toEqual(["c", "a", "d", "b"]);
    expect(ids({ sort: [by("size", true)] })).toEqual(["b", "d", "a", "c"]);
  });

  it("breaks ties by the next key and then by the id, forwards also when the key goes backwards", () => {
    expect(ids({ sort: [by("name")] })).toEqual(["c", "a", "d", "b"]);
    expect(ids({ sort: [by("name", true)] })).toEqual(["b", "a", "d", "c"]);
    expect(ids({ sort: [by("name"), by("size", true)] })).toEqual(["c", "d", "a", "b"]);
  });

  it("has pages by offset and by marker, and the number of all", () => {
    const page = listPage(entries, listedType, { sort: [by("size")], offset: 1, limit: 2 });
    expect([page.total, page.resources.map(({ id }) => id)]).toEqual([4, ["a", "d"]]);
    expect(ids({ sort: [by("size")], marker: "a", limit: 1 })).toEqual(["d"]);
    expect(ids({ sort: [by("size")], marker: "b" })).toEqual([]);
    expect(ids({ limit: 0 })).toEqual([]);
    expect(ids({ offset: 9 })).toEqual([]);
    expect(() => ids({ marker: "x" })).toThrow("The marker is the id of none of these things.");
  });

  it("filters by any field as it is shown, a status too, and counts what is left", () => {
    expect(ids({ filters: { on: ["true"] } })).toEqual(["b", "d"]);
    expect(ids({ filters: { on: ["true"], size: ["10", "11"] } })).toEqual(["d"]);
    expect(ids({ filters: { size: [""] } })).toEqual(["c"]);
    const ofStatus = (status: string) => listPage(entries, listedType, { filters: { status: [status] }, limit: 1 });
    expect([ofStatus("ACTIVE").total, ofStatus("ERROR").total]).toEqual([4, 0]);
  });

  it("finds a list by what is in it", () => {
    const listed = [
      listedEntry("a", { hosts: ["x", "y"], addresses: [{ ip: "10.0.0.1" }] }),
      listedEntry("b", { hosts: ["z"], addresses: [{ ip: "10.0.0.2" }, { ip: "10.0.0.3" }] }),
    ];
    const found = (filters: Record<string, string[]>) =>
      listPage(listed, listedType, { filters }).resources.map(({ id }) => id);
    expect(found({ hosts: ["y"] })).toEqual(["a"]);
    expect(found({ addresses: ["ip=10.0.0.3"] })).toEqual(["b"]);
    expect(found({ addresses: ["ip=10.0.0.9"], hosts: ["y"] })).toEqual([]);
  });

  it("leaves out what is not the caller's, also from the number of all", () => {
    const page = listPage(entries, listedType, { visible: (body) => body["name"] === "b", limit: 1 });
    expect([page.total, page.resources.map(({ id }) => id)]).toEqual([2, ["a"]]);
  });

  it("answers the fields that were asked for, secrets masked", () => {
    const page = listPage(entries, listedType, { fields: ["name", "key", "status"], filters: { id: ["d"] } });
    expect(page.resources).toEqual([{ name: "b", key: "***", status: "ACTIVE" }]);
  });

  it("builds answers for the page only", () => {
    let reads = 0;
    const many = Array.from({ length: 5_000 }, (_, at) =>
      listedEntry(String(at).padStart(5, "0"), {
        size: (at * 7919) % 5_000,
        get text() {
          reads += 1;
          return "long";
        },
      }),
    );
    reads = 0;
    const page = listPage(many, listedType, { sort: [by("size")], offset: 20, limit: 10 });
    expect([page.total, page.resources.map(({ size }) => size)]).toEqual([
      5_000,
      Array.from({ length: 10 }, (_, at) => 20 + at),
    ]);
    expect(reads).toBe(10);
  });
});

describe("the first of many", () => {
  it("are those of the sorted list, in its order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 200 }), fc.nat(60), (numbers, count) => {
        const items = numbers.map((number, at) => ({ number, at }));
        const compare = (a: (typeof items)[number], b: (typeof items)[number]) => a.number - b.number || a.at - b.at;
        expect(firstSorted(items, count, compare)).toEqual(items.toSorted(compare).slice(0, count));
      }),
    );
  });

  it("pages one after the other are the whole list", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: fc.constantFrom("a", "b", "c"), size: fc.nat(3) }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        (bodies, limit, descending) => {
          const all = bodies.map((body, at) => listedEntry(`id-${(at * 37) % 61}`, body));
          const sort = [by("name", descending), by("size")];
          const paged: unknown[] = [];
          for (let offset = 0; offset < all.length; offset += limit) {
            // The index may tell them in any order: each change moves a resource to the end.
            const turned = [...all.slice(offset), ...all.slice(0, offset)];
            paged.push(...listPage(turned, listedType, { sort, offset, limit }).resources);
          }
          expect(paged).toEqual(listPage(all, listedType, { sort }).resources);
        },
      ),
    );
  });
});

describe("a list of very many", () => {
  it("is made in steps that each look at a few: filtered, sorted and answered", () => {
    const MANY = 20_000;
    const many = Array.from({ length: MANY }, (_, at) => listedEntry(String(at).padStart(6, "0"), { size: at % 97 }));
    for (const query of [
      {},
      { sort: [by("size")] },
      { filters: { size: ["3"] } },
      { sort: [by("size", true)], limit: 50 },
    ]) {
      let steps = 0;
      let looks = 0;
      let most = 0;
      const visible = () => {
        looks += 1;
        return true;
      };
      const work = pageInSteps(many, listedType, { ...query, visible });
      for (let step = work.next(); step.done !== true; step = work.next()) {
        steps += 1;
        most = Math.max(most, looks);
        looks = 0;
      }
      expect(most).toBeLessThanOrEqual(250);
      expect(steps).toBeGreaterThanOrEqual(MANY / 250 - 1);
    }
  });
});
