import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryStore } from "../../../src/adapters/embedded/memory-store.ts";
import { type Embedded, openEmbedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

export interface EmbeddedHarness {
  readonly embedded: Embedded;
  readonly clock: VirtualClock;
  elapse(ms: number): Promise<void>;
  /** Closes it and opens it again on the same data. */
  reopen(): Promise<Embedded>;
  close(): Promise<void>;
}

/** The embedded adapters on LMDB in a directory of their own, which `close` removes. */
export async function onDisk(
  options: { historyPerSubject?: number; keepChanges?: number } = {},
): Promise<EmbeddedHarness> {
  const directory = await mkdtemp(join(tmpdir(), "signalbox-"));
  const clock = new VirtualClock(1_700_000_000_000);
  const random = new SeededRandom(1);
  const open = () => openEmbedded({ directory, clock, random, logger: silentLogger, ...options });
  return harness(await open(), clock, open, () => rm(directory, { recursive: true }));
}

/** The same on a store in memory. */
export async function inMemory(
  options: { historyPerSubject?: number; keepChanges?: number } = {},
): Promise<EmbeddedHarness> {
  const clock = new VirtualClock(1_700_000_000_000);
  const random = new SeededRandom(1);
  let store = new MemoryStore();
  const open = () => openMemory({ clock, random, logger: silentLogger, store, ...options });
  const reopen = () => {
    store = store.reopen();
    return open();
  };
  return harness(await open(), clock, reopen, async () => undefined);
}

function harness(
  opened: Embedded,
  clock: VirtualClock,
  open: () => Promise<Embedded>,
  clean: () => Promise<void>,
): EmbeddedHarness {
  let embedded = opened;
  return {
    embedded,
    clock,
    elapse: async (ms) => clock.advance(ms),
    reopen: async () => {
      await embedded.close();
      embedded = await open();
      return embedded;
    },
    close: async () => {
      await embedded.close();
      await clean();
    },
  };
}
