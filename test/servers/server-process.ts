import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const STOP_GRACE_MS = 5_000;
const READY_TIMEOUT_MS = 30_000;

/** A server that a test started. It ends with the test process at the latest. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** What it wrote to standard output and standard error so far. */
  output(): string;
  /** Resolves when the output contains the text; rejects when the server ends before, or after 30 s, or what else is given, ms. */
  said(text: string, timeoutMs?: number): Promise<void>;
  /** SIGTERM, then SIGKILL; resolves when the process is gone. */
  stop(): Promise<void>;
}

/** Starts a server program in a folder of its own, with its output captured. */
export function startProcess(
  path: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly folder: string },
): ServerProcess {
  const child = spawn(path, args, {
    cwd: options.folder,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const waiting = new Set<() => void>();
  let output = "";
  let ended = false;
  const notify = () => {
    for (const look of [...waiting]) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      notify();
    });
  }
  const exited = new Promise<void>((resolve) => {
    const finish = () => {
      ended = true;
      process.off("exit", killNow);
      notify();
      resolve();
    };
    child.once("error", (error) => {
      output += `${error.message}\n`;
      finish();
    });
    child.once("close", finish);
  });
  const killNow = () => child.kill("SIGKILL");
  process.once("exit", killNow);
  return {
    child,
    output: () => output,
    said: (text, timeoutMs = READY_TIMEOUT_MS) =>
      new Promise((resolve, reject) => {
        const finish = (settle: () => void) => {
          clearTimeout(timer);
          waiting.delete(look);
          settle();
        };
        const look = () => {
          if (output.includes(text)) finish(resolve);
          else if (ended) finish(() => reject(new Error(`${path} ended before it said "${text}":\n${output}`)));
        };
        const late = () => reject(new Error(`${path} did not say "${text}":\n${output}`));
        const timer = setTimeout(() => finish(late), timeoutMs);
        waiting.add(look);
        look();
      }),
    stop: async () => {
      if (ended) return;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Resolves with the first bytes that a TCP server of 127.0.0.1 sends; tries until it listens. */
export async function tcpBanner(port: number, alive: () => boolean): Promise<string> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      const [first] = (await once(socket, "data")) as [Buffer];
      return first.toString("latin1");
    } catch (error) {
      if (!alive()) throw error;
      await delay(20);
    } finally {
      socket.destroy();
    }
  }
}
