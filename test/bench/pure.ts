import { fileURLToPath } from "node:url";
import { resolveParams } from "../../src/actors/workers/resolve-params.ts";
import { loadTemplates } from "../../src/adapters/templates/load-templates.ts";
import { type Plan, planJobs } from "../../src/catalogue/plan-jobs.ts";
import type { ViewedResource } from "../../src/catalogue/resource-view.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { absentResource, resourceTransition } from "../../src/machines/resource/resource-machine.ts";
import { NO_CHANGES } from "../../src/machines/resource/resource-steps.ts";
import type { ResourceEvent } from "../../src/machines/resource/resource-types.ts";
import type { Benchmark, BenchReport } from "./benchmark.ts";
import { demoView } from "./demo-view.ts";
import { rateOf } from "./rate.ts";
import { grouped, type Spread } from "./statistics.ts";

const DEMO = fileURLToPath(new URL("../../templates/_demo/vpn_gateway.json", import.meta.url));

export const pureBenchmark: Benchmark = {
  name: "pure",
  title: "Planner, router templates and resource machine",
  async run({ quick }): Promise<BenchReport> {
    const { catalogue, configurations } = loadTemplates();
    const { view, all } = await demoView(await readScenario(DEMO));
    const gateway = all.find(({ type }) => type === "gw_interface");
    const type = catalogue.types.get("gw_interface");
    if (gateway === undefined || type === undefined) throw new Error("the demo scenario has no gw_interface");
    const { id, body } = gateway;
    const plan = (): Plan =>
      planJobs({ type, id, action: "create", version: 1, body, view, suffix: () => "aaaaa" }, catalogue);
    const planned = plan();
    const heat = planned.jobs.find(({ handler }) => handler === "heat_worker");
    const file = Object.values(type.handlers).find(({ routers }) => routers !== undefined)?.routers?.file;
    if (heat === undefined || file === undefined) throw new Error("a gw_interface has no router configuration");
    const params = resolveParams(heat.params, () => undefined);
    const events = creationOf(gateway, type.collection, planned);
    // So that nothing is measured that does not work.
    if (creation(events) !== "create_completed") throw new Error("the creation does not complete");

    const options = {
      ...(quick ? { seconds: 0.05, rounds: 2 } : { seconds: 1, rounds: 7 }),
      clock: "processor",
    } as const;
    const row = (name: string, rate: Spread) => [name, grouped(rate.median), grouped(rate.min), grouped(rate.max)];
    const plans = await rateOf(() => plan().jobs.length / planned.jobs.length, options);
    const renders = await rateOf(() => {
      configurations.render(file, params, "primary");
      configurations.render(file, params, "secondary");
      return 1;
    }, options);
    const transitions = await rateOf(() => {
      creation(events);
      return events.length;
    }, options);
    return {
      tables: [
        {
          caption: `What is done for one gw_interface in a second of processor time, garbage collection included (${options.rounds} rounds of ${options.seconds} s)`,
          headings: ["per second", "median", "least", "greatest"],
          rows: [
            row(`plans of its creation (${planned.jobs.length} jobs, ${parameters(planned)} parameters)`, plans),
            row("configurations of both routers rendered and parsed", renders),
            row(`transitions of its machine, of ${events.length} from proposal to completion`, transitions),
          ],
        },
      ],
      notes: [
        "The other resources are those of the demo scenario. Processor time, because these wait for nothing: so the figures hardly depend on " +
          "what else the machine does.",
      ],
    };
  },
};

function parameters(plan: Plan): number {
  return plan.jobs.reduce((sum, job) => sum + job.params.length, 0);
}

/** Everything that happens to a gw_interface from its proposal until it is watched. */
function creationOf({ id, type, body }: ViewedResource, collection: string, plan: Plan): ResourceEvent[] {
  const naming = { resourceType: type, collection, id, hasStatus: true, owner: null };
  const held = { claims: [], uniques: [], references: [] };
  const working = plan.jobs.flatMap((job): ResourceEvent[] => [
    { type: "JOB_STARTED", jobId: job.id, worker: "bench", at: 0 },
    {
      type: "JOB_FINISHED",
      jobId: job.id,
      result:
        job.handler === "heat_worker"
          ? { kind: "stack", outputs: [], applied: null }
          : { kind: "monitoring", targets: [], statuses: {} },
    },
  ]);
  return [
    { type: "PROPOSE", by: "bench", ...naming, ...held },
    { type: "ADMIT", proposedSeq: 1, body, plan, changes: NO_CHANGES, dependents: [] },
    ...working,
  ];
}

/** Applies all of the events and answers the state they end in. */
function creation(events: readonly ResourceEvent[]): string {
  let snapshot = absentResource();
  for (const event of events) ({ snapshot } = resourceTransition(snapshot, event));
  return snapshot.value.lifecycle;
}
