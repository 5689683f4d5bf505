#!/usr/bin/env node
import { processTerminal } from "./cli/process-terminal.ts";
import { run } from "./cli/run.ts";

process.exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  terminal: processTerminal(),
  loadStarters: () => import("./cli/start-system.ts"),
});
