import { run } from "../../../src/cli/run.ts";

/** Runs a command line in this process. */
export async function runCli(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await run({
    argv,
    env,
    terminal: {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      live: false,
      columns: 100,
      input: async () => "",
    },
    loadStarters: async () => {
      throw new Error("nothing is started here");
    },
  });
  return { code, out, err };
}
