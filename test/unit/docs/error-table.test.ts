import { expect, it } from "vitest";
import { errorTable } from "../../../src/errors.ts";
import { rowsOf, sectionOf, textOf } from "./documents.ts";

it("the table of error codes in docs/operations.md is that of src/errors.ts", () => {
  const rows = rowsOf(sectionOf(textOf("docs/operations.md"), "## Error codes"));
  const wanted = errorTable().map(({ code, title, status, exit, transient, advice }) => [
    `\`${code}\``,
    title,
    String(status),
    String(exit),
    transient ? "yes" : "no",
    advice,
  ]);
  expect(rows, "write it anew: npx tsx scripts/write-error-table.ts").toEqual(wanted);
});
