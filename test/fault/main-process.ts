import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { readLines } from "../../src/cli/read-lines.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const KEPT_LINES = 5000;

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
// Whoever ends this process ends its children: each by its own handle.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** `src/main.ts` in a process of its own, whose output is read line by line. */
export class MainProcess {
  /** The last lines of both outputs, for whoever looks for the reason of a failure. */
  readonly lines: string[] = [];
  /** Resolves when the process is gone and its output is read. */
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess;
  readonly #onLine: (line: string) => void;
  readonly #listeners = new Set<(line: string) => void>();

  /**
   * @param onLine told of each line of the standard output
   * @param settings variables of its environment besides those of this process
   */
  constructor(
    args: readonly string[],
    onLine: (line: string) => void = () => {},
    settings: Readonly<Record<string, string>> = {},
  ) {
    const { SIGNALBOX_URL: _url, SIGNALBOX_KEY: _key, SIGNALBOX_KEY_FILE: _file, ...env } = process.env;
    this.#onLine = onLine;
    // Node itself, not a launcher: the signal must hit the process that does the work.
    this.#process = spawn(process.execPath, ["--import", "tsx", "src/main.ts", ...args], {
      cwd: root,
      env: { ...env, ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this.#process);
    const { stdout, stderr } = this.#process;
    if (stdout === null || stderr === null) throw new Error("the process has no output");
    const read = Promise.all([this.#read(stdout, true), this.#read(stderr, false)]);
    this.ended = once(this.#process, "exit").then(async ([code, signal]) => {
      await read;
      running.delete(this.#process);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  /** Resolves with the match of the first line of the standard output that has one. @throws when the process ends without */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (line: string) => {
        const found = pattern.exec(line);
        if (found === null) return;
        this.#listeners.delete(look);
        resolve(found);
      };
      for (const line of this.lines) look(line);
      this.#listeners.add(look);
      void this.ended.then(({ code, signal }) => {
        reject(new Error(`ended with ${code ?? signal} before ${pattern}: ${this.lines.slice(-5).join(" | ")}`));
      });
    });
  }

  /** @throws when it could not be started */
  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error("the process was not started");
    return pid;
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  async #read(stream: AsyncIterable<Uint8Array>, isOutput: boolean): Promise<void> {
    for await (const line of readLines(stream)) {
      this.lines.push(line);
      if (this.lines.length > KEPT_LINES) this.lines.shift();
      if (!isOutput) continue;
      this.#onLine(line);
      for (const listener of [...this.#listeners]) listener(line);
    }
  }
}
