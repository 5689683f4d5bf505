import { afterAll, beforeAll, describe } from "vitest";
import { type RunningNatsServer, startNatsServer } from "../servers/nats-server.ts";
import { inMemory, onDisk } from "./embedded/open-embedded-harness.ts";
import { openHarness } from "./nats/open-nats-harness.ts";
import { busSuite } from "./suites/bus-suite.ts";

for (const [name, open] of [["LMDB", onDisk] as const, ["memory", inMemory] as const]) {
  busSuite(name, async () => {
    const harness = await open();
    return { ...harness, bus: harness.embedded.bus };
  });
}

// One server for all tests: each has subjects of its own.
describe("one NATS server", () => {
  let server: RunningNatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());

  busSuite("NATS", async () => {
    const harness = await openHarness(server.address);
    return { ...harness, bus: harness.stores.bus };
  });
});
