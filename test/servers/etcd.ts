import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "node:tls";
import { type RunningContainer, startContainer } from "./containers.ts";
import { findProgram, type Program } from "./find-program.ts";
import { freeTcpPort, type ServerProcess, startProcess } from "./server-process.ts";

export interface EtcdServerOptions {
  /** Further arguments, such as `--quota-backend-bytes=16777216`. */
  readonly args?: readonly string[];
  /** Serves https with these PEM texts; clients must show a certificate of `clientCa` when it is given. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientCa?: string };
}

/** An etcd that a test started, with data of its own. Port and data stay its own over a restart. */
export interface RunningEtcd {
  /** Client URL. */
  readonly endpoint: string;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again; resolves when it serves clients. */
  start(): Promise<void>;
  /** Ends it and removes all that is left of it. */
  stop(): Promise<void>;
}

// A single member elects itself after this time when it is started again; the shortest lease is 1.5 times as long.
const TIMING = ["--heartbeat-interval=50", "--election-timeout=500"];
/** An image of etcd's own programs; SIGNALBOX_ETCD_IMAGE names another one. */
const IMAGE = process.env["SIGNALBOX_ETCD_IMAGE"] ?? "rancher/mirrored-coreos-etcd:v3.5.9";
const INSIDE = { program: "/usr/local/bin/etcd", data: "/tmp/etcd", tls: "/tmp/tls", port: 2379 };
const ATTEMPTS = 5;
const READY_TIMEOUT_MS = 30_000;

/** Starts one etcd: in a container where an engine answers and has the image, else the program of the system. */
export async function startEtcd(options: EtcdServerOptions = {}): Promise<RunningEtcd> {
  const contained = await inContainer(options);
  if (contained !== undefined) return contained;
  const [member] = await startEtcdCluster(1, options);
  if (member === undefined) throw new Error("no member");
  return member;
}

/** Starts a cluster on 127.0.0.1, of processes in any case: containers would not reach one another. */
export async function startEtcdCluster(size: number, options: EtcdServerOptions = {}): Promise<EtcdProcess[]> {
  const program = await findProgram("etcd", ["etcd-server"]);
  // Ports that were free may be taken when etcd opens them; then others are tried.
  for (let attempt = 1; ; attempt += 1) {
    const ports = await distinctPorts(2 * size);
    const urls = ports.map((port, n) => `${n % 2 === 0 ? scheme(options) : "http"}://127.0.0.1:${port}`);
    const cluster = Array.from({ length: size }, (_, n) => `m${n}=${urls[2 * n + 1]}`).join(",");
    const members: Member[] = [];
    for (let n = 0; n < size; n += 1) {
      const folder = await mkdtemp(join(tmpdir(), "signalbox-etcd-"));
      const [endpoint = "", peer = ""] = urls.slice(2 * n);
      const args = [
        `--name=m${n}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=${cluster}`,
        ...argumentsOf(options, { listen: endpoint, data: join(folder, "data"), tls: join(folder, "tls") }),
      ];
      members.push(new Member(program, { folder, endpoint, args, files: tlsFiles(options) }));
    }
    const started = await Promise.allSettled(members.map((member) => member.start()));
    const failure = started.find((outcome) => outcome.status === "rejected");
    if (failure === undefined) return members;
    await Promise.all(members.map((member) => member.stop()));
    if (attempt === ATTEMPTS || !String(failure.reason).includes("address already in use")) throw failure.reason;
  }
}

/** One whose files can be read. */
export type EtcdProcess = RunningEtcd & { readonly folder: string };

interface Place {
  readonly folder: string;
  readonly endpoint: string;
  readonly args: readonly string[];
  /** Name in the folder `tls` to content. */
  readonly files: Readonly<Record<string, string>>;
}

class Member implements EtcdProcess {
  readonly endpoint: string;
  readonly folder: string;
  readonly #program: Program;
  readonly #place: Place;
  #process: ServerProcess | undefined;

  constructor(program: Program, place: Place) {
    this.#program = program;
    this.#place = place;
    this.endpoint = place.endpoint;
    this.folder = place.folder;
  }

  async start(): Promise<void> {
    const { folder, args, files } = this.#place;
    await mkdir(join(folder, "tls"), { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, "tls", name), text, { mode: 0o600 });
    this.#process = startProcess(this.#program.path, args, { env: this.#program.env, folder });
    await this.#process.said("ready to serve client requests");
  }

  async kill(): Promise<void> {
    this.#process?.child.kill("SIGKILL");
    await this.#process?.stop();
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    await rm(this.#place.folder, { recursive: true, force: true });
  }
}

async function inContainer(options: EtcdServerOptions): Promise<RunningEtcd | undefined> {
  const { program, data, tls, port } = INSIDE;
  const listen = `${scheme(options)}://0.0.0.0:${port}`;
  const files = Object.entries(tlsFiles(options)).map(([name, text]) => [`${tls}/${name}`, text]);
  let container: RunningContainer | undefined;
  try {
    container = await startContainer({
      image: IMAGE,
      command: [program, ...argumentsOf(options, { listen, data, tls })],
      port,
      files: Object.fromEntries(files),
    });
  } catch (error) {
    console.warn(`no container of ${IMAGE} (SIGNALBOX_ETCD_IMAGE); the program of the system is used:`, error);
  }
  if (container === undefined) return undefined;
  const running = container;
  const host = running.host === "localhost" ? "127.0.0.1" : running.host;
  const endpoint = `${scheme(options)}://${host}:${running.port}`;
  await answers(endpoint);
  return {
    endpoint,
    kill: () => running.kill(),
    start: async () => {
      await running.start();
      await answers(endpoint);
    },
    stop: () => running.stop(),
  };
}

/** Resolves when etcd serves clients: it accepts connections before, but neither answers nor shakes hands. */
async function answers(endpoint: string): Promise<void> {
  const deadline = AbortSignal.timeout(READY_TIMEOUT_MS);
  const { protocol, hostname, port } = new URL(endpoint);
  for (;;) {
    deadline.throwIfAborted();
    try {
      if (protocol === "http:") {
        const { ok } = await fetch(`${endpoint}/health`, { signal: deadline });
        if (ok) return;
      } else {
        const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
        await once(socket, "secureConnect", { signal: deadline }).finally(() => socket.destroy());
        return;
      }
    } catch {
      // Not yet.
    }
    await delay(50);
  }
}

function argumentsOf(options: EtcdServerOptions, place: { listen: string; data: string; tls: string }): string[] {
  const files = Object.keys(tlsFiles(options)).map((name) => `--${name.replace(".pem", "")}=${place.tls}/${name}`);
  return [
    `--data-dir=${place.data}`,
    `--listen-client-urls=${place.listen}`,
    `--advertise-client-urls=${place.listen}`,
    ...TIMING,
    ...files,
    ...(options.tls?.clientCa === undefined ? [] : ["--client-cert-auth"]),
    ...(options.args ?? []),
  ];
}

/** The files of TLS, named as the options that they are given to. */
function tlsFiles({ tls }: EtcdServerOptions): Record<string, string> {
  if (tls === undefined) return {};
  return {
    "cert-file.pem": tls.certificate,
    "key-file.pem": tls.key,
    ...(tls.clientCa === undefined ? {} : { "trusted-ca-file.pem": tls.clientCa }),
  };
}

function scheme(options: EtcdServerOptions): "http" | "https" {
  return options.tls === undefined ? "http" : "https";
}

async function distinctPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freeTcpPort());
  return [...ports];
}
