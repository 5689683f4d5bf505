import { afterAll, beforeAll, describe } from "vitest";
import { type RunningNatsServer, startNatsServer } from "../servers/nats-server.ts";
import { inMemory, onDisk } from "./embedded/open-embedded-harness.ts";
import { openHarness } from "./nats/open-nats-harness.ts";
import { eventLogSuite } from "./suites/event-log-suite.ts";

for (const [name, open] of [["LMDB", onDisk] as const, ["memory", inMemory] as const]) {
  eventLogSuite(name, async () => {
    const harness = await open();
    return { ...harness, log: harness.embedded.log, reopen: async () => (await harness.reopen()).log };
  });
}

// One server for all tests: each has streams of its own.
describe("one NATS server", () => {
  let server: RunningNatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());

  eventLogSuite("NATS", async () => {
    const harness = await openHarness(server.address);
    return { ...harness, log: harness.stores.log, reopen: async () => (await harness.reopen()).log };
  });
});
