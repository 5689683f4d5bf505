import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LmdbStore } from "../../../src/adapters/embedded/lmdb-store.ts";
import { openEmbedded } from "../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

describe("opening a data directory", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "signalbox-open-"));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const open = (path = directory) =>
    openEmbedded({ directory: path, clock: new VirtualClock(), random: new SeededRandom(1), logger: silentLogger });

  it("refuses a directory that is open already, until it is closed", async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({ code: "SB_DATA_IN_USE" });
    await first.close();
    await first.close();
    const second = await open();
    await second.close();
  });

  it("lets exactly one of several that start at once have it", async () => {
    const outcomes = await Promise.allSettled([open(), open(), open(), open()]);
    const opened = outcomes.filter((outcome) => outcome.status === "fulfilled");
    expect(opened).toHaveLength(1);
    for (const outcome of opened) await outcome.value.close();
  });

  it("replaces a lock that nobody holds any more", async () => {
    await writeFile(join(directory, "signalbox.lock"), "");
    await (await open()).close();
  });

  it("works in a directory with a long path", async () => {
    const deep = join(directory, "x".repeat(90), "y".repeat(90));
    const first = await open(deep);
    await expect(open(deep)).rejects.toMatchObject({ code: "SB_DATA_IN_USE" });
    await first.close();
    await (await open(deep)).close();
  });

  it("refuses data of another version and leaves it open to the right one", async () => {
    await mkdir(join(directory, "store"));
    const store = new LmdbStore(join(directory, "store"), { clock: new VirtualClock() });
    await store.commit(() => ({ writes: [{ key: "version/", value: 2 }], result: undefined }));
    await store.close();
    for (let i = 0; i < 2; i += 1) await expect(open()).rejects.toMatchObject({ code: "SB_DATA_VERSION" });
  });

  it("says what is wrong with a directory that cannot be made", async () => {
    await writeFile(join(directory, "file"), "");
    await expect(open(join(directory, "file", "below"))).rejects.toMatchObject({ code: "SB_STORE_FAILED" });
  });

  it("compresses large values", async () => {
    const size = async (compressFrom: number) => {
      const path = join(directory, `compress-${compressFrom}`);
      const store = new LmdbStore(path, { clock: new VirtualClock(), compressFrom });
      const value = { text: "interfaces { ge-0/0/1 { unit 100; } } ".repeat(400) };
      for (let i = 0; i < 100; i += 1) {
        await store.commit(() => ({ writes: [{ key: `k${i}`, value }], result: undefined }));
      }
      expect(store.get("k42")).toEqual(value);
      await store.close();
      return (await stat(join(path, "data.mdb"))).size;
    };
    expect(await size(512)).toBeLessThan((await size(1_000_000_000)) / 3);
  });
});
