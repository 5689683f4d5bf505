#!/usr/bin/env -S node --max-semi-space-size=64
import { processTerminal } from "./cli/process-terminal.ts";
import { run } from "./cli/run.ts";
import { keepHeapSmallAtRest } from "./cli/small-heap-at-rest.ts";

// What is written holds secrets, or tells of devices: it is for this user alone.
process.umask(0o077);

process.exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  terminal: processTerminal(),
  loadStarters: async () => {
    const [starters, { adoptPresentLog }, { systemClock }] = await Promise.all([
      import("./cli/start-system.ts"),
      import("./cli/adopt-log.ts"),
      import("./adapters/system/system-clock.ts"),
    ]);
    keepHeapSmallAtRest(systemClock);
    return { ...starters, adoptPresentLog };
  },
});
