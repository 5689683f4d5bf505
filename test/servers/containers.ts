import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { WaitStrategy } from "testcontainers";
import { freeTcpPort } from "./server-process.ts";

export interface ContainerOptions {
  readonly image: string;
  readonly command: readonly string[];
  /** TCP port that the server listens on inside. */
  readonly port: number;
  /** Path inside to content. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A server in a container, on a port of this machine that stays its own over a restart. */
export interface RunningContainer {
  readonly host: string;
  readonly port: number;
  /** Resolves when the server wrote the text to its output, now or before. */
  said(text: string): Promise<void>;
  /** Ends the server with SIGKILL; its files stay. */
  kill(): Promise<void>;
  /** Starts it again; resolves when the container runs. */
  start(): Promise<void>;
  /** Writes a file inside; also while the server does not run. */
  replaceFile(path: string, content: string): Promise<void>;
  /** Ends it and removes it with its files. */
  stop(): Promise<void>;
}

/** Starts a server in a container; undefined when no container engine answers here. */
export async function startContainer(options: ContainerOptions): Promise<RunningContainer | undefined> {
  if (!mayHaveEngine()) return undefined;
  // The package takes a second to load.
  const { GenericContainer, getContainerRuntimeClient } = await import("testcontainers");
  const client = await getContainerRuntimeClient().catch(() => undefined);
  if (client === undefined) return undefined;
  const files = Object.entries(options.files ?? {}).map(([target, content]) => ({ target, content }));
  const container = await new GenericContainer(options.image)
    .withCommand([...options.command])
    .withExposedPorts({ container: options.port, host: await freeTcpPort() })
    .withCopyContentToContainer(files)
    .withAutoRemove(false)
    .withWaitStrategy(running)
    .start();
  const handle = client.container.getById(container.getId());
  return {
    host: container.getHost(),
    port: container.getMappedPort(options.port),
    said: async (text) => {
      let output = "";
      for await (const bytes of await container.logs()) {
        output += String(bytes);
        if (output.includes(text)) return;
      }
      throw new Error(`the server in the container ended before it said "${text}":\n${output}`);
    },
    kill: async () => {
      const ended = handle.wait();
      await handle.kill({ signal: "SIGKILL" });
      await ended;
    },
    start: async () => {
      await handle.start();
    },
    replaceFile: (target, content) => container.copyContentToContainer([{ target, content }]),
    stop: async () => {
      await container.stop({ remove: true, removeVolumes: true, timeout: 0 });
    },
  };
}

/** Waits for nothing: how a server shows that it is ready, its caller knows. The usual look at the port needs a shell in the image. */
const running: WaitStrategy = {
  waitUntilReady: async () => undefined,
  withStartupTimeout: () => running,
  isStartupTimeoutSet: () => false,
  getStartupTimeout: () => 60_000,
};

/** Whether there is anything that an engine could be asked through. */
function mayHaveEngine(): boolean {
  const runtime = process.env.XDG_RUNTIME_DIR;
  return (
    process.env.DOCKER_HOST !== undefined ||
    [
      "/var/run/docker.sock",
      join(homedir(), ".docker/run/docker.sock"),
      join(homedir(), ".testcontainers.properties"),
      ...(runtime === undefined ? [] : [join(runtime, "docker.sock"), join(runtime, "podman/podman.sock")]),
    ].some((path) => existsSync(path))
  );
}
