import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command line in a process of its own. */
export class Child {
  readonly process: ChildProcess;
  out = "";
  err = "";
  readonly done: Promise<Finished>;

  constructor(script: "src/main.ts" | "test/unit/cli/fake-main.ts", args: readonly string[], env: object = {}) {
    const { SIGNALBOX_URL: _url, ...inherited } = process.env;
    this.process = spawn(process.execPath, ["--import", "tsx", script, ...args], {
      cwd: root,
      env: { ...inherited, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
    this.done = once(this.process, "close").then(([code]) => ({
      code: code as number | null,
      out: this.out,
      err: this.err,
    }));
  }

  /** Resolves with the match when the output so far has one; throws when the process ends without. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.out);
      if (found !== null) return found;
      const stdout = this.process.stdout;
      if (stdout === null || this.process.exitCode !== null)
        throw new Error(`ended without ${pattern}: ${this.out}${this.err}`);
      await Promise.race([once(stdout, "data"), this.done]);
    }
  }

  stop(signal: NodeJS.Signals = "SIGTERM"): void {
    this.process.kill(signal);
  }
}

/** Runs `src/main.ts` to its end. */
export async function signalbox(
  args: readonly string[],
  options: { env?: object; input?: string } = {},
): Promise<Finished> {
  const child = new Child("src/main.ts", args, options.env);
  child.process.stdin?.end(options.input ?? "");
  return await child.done;
}
