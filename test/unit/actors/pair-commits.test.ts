import { expect, it } from "vitest";
import { allCells } from "./pair-table/cells.ts";
import { runTable } from "./pair-table/run-table.ts";

/** One cell in so many; which ones, the minute says. All of them are run by test/long/pair-commits.test.ts. */
const ONE_IN = 211;

it("leaves no pair unequal, nothing that nobody owns, no lock and no pending commit: a sample of the table", async () => {
  const first = Math.floor(Date.now() / 60_000) % ONE_IN;
  const sample = allCells().cells.filter((_, at) => at % ONE_IN === first);
  expect(sample.length).toBeGreaterThan(15);
  expect(await runTable(sample)).toEqual({});
}, 180_000);
