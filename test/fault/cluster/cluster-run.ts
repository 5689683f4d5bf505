import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { RunFailed } from "../run-failed.ts";
import { wholeNumber } from "../whole-number.ts";
import { figuresText, killLine, summary } from "./cluster-report.ts";
import { brokenFigures, figuresOf } from "./cluster-rules.ts";
import { runCluster } from "./run-cluster.ts";

/**
 * `npm run test:fault:cluster -- --seed N --kills N --resources N --pairs N`: two processes of each role on a real
 * nats-server and a real etcd; while a fleet is sent to them, one of the twelve is killed every few seconds and started again.
 * Ends with 1 when it does not come to rest, or when a figure that must be 0 is not.
 */

// The children and the folders of a run go with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const options = new Command("cluster-run")
  .option("--seed <number>", "where chance begins; printed", wholeNumber, Date.now() % 1_000_000)
  .option("--kills <number>", "kills, one after the other", wholeNumber, 30)
  .option("--resources <number>", "resources that are there in the end", wholeNumber, 300)
  .option("--pairs <number>", "pairs of routers", wholeNumber, 6)
  .option("--timeout <seconds>", "longest wait for all requests, and for rest after them", wholeNumber, 900)
  .option("--out <dir>", "write what was logged there, also when all is well")
  .parse()
  .opts<{ seed: number; kills: number; resources: number; pairs: number; timeout: number; out?: string }>();

const { seed, kills, resources, pairs } = options;
console.log(`seed ${seed}, ${resources} resources over ${pairs} pairs, ${kills} kills\n`);
process.exitCode = 1;
let number = 0;
try {
  const run = await runCluster({
    random: new SeededRandom(seed),
    kills,
    resources,
    pairs,
    timeoutMs: options.timeout * 1000,
    between: [1_500, 4_500],
    onKill: (kill) => {
      number += 1;
      console.log(killLine(kill, number));
    },
  });
  keep(run.lines);
  const figures = figuresOf(run.outcome);
  const broken = brokenFigures(figures);
  console.log(`\n${summary(run)}\n\n${figuresText(figures)}`);
  console.log(`\n${broken.length === 0 ? "all of it holds" : `${broken.length} figures are not 0`} (seed ${seed})`);
  if (broken.length === 0) process.exitCode = 0;
} catch (thrown) {
  if (!(thrown instanceof RunFailed)) throw thrown;
  keep(thrown.lines);
  console.log(`\nBROKEN: it does not come to rest: ${thrown.message} (seed ${seed})`);
}

function keep(lines: readonly string[]): void {
  if (options.out === undefined) return;
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, `${seed}-cluster.log`), `${lines.join("\n")}\n`);
}
