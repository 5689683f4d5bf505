import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import type { Benchmark, BenchReport } from "./benchmark.ts";
import { buildProgram } from "./build-program.ts";
import { type ChildSystem, startLabProcess, startOrchestrator, writeLabConfiguration } from "./child-system.ts";
import { copyWorlds } from "./copied-worlds.ts";
import { addGateways, layGround, readySeconds } from "./fleet.ts";
import { FleetWatch } from "./fleet-watch.ts";
import { idleFigures } from "./idle-process.ts";
import { memoryOf, type ProcessMemory } from "./process-figures.ts";
import { grouped, spreadOf, spreadText } from "./statistics.ts";

const GATEWAYS = 100;
const COPIES = 99;
const RESTARTS = 3;
/** Polls of so many are never done, so there is no rest to wait for. */
const SETTLING_MS = 60_000;

/** Many resources that rest: a fleet of gw_interfaces, copied until there are so many. */
export const idleBenchmark: Benchmark = {
  name: "idle",
  title: "A hundred thousand idle resources in one process",
  async run({ quick, say }): Promise<BenchReport> {
    if (!quick) await buildProgram(say);
    const folder = await mkdtemp(join(tmpdir(), "signalbox-bench-"));
    const lab = await startLabProcess({ built: !quick });
    try {
      const config = await writeLabConfiguration(lab, folder);
      const data = join(folder, "data");
      const start = (): Promise<ChildSystem> => startOrchestrator({ built: !quick, data, config });
      await during(start, async ({ url }) => {
        const client = new GatewayClient(url);
        const watch = new FleetWatch(client);
        await layGround(client, watch);
        await addGateways(client, watch, { count: quick ? 1 : GATEWAYS, say });
        await watch.stop();
      });
      const resources = await copyWorlds(join(data, "store"), quick ? 2 : COPIES);
      say(`${grouped(resources)} resources`);
      // The projector passes the copies, which is not what is measured.
      await during(start, readySeconds);
      const ready: number[] = [];
      for (let at = 1; at < (quick ? 1 : RESTARTS); at += 1) ready.push(await during(start, readySeconds));
      return await during(start, async (system) => {
        ready.push(await readySeconds(system));
        const fresh = memoryOf(system.pid);
        const { memory, share } = await idleFigures(system, { quick, settlingMs: SETTLING_MS });
        const megabytes = ({ rss, anonymous }: ProcessMemory) =>
          `${grouped(rss)}, of it anonymous ${grouped(anonymous)}`;
        return {
          tables: [
            {
              caption: `One process with ${grouped(resources)} resources that rest`,
              headings: ["figure", "value", "goal"],
              rows: [
                [
                  "seconds from the start of the process to /readyz 200",
                  `${spreadText(spreadOf(ready), 2)}, ${ready.length} runs`,
                  "20",
                ],
                ["RSS when it is ready, MB", megabytes(fresh), "1 500"],
                ["RSS when idle, MB", megabytes(memory), "1 500"],
                ["processor when idle, % of a core", (share * 100).toFixed(0), ""],
              ],
            },
          ],
          notes: [
            `${quick ? 1 : GATEWAYS} gw_interfaces with what belongs to them are made over HTTP; then the last record of each resource is copied into the ` +
              "log under new ids, world by world, so that every relation, unique value and pool is as it would be. All of them are monitored, as is the " +
              "default: the processor's share is that of their polls. Idle: the greatest of 12 samples in a minute, a minute after the start.",
          ],
        };
      });
    } finally {
      await lab.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function during<T>(start: () => Promise<ChildSystem>, work: (system: ChildSystem) => Promise<T>): Promise<T> {
  const system = await start();
  try {
    return await work(system);
  } finally {
    await system.stop();
  }
}
