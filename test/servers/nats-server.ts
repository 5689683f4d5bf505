import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type RunningContainer, startContainer } from "./containers.ts";
import { findProgram } from "./find-program.ts";
import { freeTcpPort, type ServerProcess, startProcess } from "./server-process.ts";

export interface NatsServerOptions {
  /** Further lines of the configuration; `folder` is where `files` are. */
  readonly config?: (folder: string) => string;
  /** Further lines of its `jetstream` block, such as `max_file_store: 1048576`; false for a server without JetStream. */
  readonly jetstream?: string | false;
  /** Name to content, such as certificates. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A nats-server with JetStream that a test started, with a store of its own. Port and store stay its own over a restart. */
export interface RunningNatsServer {
  /** `host:port` */
  readonly address: string;
  /** Resolves when it wrote the text to its log, since its start. */
  said(text: string): Promise<void>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again; resolves when it serves clients. */
  start(): Promise<void>;
  /** Replaces one of its files, for the next start. */
  replaceFile(name: string, content: string): Promise<void>;
  /** Ends it and removes all that is left of it. */
  stop(): Promise<void>;
}

/** The server's own image; SIGNALBOX_NATS_IMAGE names another one. */
const IMAGE = process.env["SIGNALBOX_NATS_IMAGE"] ?? "nats:2.10";
const INSIDE = { folder: "/etc/signalbox", port: 4222 };
const ATTEMPTS = 5;
const READY_TIMEOUT_MS = 30_000;

/** Starts nats-server: in a container where an engine answers and has the image, else the program of the system. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<RunningNatsServer> {
  return (await inContainer(options)) ?? (await startNatsProcess(options));
}

async function inContainer(options: NatsServerOptions): Promise<RunningNatsServer | undefined> {
  const { folder, port } = INSIDE;
  const files = { ...options.files, "nats.conf": configuration(options, { listen: `0.0.0.0:${port}`, folder }) };
  let container: RunningContainer | undefined;
  try {
    container = await startContainer({
      image: IMAGE,
      command: ["-c", join(folder, "nats.conf")],
      port,
      files: Object.fromEntries(Object.entries(files).map(([name, content]) => [join(folder, name), content])),
    });
  } catch (error) {
    console.warn(`no container of ${IMAGE} (SIGNALBOX_NATS_IMAGE); the program of the system is used:`, error);
  }
  if (container === undefined) return undefined;
  const running = container;
  // Certificates are made for this address.
  const host = running.host === "localhost" ? "127.0.0.1" : running.host;
  const place = { host, port: running.port };
  await answers(place);
  return {
    address: `${host}:${running.port}`,
    said: (text) => running.said(text),
    kill: () => running.kill(),
    start: async () => {
      await running.start();
      await answers(place);
    },
    replaceFile: (name, content) => running.replaceFile(join(folder, name), content),
    stop: () => running.stop(),
  };
}

/** Resolves when the server greets a client. */
async function answers({ host, port }: { host: string; port: number }): Promise<void> {
  const deadline = AbortSignal.timeout(READY_TIMEOUT_MS);
  for (;;) {
    deadline.throwIfAborted();
    const socket = connect(port, host);
    try {
      await once(socket, "data", { signal: deadline });
      return;
    } catch {
      await delay(50);
    } finally {
      socket.destroy();
    }
  }
}

/** One whose files can be read. */
export type NatsProcess = RunningNatsServer & { readonly folder: string };

/** Starts nats-server as a process of this system, in any case. */
export async function startNatsProcess(options: NatsServerOptions = {}): Promise<NatsProcess> {
  const program = await findProgram("nats-server", ["nats-server"]);
  const folder = await mkdtemp(join(tmpdir(), "signalbox-nats-"));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    for (const [name, content] of Object.entries(options.files ?? {})) {
      await writeFile(join(folder, name), content, { mode: 0o600 });
    }
    // A port that was free may be taken when the server opens it; then another one is tried.
    for (let attempt = 1; ; attempt += 1) {
      const port = await freeTcpPort();
      const listen = `127.0.0.1:${port}`;
      await writeFile(join(folder, "nats.conf"), configuration(options, { listen, folder }));
      let server = startProcess(program.path, ["-c", "nats.conf"], { env: program.env, folder });
      const ready = () => server.said("Server is ready");
      try {
        await ready();
      } catch (error) {
        await server.stop();
        if (attempt === ATTEMPTS || !server.output().includes("address already in use")) throw error;
        continue;
      }
      return {
        address: listen,
        folder,
        said: (text) => server.said(text),
        kill: () => killed(server),
        start: async () => {
          server = startProcess(program.path, ["-c", "nats.conf"], { env: program.env, folder });
          await ready();
        },
        replaceFile: (name, content) => writeFile(join(folder, name), content),
        stop: async () => {
          await server.stop();
          await removeFolder();
        },
      };
    }
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

async function killed(server: ServerProcess): Promise<void> {
  server.child.kill("SIGKILL");
  await server.stop();
}

function configuration(options: NatsServerOptions, place: { listen: string; folder: string }): string {
  const { jetstream = "" } = options;
  return `${[
    `listen: "${place.listen}"`,
    ...(jetstream === false ? [] : ["jetstream {", `store_dir: "${join(place.folder, "store")}"`, jetstream, "}"]),
    options.config?.(place.folder) ?? "",
  ].join("\n")}\n`;
}
