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
