import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CarefulClient } from "./careful-client.ts";
import { commitMs, type Length, type Mode } from "./kill-moments.ts";
import type { LabPages } from "./lab-pages.ts";
import { LabProcess } from "./lab-process.ts";
import { Orchestrator } from "./orchestrator.ts";
import type { Outcome } from "./outcome.ts";
import { readStore } from "./read-store.ts";
import { RunFailed } from "./run-failed.ts";
import { type Kill, Scene, type SceneOptions } from "./scene.ts";
import { Sightings } from "./sightings.ts";

/** The devices of a run, and how they are ended. */
type RunningLab = LabPages & { readonly lines: readonly string[]; stop(): Promise<void> };

export interface RunOptions extends Omit<SceneOptions, "pace" | "retry"> {
  readonly mode: Mode;
  /** A process of its own when not given. */
  readonly startLab?: (folder: string, onLine: (line: string) => void) => Promise<RunningLab>;
}

export interface Run {
  readonly outcome: Outcome;
  readonly kills: readonly Kill[];
  /** What was to be seen from the first request until everything was at rest. */
  readonly length: Length;
  /** Times that a request was sent once more. */
  readonly repeated: number;
  /** All that was written by the lab and in each life. */
  readonly lines: readonly string[];
}

const folders = new Set<string>();
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * Runs the scenario once, with fresh devices and data, and kills the orchestrator at the moments given. Nothing is left
 * running and no file is left behind, however it ends.
 * @throws RunFailed
 */
export async function runScenario(options: RunOptions): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), "signalbox-fault-"));
  folders.add(folder);
  const [config, data] = [join(folder, "config.yaml"), join(folder, "data")];
  const sights = new Sightings();
  const seen = (line: string) => sights.add(line.includes('"lab router: commit"') ? "commit" : "line");
  const lab = await (options.startLab ?? LabProcess.start)(folder, seen);
  const orchestrator = new Orchestrator({ config, data, onLine: () => sights.add("line") });
  const client = new CarefulClient(orchestrator, () => sights.add("transition"));
  const scene = new Scene({ ...options, ...options.mode }, { orchestrator, client, sights });
  const lines = () => [
    ...lab.lines.map((line) => `lab: ${line}`),
    ...orchestrator.lives.flatMap(({ number, process }) => process.lines.map((line) => `life ${number}: ${line}`)),
  ];
  try {
    await lab.slowCommits(commitMs[options.mode.timing]);
    await mkdir(data);
    // JSON is YAML.
    await writeFile(config, JSON.stringify(await lab.configuration()), { mode: 0o600 });
    await scene.play();
    await client.stopFollowing();
    const stopped = await orchestrator.stop();
    const { shortfall, kills, length } = scene;
    const { acknowledged, followed, repeated } = client;
    const [routers, objects] = await Promise.all([lab.routers(), lab.controllerObjects()]);
    const store = await readStore(join(data, "store"));
    const { pace } = options.mode;
    const outcome: Outcome = { ...store, pace, shortfall, acknowledged, followed, stopped, routers, objects };
    return { outcome, kills, length, repeated, lines: lines() };
  } catch (thrown) {
    throw new RunFailed(thrown, scene.kills, lines());
  } finally {
    orchestrator.giveUp(new Error("the run is over"));
    await client.stopFollowing();
    await orchestrator.end();
    await lab.stop();
    await rm(folder, { recursive: true, force: true });
    folders.delete(folder);
  }
}
