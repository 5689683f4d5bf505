import { expect, it } from "vitest";
import { allCells } from "../unit/actors/pair-table/cells.ts";
import { runTable } from "../unit/actors/pair-table/run-table.ts";

it("x", async () => {
  const { cells } = allCells();
  const taken = cells.filter(({ job }, at) => job !== "create" && at % 14 === 3);
  const wrong = await runTable(taken);
  console.log(`${taken.length} of ${cells.length} cells run, ${Object.keys(wrong).length} wrong`);
  expect(wrong).toEqual({});
}, 1_800_000);
