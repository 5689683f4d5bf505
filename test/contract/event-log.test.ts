import { inMemory, onDisk } from "./embedded/open-embedded-harness.ts";
import { eventLogSuite } from "./suites/event-log-suite.ts";

for (const [name, open] of [["LMDB", onDisk] as const, ["memory", inMemory] as const]) {
  eventLogSuite(name, async () => {
    const harness = await open();
    return { ...harness, log: harness.embedded.log, reopen: async () => (await harness.reopen()).log };
  });
}
