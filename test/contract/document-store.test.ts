import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe } from "vitest";
import { type EtcdStore, openEtcd } from "../../src/adapters/etcd/open.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { type RunningEtcd, startEtcd } from "../servers/etcd.ts";
import { silentLogger } from "../servers/silent-logger.ts";
import { inMemory, onDisk } from "./embedded/open-embedded-harness.ts";
import { documentStoreSuite } from "./suites/document-store-suite.ts";

for (const [name, open] of [["LMDB", onDisk] as const, ["memory", inMemory] as const]) {
  documentStoreSuite(name, async () => {
    const harness = await open();
    return {
      ...harness,
      documents: harness.embedded.documents,
      reopen: async () => (await harness.reopen()).documents,
    };
  });
}

// One server for all tests: each has keys of its own, and nobody else makes revisions while it runs.
describe("one etcd server", () => {
  let server: RunningEtcd;
  let stores = 0;
  beforeAll(async () => {
    server = await startEtcd();
  });
  afterAll(() => server.stop());

  documentStoreSuite("etcd", async () => {
    stores += 1;
    const namespace = `/suite-${stores}/`;
    const open = () => openEtcd({ endpoints: [server.endpoint], namespace, clock: systemClock, logger: silentLogger });
    let store: EtcdStore = await open();
    return {
      documents: store.documents,
      elapse: (ms) => delay(ms),
      reopen: async () => {
        await store.close();
        store = await open();
        return store.documents;
      },
      close: () => store.close(),
    };
  });
});
