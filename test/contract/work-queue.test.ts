import { inMemory, onDisk } from "./embedded/open-embedded-harness.ts";
import { workQueueSuite } from "./suites/work-queue-suite.ts";

for (const [name, open] of [["LMDB", onDisk] as const, ["memory", inMemory] as const]) {
  workQueueSuite(name, async () => {
    const harness = await open();
    return { ...harness, queues: harness.embedded.queues, reopen: async () => (await harness.reopen()).queues };
  });
}
