import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { labCommunities } from "../../src/lab/lab-devices.ts";
import { type ServerProcess, startProcess } from "../servers/server-process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A program of the build in a process of its own, reached over HTTP. */
export interface ChildSystem {
  readonly url: string;
  readonly pid: number;
  /** Seconds from its start until it listened. */
  readonly startSeconds: number;
  /** SIGTERM, and waits until it is gone. */
  stop(): Promise<void>;
}

/** How the build is started: plain Node, as a user starts it. */
const PROGRAM = "dist/main.js";

async function start(args: readonly string[], announcement: string): Promise<ChildSystem> {
  const began = performance.now();
  const server: ServerProcess = startProcess(
    process.execPath,
    [
      ...(process.env.BENCH_MEM ? ["--expose-gc", "--import", "/tmp/h/mem.mjs"] : []),
      ...(process.env.BENCH_NODE?.split(" ") ?? []),
      ...(process.env.BENCH_PROF?.includes(args[0]!) ? ["--cpu-prof", "--cpu-prof-dir=/tmp/h/prof"] : []),
      PROGRAM,
      ...args,
    ],
    { env: {}, folder: root },
  );
  await server.said(announcement);
  const found = new RegExp(`${announcement}(\\S+)`).exec(server.output());
  const { pid } = server.child;
  if (found?.[1] === undefined || pid === undefined) throw new Error(`no URL in: ${server.output()}`);
  return { url: found[1], pid, startSeconds: (performance.now() - began) / 1000, stop: () => server.stop() };
}

/** The simulated devices alone, with instant timing. */
export function startLabProcess(): Promise<ChildSystem> {
  return start(["lab", "--http", "127.0.0.1:0"], "The lab is up at ");
}

/** The orchestrator alone. */
export function startOrchestrator(options: { data: string; config: string }): Promise<ChildSystem> {
  const { data, config } = options;
  return start(
    ["up", "--http", "127.0.0.1:0", "--data", data, "--config", config, "--log-level", "warn"],
    "Signalbox is up at ",
  );
}

interface LabPage {
  readonly routers: ReadonlyArray<{
    readonly address: string;
    readonly listens: { readonly host: string; readonly port: number };
    readonly statistics: { readonly commits: number; readonly edits: number; readonly violations: readonly string[] };
  }>;
  readonly agents: ReadonlyArray<{
    readonly address: string;
    readonly listens: { readonly host: string; readonly port: number };
  }>;
  readonly controller: { readonly url: string };
}

export async function labPage(lab: ChildSystem): Promise<LabPage> {
  return (await (await fetch(`${lab.url}/lab`)).json()) as LabPage;
}

/** Writes the configuration file by which an orchestrator finds the devices of a lab in another process. */
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
  writeFileSync(file, JSON.stringify(configuration));
  return file;
}

/** Memory of a process in MB (10^6 bytes). */
export interface ProcessMemory {
  /** All of its pages that are in RAM. */
  readonly rss: number;
  /** What only it has: heaps and stacks. */
  readonly anonymous: number;
  /** Pages of files: the program and its libraries, and the mapped store. The kernel takes them back when it needs them. */
  readonly file: number;
}

/** As /proc/PID/smaps_rollup has it. */
export function memoryOf(pid: number): ProcessMemory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const megabytes = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) * 1024) / 1e6;
  const rss = megabytes("Rss");
  const anonymous = megabytes("Anonymous");
  return { rss, anonymous, file: rss - anonymous };
}
