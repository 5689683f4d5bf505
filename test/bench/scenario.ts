import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { originalSeconds } from "../../src/cli/demo-report.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import type { Timing } from "../../src/cli/system-options.ts";
import type { Benchmark, BenchOptions, BenchReport, BenchTable } from "./benchmark.ts";
import { runScenario, type ScenarioRun } from "./scenario-run.ts";
import { spreadOf, spreadText } from "./statistics.ts";

const DEMO = fileURLToPath(new URL("../../templates/_demo/vpn_gateway.json", import.meta.url));
const REALISTIC_RUNS = 3;

interface Source {
  readonly name: string;
  readonly file: string;
  readonly labConfig: string | undefined;
}

/** The demo scenario; and the captured one when SIGNALBOX_CASES names its folder. */
function sources(): Source[] {
  const cases = process.env.SIGNALBOX_CASES;
  const demo = { name: "the demo scenario", file: DEMO, labConfig: undefined };
  if (cases === undefined || cases === "") return [demo];
  return [
    demo,
    { name: "the captured scenario", file: join(cases, "vpn_gateway.json"), labConfig: join(cases, "routers") },
  ];
}

export const scenarioBenchmark: Benchmark = {
  name: "scenario",
  title: "A VPN gateway from the bare devices to its static route",
  async run(options): Promise<BenchReport> {
    const tables: BenchTable[] = [];
    for (const source of sources()) tables.push(await measure(source, options));
    return {
      tables,
      notes: [
        "Each run starts a fresh system with a fresh lab in one process. Requests go over HTTP one at a time, each when the " +
          "one before is ACTIVE; routers are reached over SSH, the switch over SNMP, the controller over HTTP, all on loopback. " +
          "Realistic timing makes the routers take as long as a vMX 16.1R1 does, 6.2 s for a commit.",
        "Original: measured in 2017 on two vMX 16.1R1; nothing is known of the types without a figure.",
        "The first run of a process is a cold start: the greatest of the instant figures is usually its.",
      ],
    };
  },
};

async function measure(source: Source, options: BenchOptions): Promise<BenchTable> {
  const instant = await runs(source, "instant", options.quick ? 1 : options.runs, options);
  const realistic = options.quick ? [] : await runs(source, "realistic", REALISTIC_RUNS, options);
  const spread = (of: readonly ScenarioRun[], seconds: (run: ScenarioRun) => number) =>
    of.length === 0 ? "" : spreadText(spreadOf(of.map(seconds)), 2);
  const row = (name: string, seconds: (run: ScenarioRun) => number, original: number | undefined) => [
    name,
    spread(instant, seconds),
    spread(realistic, seconds),
    original === undefined ? "" : original.toFixed(1),
  ];
  const requests = instant[0]?.timings ?? [];
  const known = requests.filter(({ type }) => originalSeconds[type] !== undefined);
  const knownSum = known.reduce((sum, { type }) => sum + (originalSeconds[type] ?? 0), 0);
  return {
    caption:
      `Seconds from POST to ACTIVE in ${source.name}: median (least to greatest) of ${instant.length} runs with instant` +
      ` and ${realistic.length} with realistic timing`,
    headings: ["resource", "instant", "realistic", "original"],
    rows: [
      ...requests.map(({ type, name }, at) =>
        row(`${type} ${name}`, (run) => run.timings[at]?.seconds ?? Number.NaN, originalSeconds[type]),
      ),
      row(`all ${requests.length} requests`, (run) => run.requestsSeconds, undefined),
      row("until everything is UP", (run) => run.settledSeconds, undefined),
      row(
        `the ${known.length} with an original figure`,
        (run) =>
          run.timings
            .filter(({ type }) => originalSeconds[type] !== undefined)
            .reduce((sum, { seconds }) => sum + seconds, 0),
        knownSum,
      ),
    ],
  };
}

async function runs(source: Source, timing: Timing, count: number, options: BenchOptions): Promise<ScenarioRun[]> {
  const scenario = await readScenario(source.file);
  const done: ScenarioRun[] = [];
  for (let at = 1; at <= count; at += 1) {
    const run = await runScenario(scenario, timing, source.labConfig);
    done.push(run);
    const gateway = run.timings.find(({ type }) => type === "gw_interface")?.seconds ?? Number.NaN;
    options.say(
      `${source.name}, ${timing}, run ${at} of ${count}: gw_interface ${gateway.toFixed(3)} s, all ${run.requestsSeconds.toFixed(2)} s`,
    );
  }
  return done;
}
