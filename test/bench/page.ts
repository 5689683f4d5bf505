import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import type { Benchmark, BenchReport, BenchTable } from "./benchmark.ts";

/** What figures depend on. Taken down before a benchmark runs, as it raises the load itself. */
export function machineText(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const [load = 0] = loadavg();
  return (
    `${cores.length} cores (${cores[0]?.model.trim() ?? "unknown"}), ${memory} GiB, Linux ${release()}, ` +
    `Node ${process.version}; load average at the start ${load.toFixed(1)}`
  );
}

/** The section of a benchmark in docs/benchmarks.md, without its heading. */
export function sectionText(report: BenchReport, command: string, machine: string): string {
  const parts = [`Command: \`${command}\`. Machine: ${machine}.`];
  for (const { caption, ...table } of report.tables) parts.push(`${caption}:`, markdownTable(table));
  parts.push(...report.notes);
  return parts.join("\n\n");
}

/** Columns as wide as their widest cell, the first to the left and figures to the right, as the formatter has them. */
function markdownTable({ headings, rows }: Pick<BenchTable, "headings" | "rows">): string {
  const cells = [headings, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = headings.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  const [heading = [], ...body] = cells;
  return [line(heading), line(rule), ...body.map(line)].join("\n");
}

/**
 * Puts a section between its two marks in the page; the rest of the page stays.
 * @throws when the page has no marks for the benchmark
 */
export function writeSection(file: string, { name }: Pick<Benchmark, "name">, text: string): void {
  const page = readFileSync(file, "utf8");
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no place for ${name}: ${begin} and ${end} are missing`);
  writeFileSync(file, `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`);
}
