import { afterAll, beforeAll, describe } from "vitest";
import { type RunningNatsServer, startNatsServer } from "../servers/nats-server.ts";
import { inMemory, onDisk } from "./embedded/open-embedded-harness.ts";
import { openHarness } from "./nats/open-nats-harness.ts";
import { workQueueSuite } from "./suites/work-queue-suite.ts";

for (const [name, open] of [["LMDB", onDisk] as const, ["memory", inMemory] as const]) {
  workQueueSuite(name, async () => {
    const harness = await open();
    return { ...harness, queues: harness.embedded.queues, reopen: async () => (await harness.reopen()).queues };
  });
}

// One server for all tests: each has streams of its own.
describe("one NATS server", () => {
  let server: RunningNatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());

  workQueueSuite("NATS", async () => {
    const harness = await openHarness(server.address);
    return {
      ...harness,
      ackWaitMs: 1000,
      queues: harness.stores.queues,
      reopen: async () => (await harness.reopen()).queues,
    };
  });
});
