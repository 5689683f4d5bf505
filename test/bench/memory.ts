import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import type { Benchmark, BenchOptions, BenchReport } from "./benchmark.ts";
import { buildProgram } from "./build-program.ts";
import {
  type ChildSystem,
  labPage,
  startLabProcess,
  startOrchestrator,
  writeLabConfiguration,
} from "./child-system.ts";
import { addGateways, layGround, readySeconds } from "./fleet.ts";
import { FleetWatch } from "./fleet-watch.ts";
import { MOST_GATEWAYS } from "./gateway-fleet.ts";
import { idleFigures } from "./idle-process.ts";
import { memoryOf, type ProcessMemory } from "./process-figures.ts";
import { grouped, spreadOf, spreadText } from "./statistics.ts";

const QUICK_GATEWAYS = 3;
const RESTARTS = 3;

export const memoryBenchmark: Benchmark = {
  name: "memory",
  title: "A fleet of gw_interfaces in one process",
  async run(options): Promise<BenchReport> {
    const { quick, say } = options;
    const count = quick ? QUICK_GATEWAYS : Math.min(options.gwInterfaces, MOST_GATEWAYS);
    if (!quick) await buildProgram(say);
    const folder = await mkdtemp(join(tmpdir(), "signalbox-bench-"));
    const lab = await startLabProcess({ built: !quick });
    try {
      const fleet = new Fleet(lab, folder, await writeLabConfiguration(lab, folder), options);
      return await fleet.measure(count);
    } finally {
      await lab.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

class Fleet {
  readonly #lab: ChildSystem;
  readonly #data: string;
  readonly #config: string;
  readonly #options: BenchOptions;
  readonly #rows: string[][] = [];

  constructor(lab: ChildSystem, folder: string, config: string, options: BenchOptions) {
    this.#lab = lab;
    this.#data = join(folder, "data");
    this.#config = config;
    this.#options = options;
  }

  async measure(count: number): Promise<BenchReport> {
    const { quick, say } = this.#options;
    let system = await this.#start();
    try {
      this.#row("nothing in it", memoryOf(system.pid), "");
      const made = await this.#create(system, count);
      this.#row("everything ACTIVE and UP", memoryOf(system.pid), "");
      await this.#idle("the same, idle", system);
      await system.stop();
      const ready: number[] = [];
      for (let at = 1; at <= (quick ? 1 : RESTARTS); at += 1) {
        system = await this.#start();
        ready.push(await readySeconds(system));
        say(`restart ${at}: ready after ${ready.at(-1)?.toFixed(2)} s`);
        if (at < RESTARTS && !quick) await system.stop();
      }
      await this.#idle("restarted, idle", system);
      const { resources } = made;
      return {
        tables: [
          {
            caption: `The process of the orchestrator alone, MB, with ${grouped(count)} gw_interfaces (${grouped(resources)} resources)`,
            headings: ["state", "RSS", "anonymous", "of files", "processor"],
            rows: this.#rows,
          },
          {
            caption: `Restart with ${grouped(resources)} resources, and how they came into being`,
            headings: ["figure", "value"],
            rows: [
              [
                "seconds from the start of the process to /readyz 200",
                `${spreadText(spreadOf(ready), 2)}, ${ready.length} runs`,
              ],
              ...made.rows,
              ["store on disk, MB", grouped((await sizeOf(join(this.#data, "store"))) / 1e6)],
            ],
          },
        ],
        notes: [
          "The orchestrator runs from the build (`node dist/main.js up`), the lab in a process of its own with instant timing. Each gw_interface has a VPN " +
            "gateway, a vpn_interface, a network and a subnet of its own, as its type asks for; all of them are on one pair of routers and are " +
            "monitored every 30 s, as is the default: VRRP and BGP by NETCONF, interfaces by SNMP, networks and ports by the controller's analytics.",
          "RSS is what /proc/PID/smaps_rollup says: anonymous memory (heaps, stacks) and pages of files (Node itself, libraries, the mapped store), " +
            "which the kernel shares and takes back. Idle: the greatest of 12 samples in a minute, which begins after half a minute, and when the process has used less than a third of a core for ten seconds: it writes documents for a while after what they tell. Processor: share of one core in that minute.",
          "Gateways are requested by 16 clients at once, the 5 requests of each one after the other. Commits are those of one router; " +
            "without batching each of the three resources that are on the routers would take two (one to commit, one to confirm).",
        ],
      };
    } finally {
      await system.stop();
    }
  }

  #start(): Promise<ChildSystem> {
    return startOrchestrator({ built: !this.#options.quick, data: this.#data, config: this.#config });
  }

  async #create(system: ChildSystem, count: number): Promise<{ resources: number; rows: string[][] }> {
    const { say } = this.#options;
    const client = new GatewayClient(system.url);
    const watch = new FleetWatch(client);
    try {
      await layGround(client, watch);
      const before = await this.#commits();
      const fleet = await addGateways(client, watch, { count, say });
      const commits = (await this.#commits()) - before;
      const { resources, made, transitions, requestedSeconds, upSeconds } = fleet;
      const rows = [
        ["seconds until all were requested", requestedSeconds.toFixed(1)],
        ["seconds until all were ACTIVE and UP", upSeconds.toFixed(1)],
        ["resources per second", (made / upSeconds).toFixed(1)],
        ["transitions per second", grouped(transitions / upSeconds)],
        [
          "commits of a router per gw_interface (6 without batching)",
          `${(commits / count).toFixed(3)}, ${grouped(commits)} in all`,
        ],
      ];
      return { resources, rows };
    } finally {
      await watch.stop();
    }
  }

  /** Commits of one router so far. @throws when somebody edited beside somebody else */
  async #commits(): Promise<number> {
    const { routers } = await labPage(this.#lab);
    const violations = routers.flatMap(({ statistics }) => statistics.violations);
    if (violations.length > 0) throw new Error(violations.join("; "));
    return Math.max(...routers.map(({ statistics }) => statistics.commits));
  }

  async #idle(name: string, system: ChildSystem): Promise<void> {
    const { quick, say } = this.#options;
    const { memory, share } = await idleFigures(system, { quick });
    say(`${name}: RSS ${memory.rss.toFixed(0)} MB, ${(share * 100).toFixed(0)} % of a core`);
    this.#row(name, memory, `${(share * 100).toFixed(0)} %`);
  }

  #row(name: string, { rss, anonymous, file }: ProcessMemory, processor: string): void {
    this.#rows.push([name, rss.toFixed(0), anonymous.toFixed(0), file.toFixed(0), processor]);
  }
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = (await readdir(folder, { recursive: true })).map(async (name) => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
