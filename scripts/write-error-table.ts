/** Writes the table of error codes in docs/operations.md anew from src/errors.ts. Run after a change there. */
import { readFileSync, writeFileSync } from "node:fs";
import { errorTable } from "../src/errors.ts";

const file = new URL("../docs/operations.md", import.meta.url);
const text = readFileSync(file, "utf8");
const before = /^\| code +\|(?:.*\n\|)*.*\n/m;
if (!before.test(text)) throw new Error("docs/operations.md has no table of error codes");

const headings = ["code", "what happened", "HTTP", "exit", "again?", "what to do"];
const rows = errorTable().map(({ code, title, status, exit, transient, advice }) =>
  [`\`${code}\``, title, status, exit, transient ? "yes" : "no", advice].map((cell) =>
    String(cell).replaceAll("|", "\\|"),
  ),
);
const widths = headings.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |\n`;
const rule = line(widths.map((width) => "-".repeat(width)));
const table = line(headings) + rule + rows.map(line).join("");
writeFileSync(
  file,
  text.replace(before, () => table),
);
console.log(`docs/operations.md: ${rows.length} error codes`);
