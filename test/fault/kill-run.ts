import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { SeededRandom } from "../../src/adapters/system/seeded-random.ts";
import { demoAtRest } from "../scenario/support/at-rest.ts";
import { demoScenario } from "./demo-scenario.ts";
import { type Violation, violations } from "./invariants.ts";
import {
  type KillMoment,
  longPaced,
  type Mode,
  modes,
  outlastingMoments,
  spreadMoments,
  successiveMoments,
} from "./kill-moments.ts";
import type { Outcome } from "./outcome.ts";
import { reportLine, reportTitle } from "./report-line.ts";
import { RunFailed } from "./run-failed.ts";
import { type Run, runScenario } from "./run-scenario.ts";
import { wholeNumber } from "./whole-number.ts";

/**
 * `npm run test:fault -- --seed N --kills N`: kills the orchestrator at random moments of the demo scenario and looks
 * whether everything ends as if nothing had happened. First a run of each mode that nobody disturbs, then one run for
 * each kill, one in which commits outlast restarts, and one of each mode in which all kills come one after the other.
 * Ends with 1 when an invariant does not hold.
 */

// The children and the folders of a run go with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const options = new Command("kill-run")
  .option("--seed <number>", "where chance begins; printed", wholeNumber, Date.now() % 1_000_000)
  .option("--kills <number>", "kills, each in a run of its own, and as many in one run", wholeNumber, 20)
  .option("--timeout <seconds>", "longest wait for one run", wholeNumber, 600)
  .option("--out <dir>", "write what was logged in each run that failed there")
  .parse()
  .opts<{ seed: number; kills: number; timeout: number; out?: string }>();

const random = new SeededRandom(options.seed);
const scenario = await demoScenario();
const undisturbed = new Map<Mode, Run>();
let passed = 0;
const failed: string[] = [];

console.log(`seed ${options.seed}, ${options.kills} kills\n\n${reportTitle()}`);
for (const mode of modes) {
  const run = await play(`undisturbed-${mode.timing}-${mode.pace}`, mode, [], "request");
  if (run !== undefined) undisturbed.set(mode, run);
}
if (undisturbed.size === modes.length) {
  const lengths = new Map([...undisturbed].map(([mode, { length }]) => [mode, length]));
  for (const [at, { mode, moment }] of spreadMoments(options.kills, lengths, random).entries()) {
    await play(`kill-${at + 1}`, mode, [moment], "request");
  }
  await play("commits-outlast-restarts", longPaced, outlastingMoments(random), "request");
  for (const mode of modes) {
    const moments = successiveMoments(options.kills, mode, lengths.get(mode) ?? { anything: 0, commit: 0 }, random);
    await play(`${options.kills}-kills-${mode.timing}-${mode.pace}`, mode, moments, "start");
  }
}
console.log(`\n${passed} passed, ${failed.length} failed (seed ${options.seed})`);
for (const name of failed) console.log(`failed: ${name}`);
process.exitCode = failed.length === 0 && undisturbed.size === modes.length ? 0 : 1;

async function play(
  name: string,
  mode: Mode,
  kills: readonly KillMoment[],
  countFrom: "request" | "start",
): Promise<Run | undefined> {
  const started = performance.now();
  const timeoutMs = options.timeout * 1000;
  try {
    const run = await runScenario({ scenario, mode, kills, countFrom, timeoutMs, atRest: demoAtRest });
    // An undisturbed run is held to the first one of its pace.
    const broken = violations(run.outcome, wanted(mode) ?? run.outcome);
    console.log(reportLine({ name, mode, kills, run, broken: broken.length, ms: performance.now() - started }));
    tell(name, broken, run);
    return run;
  } catch (thrown) {
    if (!(thrown instanceof RunFailed)) throw thrown;
    console.log(reportLine({ name, mode, kills, failed: thrown, ms: performance.now() - started }));
    tell(name, [{ invariant: "everything is at rest in time", details: [thrown.message] }], thrown);
    return undefined;
  }
}

function wanted(mode: Mode): Outcome | undefined {
  const same = undisturbed.get(mode) ?? [...undisturbed].find(([{ pace }]) => pace === mode.pace)?.[1];
  return same?.outcome;
}

function tell(
  name: string,
  broken: ReadonlyArray<Omit<Violation, "invariant"> & { invariant: string }>,
  { kills, lines }: Pick<Run, "kills" | "lines">,
): void {
  if (broken.length === 0) {
    passed += 1;
    return;
  }
  failed.push(name);
  for (const { invariant, details } of broken) {
    console.log(`  BROKEN: ${invariant}`);
    for (const detail of details.slice(0, 10)) console.log(`    ${detail}`);
    if (details.length > 10) console.log(`    and ${details.length - 10} more`);
  }
  for (const { life, lastLine } of kills) console.log(`  life ${life} was killed after: ${lastLine.slice(0, 200)}`);
  if (options.out === undefined) return;
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, `${options.seed}-${name}.log`), `${lines.join("\n")}\n`);
}
