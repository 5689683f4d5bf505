import { inMemory, onDisk } from "./embedded/open-embedded-harness.ts";
import { busSuite } from "./suites/bus-suite.ts";

for (const [name, open] of [["LMDB", onDisk] as const, ["memory", inMemory] as const]) {
  busSuite(name, async () => {
    const harness = await open();
    return { ...harness, bus: harness.embedded.bus };
  });
}
