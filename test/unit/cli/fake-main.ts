/** The command line as `src/main.ts` starts it, with systems around a gateway in memory. */
import { existsSync } from "node:fs";
import { processTerminal } from "../../../src/cli/process-terminal.ts";
import { run } from "../../../src/cli/run.ts";
import type { AdoptLog, StartLab, StartSystem } from "../../../src/cli/system-options.ts";
import { startFakeSystem } from "./fake-system.ts";

const terminal = processTerminal();
const startSystem: StartSystem = async (options) => {
  terminal.out(
    `starting ${JSON.stringify({ ...options, data: options.data !== undefined && existsSync(options.data) })}\n`,
  );
  if (options.data !== undefined) terminal.out(`data in ${options.data}\n`);
  const system = await startFakeSystem(options);
  return {
    url: system.url,
    stop: async () => {
      await system.stop();
      terminal.out("stopped\n");
    },
  };
};
const startLab: StartLab = async (options) => await startFakeSystem({ ...options, lab: true });
const adoptPresentLog: AdoptLog = async ({ confirmed }) => ({
  reason: "/signalbox/log is of the log A, and the present one is B",
  position: 7,
  resources: 2,
  store: "memory",
  deleted: confirmed ? 3 : undefined,
});

process.exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  terminal,
  loadStarters: async () => ({ startSystem, startLab, adoptPresentLog }),
});
