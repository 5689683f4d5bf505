import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { asTable } from "../../src/cli/render-output.ts";
import type { Benchmark, BenchOptions } from "./benchmark.ts";
import { idleBenchmark } from "./idle.ts";
import { latencyBenchmark } from "./latency.ts";
import { memoryBenchmark } from "./memory.ts";
import { netconfBenchmark } from "./netconf.ts";
import { machineText, sectionText, writeSection } from "./page.ts";
import { pureBenchmark } from "./pure.ts";
import { scenarioBenchmark } from "./scenario.ts";
import { stallBenchmark } from "./stall.ts";
import { storesBenchmark } from "./stores.ts";
import { throughputBenchmark } from "./throughput.ts";
import { visualiserBenchmark } from "./visualiser.ts";

const PAGE = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));
const benchmarks = [
  scenarioBenchmark,
  memoryBenchmark,
  idleBenchmark,
  pureBenchmark,
  netconfBenchmark,
  storesBenchmark,
  throughputBenchmark,
  latencyBenchmark,
  stallBenchmark,
  visualiserBenchmark,
];

const USAGE = `npm run bench -- [options]
  --only NAME           one of ${benchmarks.map(({ name }) => name).join(", ")}; may be given several times
  --quick               a smoke run of some seconds; its figures mean nothing
  --gw-interfaces N     gw_interfaces of the memory benchmark (1000)
  --runs N              runs of the scenario with instant timing (7)
  --write               put the figures into docs/benchmarks.md`;

interface Command extends BenchOptions {
  readonly chosen: readonly Benchmark[];
  readonly write: boolean;
}

/** @throws with what is wrong */
function parseCommand(argv: string[]): Command {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: "string", multiple: true },
      quick: { type: "boolean", default: false },
      "gw-interfaces": { type: "string", default: "1000" },
      runs: { type: "string", default: "7" },
      write: { type: "boolean", default: false },
    },
  });
  const count = (name: "gw-interfaces" | "runs"): number => {
    const number = Number(values[name]);
    if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} takes a number from 1 on`);
    return number;
  };
  const chosen = benchmarks.filter(({ name }) => values.only === undefined || values.only.includes(name));
  const unknown = (values.only ?? []).filter((name) => !benchmarks.some((each) => each.name === name));
  if (unknown.length > 0) throw new Error(`there is no benchmark ${unknown.join(", ")}`);
  if (values.quick && values.write) throw new Error("the figures of a quick run are not to be written down");
  return {
    chosen,
    quick: values.quick,
    gwInterfaces: count("gw-interfaces"),
    runs: count("runs"),
    write: values.write,
    say: (line) => process.stderr.write(`  ${line}\n`),
  };
}

/** Runs what is asked for, one after the other; a benchmark that fails does not keep the others from running. */
async function run(argv: string[]): Promise<number> {
  let command: Command;
  try {
    command = parseCommand(argv);
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${USAGE}\n`);
    return 2;
  }
  let failed = 0;
  for (const benchmark of command.chosen) {
    const machine = machineText();
    process.stdout.write(`\n${benchmark.title} (${benchmark.name})\n${machine}\n`);
    try {
      globalThis.gc?.();
      const report = await benchmark.run(command);
      for (const { caption, headings, rows } of report.tables)
        process.stdout.write(`\n${caption}:\n\n${asTable(headings, rows)}`);
      for (const note of report.notes) process.stdout.write(`\n${note}\n`);
      if (command.write) writeSection(PAGE, benchmark, sectionText(report, commandText(benchmark, argv), machine));
    } catch (thrown) {
      failed += 1;
      process.stderr.write(`${benchmark.name} failed: ${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
    }
  }
  return failed === 0 ? 0 : 1;
}

/** The command that makes the section of one benchmark. */
function commandText({ name }: Benchmark, argv: readonly string[]): string {
  const others = argv.filter((word, at) => word !== "--write" && word !== "--only" && argv[at - 1] !== "--only");
  const cases =
    process.env.SIGNALBOX_CASES === undefined || name !== "scenario" ? "" : "SIGNALBOX_CASES=../shared/cases ";
  return `${cases}npm run bench -- ${["--only", name, ...others].join(" ")}`;
}

process.exitCode = await run(process.argv.slice(2));
