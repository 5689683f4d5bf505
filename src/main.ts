#!/usr/bin/env node
import { preferSmallHeap } from "./cli/prefer-small-heap.ts";
import { processTerminal } from "./cli/process-terminal.ts";
import { run } from "./cli/run.ts";

process.exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  terminal: processTerminal(),
  loadStarters: () => {
    preferSmallHeap();
    return import("./cli/start-system.ts");
  },
});
