import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Builds `dist`: what is measured is what users run, not the source through tsx, whose compiler is in the process. */
export async function buildProgram(say: (line: string) => void): Promise<void> {
  say("building");
  await promisify(execFile)("npm", ["run", "--silent", "build"], { cwd: root });
}
