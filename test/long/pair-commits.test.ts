import { expect, it } from "vitest";
import { allCells } from "../unit/actors/pair-table/cells.ts";
import { runTable } from "../unit/actors/pair-table/run-table.ts";

it("leaves no pair unequal, nothing that nobody owns, no lock and no pending commit, whatever a step is answered with", async () => {
  const { cells, impossible } = allCells();
  const reasons = new Map<string, string[]>();
  for (const { name, reason } of impossible) reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  const wrong = await runTable(cells);
  const left = [...reasons].map(
    ([reason, names]) => `${names.length} cannot be, since ${reason}:\n  ${names.join("\n  ")}`,
  );
  console.log(`${cells.length} cells run, ${Object.keys(wrong).length} wrong\n${left.join("\n")}`);
  expect(wrong).toEqual({});
}, 1_200_000);
