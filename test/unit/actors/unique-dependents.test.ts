import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TypeTexts } from "../catalogue/catalogue-text.ts";
import { MemorySystem, outcomes } from "./memory-system.ts";

const head = (type: string) => `type: ${type}
collection: ${type}s
title: A ${type}
fields:
  id: { type: string }
  label: { type: string, default: "", writable: [create, update] }
  status: { type: string, default: NO_STATE }
`;

/** A `couple` makes two `plug`s, of which no two may have the same slot and number. */
const types: TypeTexts = {
  plug: `${head("plug").replace("  status", "  slot: { type: string, writable: [create] }\n  number: { type: string, writable: [create, update] }\n  status")}
unique_together: [[slot, number]]
`,
  couple: `${head("couple").replace("  status", "  one: { type: string, writable: [create] }\n  two: { type: string, writable: [create] }\n  status")}
dependents:
  - { as: left, type: plug, fields: { slot: .one, number: =7 } }
  - { as: right, type: plug, fields: { slot: .two, number: =7 } }
`,
};

let system: MemorySystem;
beforeEach(async () => {
  system = await MemorySystem.start(2, undefined, { types });
});
afterEach(() => system.stop());

const couple = (one: string, two: string, process = 0) => system.gateway(process).create("couple", { one, two });
const plug = (slot: string, process = 0) => system.gateway(process).create("plug", { slot, number: "7" });
const list = async (type: string) => (await system.gateway().list(type, {})).resources;

describe("what is made along with a resource", () => {
  it("has no value that another one has", async () => {
    await plug("a");
    await expect(couple("b", "a")).rejects.toMatchObject({
      code: "SB_UNIQUE_TAKEN",
      message: expect.stringContaining("slot+number a+7 of the plug that comes with it"),
    });
    expect([(await list("couple")).length, (await list("plug")).length]).toEqual([0, 1]);
  });

  it("keeps its values from others as soon as the request is answered", async () => {
    await couple("a", "b");
    for (const process of [0, 1]) {
      await expect(plug("b", process)).rejects.toMatchObject({ code: "SB_UNIQUE_TAKEN" });
      await expect(couple("c", "a", process)).rejects.toMatchObject({ code: "SB_UNIQUE_TAKEN" });
    }
    expect(await list("plug")).toHaveLength(2);
  });

  it("is one request's of several that come at once, in any process", async () => {
    for (const round of ["x", "y", "z"]) {
      const [a, b, c] = [`a${round}`, `b${round}`, `c${round}`];
      const { taken, refused } = await outcomes([couple(a, b, 0), couple(c, b, 1), plug(b, 0), plug(b, 1)]);
      expect([taken, refused]).toEqual([1, Array(3).fill("SB_UNIQUE_TAKEN")]);
      expect((await list("plug")).filter((each) => each["slot"] === b)).toHaveLength(1);
    }
  });

  it("has no value twice within one request", async () => {
    await expect(couple("a", "a")).rejects.toMatchObject({ code: "SB_UNIQUE_TAKEN" });
    expect(await list("plug")).toEqual([]);
  });

  it("can be changed, and is free again when all is gone", async () => {
    const made = await couple("a", "b");
    const [left] = await list("plug");
    const id = String(left?.["id"]);
    await system.until(id, ({ state }) => state === "create_completed");
    expect(await system.gateway(1).update("plug", id, { label: "changed" })).toMatchObject({ label: "changed" });
    await system.until(id, ({ state, version }) => state === "create_completed" && version === 2);
    await system.gateway().remove("couple", String(made["id"]));
    await system.until(String(made["id"]), ({ deleted }) => deleted);
    expect(await couple("a", "b")).toMatchObject({ one: "a", two: "b" });
  });
});
