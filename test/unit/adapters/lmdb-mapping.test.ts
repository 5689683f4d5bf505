import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LmdbStore } from "../../../src/adapters/embedded/lmdb-store.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";

/** Bytes of this process's memory that are pages of files below a folder, as Linux counts them. */
function mappedBytes(folder: string): number {
  const parts = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const rss = (part: string) => Number(/^Rss:\s+(\d+) kB/m.exec(part)?.[1] ?? 0) * 1024;
  return parts.filter((part) => part.includes(folder)).reduce((sum, part) => sum + rss(part), 0);
}

describe("the memory map of an LMDB store", () => {
  const values = 1500;
  let directory: string;
  let clock: VirtualClock;
  let store: LmdbStore;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "signalbox-map-"));
    clock = new VirtualClock();
    store = new LmdbStore(directory, { clock, compressFrom: 1_000_000 });
    const writes = Array.from({ length: values }, (_, at) => ({ key: `k${at}`, value: "x".repeat(6000) + at }));
    await store.commit(() => ({ writes, result: undefined }));
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });
  const readAll = () => {
    for (let at = 0; at < values; at += 1) expect(store.get(`k${at}`)).toBe("x".repeat(6000) + at);
  };
  /** A second passes, and what comes due in it is done: it waits for no timer and no disk. */
  const second = async () => {
    clock.advance(1000);
    for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const write = (key: string) => store.commit(() => ({ writes: [{ key, value: store.get("k0") }], result: undefined }));

  it("is given up after many reads, and the next read is as before", async () => {
    readAll();
    const before = existsSync("/proc/self/smaps") ? mappedBytes(directory) : undefined;
    await second();
    if (before !== undefined) {
      expect(before).toBeGreaterThan(values * 6000);
      expect(mappedBytes(directory)).toBeLessThan(before / 10);
    }
    readAll();
    await write("after");
    expect(store.get("after")).toBe(store.get("k0"));
  });

  it("is kept while something is written, whose outcome is not lost", async () => {
    for (let round = 0; round < 5; round += 1) {
      readAll();
      const writing = Array.from({ length: 50 }, (_, at) => write(`w${round}-${at}`));
      await second();
      await Promise.all(writing);
      await second();
      for (let at = 0; at < 50; at += 1) expect(store.get(`w${round}-${at}`)).toBe(store.get("k0"));
    }
    expect(store.count({ from: "w", to: "x" })).toBe(250);
  });

  it("comes back at once for who reads and writes before the old one is closed", async () => {
    readAll();
    clock.advance(1000);
    const written = write("meanwhile");
    expect(store.get("k1")).toBe(`${"x".repeat(6000)}1`);
    await written;
    expect(store.get("meanwhile")).toBe(store.get("k0"));
  });

  it("is not made again by a store that was closed after it was given up", async () => {
    readAll();
    await second();
    await store.close();
    expect(() => store.get("k0")).toThrow("closed");
  });
});
