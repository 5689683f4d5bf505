import { expect, it } from "vitest";
import { allCells } from "../unit/actors/pair-table/cells.ts";
import { runTable } from "../unit/actors/pair-table/run-table.ts";

/** One cell in so many, others each hour; all of them with SIGNALBOX_CELLS=all, which takes about half an hour. */
const ONE_IN = process.env["SIGNALBOX_CELLS"] === "all" ? 1 : 12;

it("leaves no pair unequal, nothing that nobody owns, no lock and no pending commit, whatever a step is answered with", async () => {
  const { cells, impossible } = allCells();
  const first = Math.floor(Date.now() / 3_600_000) % ONE_IN;
  const taken = cells.filter((_, at) => at % ONE_IN === first);
  const reasons = new Map<string, string[]>();
  for (const { name, reason } of impossible) reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  const wrong = await runTable(taken);
  const left = [...reasons].map(
    ([reason, names]) => `${names.length} cannot be, since ${reason}:\n  ${names.join("\n  ")}`,
  );
  console.log(`${taken.length} of ${cells.length} cells run, ${Object.keys(wrong).length} wrong\n${left.join("\n")}`);
  expect(wrong).toEqual({});
}, 1_800_000);
