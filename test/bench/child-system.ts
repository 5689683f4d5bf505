import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { labCommunities } from "../../src/lab/lab-devices.ts";
import { startProcess } from "../servers/server-process.ts";
import type { InstantSystemOptions } from "./instant-system.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** On a busy machine, with much to read. */
const START_TIMEOUT_MS = 180_000;

/** The program in a process of its own, reached over HTTP. */
export interface ChildSystem {
  readonly url: string;
  readonly pid: number;
  /** When it was started, by `performance.now()`. */
  readonly startedAt: number;
  /** SIGTERM, and waits until it is gone. */
  stop(): Promise<void>;
}

/** The build as a user starts it, or the source through tsx. */
function programOf(built: boolean): readonly string[] {
  return built ? ["--max-semi-space-size=64", "dist/main.js"] : ["--import", "tsx", "src/main.ts"];
}

async function start(program: readonly string[], args: readonly string[], announcement: string): Promise<ChildSystem> {
  const startedAt = performance.now();
  const server = startProcess(process.execPath, [...program, ...args], { env: {}, folder: root });
  try {
    await server.said(announcement, START_TIMEOUT_MS);
    const url = new RegExp(`${announcement}(\\S+)`).exec(server.output())?.[1];
    const { pid } = server.child;
    if (url === undefined || pid === undefined) throw new Error(`no URL in: ${server.output()}`);
    return { url, pid, startedAt, stop: () => server.stop() };
  } catch (thrown) {
    await server.stop();
    throw thrown;
  }
}

/** The simulated devices alone, with instant timing. */
export function startLabProcess(options: { built: boolean }): Promise<ChildSystem> {
  return start(programOf(options.built), ["lab", "--http", "127.0.0.1:0"], "The lab is up at ");
}

/** The orchestrator alone. */
export function startOrchestrator(options: { built: boolean; data: string; config: string }): Promise<ChildSystem> {
  const { built, data, config } = options;
  const args = ["up", "--http", "127.0.0.1:0", "--data", data, "--config", config, "--log-level", "warn"];
  return start(programOf(built), args, "Signalbox is up at ");
}

/** The orchestrator on NATS and etcd, with instant devices in the same process. */
export function startInstantSystem(options: InstantSystemOptions): Promise<ChildSystem> {
  const program = ["--max-semi-space-size=64", "--import", "tsx", "test/bench/instant-system.ts"];
  return start(program, [JSON.stringify(options)], "Signalbox is up at ");
}

interface Listener {
  readonly host: string;
  readonly port: number;
}

interface LabPage {
  readonly routers: ReadonlyArray<{
    readonly address: string;
    readonly listens: Listener;
    readonly statistics: { readonly commits: number; readonly violations: readonly string[] };
  }>;
  readonly agents: ReadonlyArray<{ readonly address: string; readonly listens: Listener }>;
  readonly controller: { readonly url: string };
}

/** What the lab says of itself. */
export async function labPage(lab: ChildSystem): Promise<LabPage> {
  return (await (await fetch(`${lab.url}/lab`)).json()) as LabPage;
}

/** Writes the configuration by which an orchestrator finds the devices of a lab in another process; answers the file. */
export async function writeLabConfiguration(lab: ChildSystem, folder: string): Promise<string> {
  const { routers, agents, controller } = await labPage(lab);
  const book = (devices: LabPage["agents"]) =>
    Object.fromEntries(devices.map(({ address, listens }) => [address, listens]));
  const communities = Object.fromEntries(
    Object.entries(labCommunities).map(([name, community]) => [name, { version: "2c", community }]),
  );
  const file = join(folder, "signalbox.json");
  const configuration = {
    address_book: { netconf: book(routers), snmp: book(agents) },
    snmp: { communities },
    contrail: { api_url: controller.url, analytics_url: controller.url },
  };
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
  return file;
}
