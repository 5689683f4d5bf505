import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LmdbStore } from "../../../src/adapters/embedded/lmdb-store.ts";
import { MemoryStore } from "../../../src/adapters/embedded/memory-store.ts";
import {
  compareKeys,
  keyAfter,
  type OrderedStore,
  prefixRange,
  Table,
} from "../../../src/adapters/embedded/ordered-store.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";

const everything = { from: "t/", to: "t0" };
const key = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.string({ unit: fc.constantFrom("\u0000", "\u0001", "\u0005", "a", "b", "/", "\ud7ff", "\uffff", "\u{10ffff}") }),
  )
  .map((text) => `t/${text}`);

async function withStores(test: (stores: readonly OrderedStore[]) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "signalbox-store-"));
  const stores = [new MemoryStore(), new LmdbStore(directory, { clock: new VirtualClock() })];
  try {
    await test(stores);
  } finally {
    for (const store of stores) await store.close();
    await rm(directory, { recursive: true });
  }
}

describe("ordered stores", () => {
  it("hold the same in the same order, on disk and in memory, as a sorted map", async () => {
    await withStores(async (stores) => {
      const write = fc.record({ key, value: fc.option(fc.integer(), { nil: undefined }) });
      const bounds = fc.tuple(key, key, fc.integer({ min: 0, max: 5 }));
      await fc.assert(
        fc.asyncProperty(fc.array(write, { maxLength: 30 }), bounds, async (writes, [one, two, limit]) => {
          const model = new Map<string, number>();
          for (const { key: at, value } of writes) {
            if (value === undefined) model.delete(at);
            else model.set(at, value);
          }
          const sorted = [...model].map(([at, value]) => ({ key: at, value }));
          sorted.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
          const [from, to] = compareKeys(one, two) <= 0 ? [one, two] : [two, one];
          const inside = sorted.filter((e) => compareKeys(e.key, from) >= 0 && compareKeys(e.key, to) < 0);
          for (const store of stores) {
            await store.commit(() => ({
              writes: [...store.range(everything, 1000).map((entry) => ({ key: entry.key })), ...writes],
              result: undefined,
            }));
            expect(store.range(everything, 1000)).toEqual(sorted);
            expect(store.range({ from, to }, limit)).toEqual(inside.slice(0, limit));
            expect(store.count({ from, to })).toBe(inside.length);
            for (const entry of sorted) expect(store.get(entry.key)).toBe(entry.value);
            expect(store.get("t/none-of-these")).toBeUndefined();
          }
        }),
        { numRuns: 150 },
      );
    });
  });

  it("keep many keys sorted", async () => {
    const store = new MemoryStore();
    const keys = Array.from({ length: 5000 }, (_, n) => `t/${(n * 7919) % 5000}`);
    for (const at of keys) await store.commit(() => ({ writes: [{ key: at, value: 1 }], result: undefined }));
    expect(store.range(everything, 10_000).map((entry) => entry.key)).toEqual([...keys].sort(compareKeys));
    for (const at of keys.slice(0, 4990)) await store.commit(() => ({ writes: [{ key: at }], result: undefined }));
    expect(store.range(everything, 10_000).map((entry) => entry.key)).toEqual(keys.slice(4990).sort(compareKeys));
  });

  it("write nothing when the decision throws or a value or key cannot be stored", async () => {
    await withStores(async (stores) => {
      const refusals = [
        () => {
          throw new Error("no");
        },
        () => ({
          writes: [
            { key: "t/a", value: 1 },
            { key: "t/b", value: 1n },
          ],
          result: undefined,
        }),
        () => ({
          writes: [
            { key: "t/a", value: 1 },
            { key: `t/${"x".repeat(2000)}`, value: 1 },
          ],
          result: undefined,
        }),
        () => ({
          writes: [
            { key: "t/a", value: 1 },
            { key: "t/\ud800", value: 1 },
          ],
          result: undefined,
        }),
      ];
      for (const store of stores) {
        const outcomes = await Promise.allSettled([
          ...refusals.map((refusal) => store.commit(refusal)),
          store.commit(() => ({ writes: [{ key: "t/z", value: 1 }], result: "fine" })),
        ]);
        expect(outcomes.map((outcome) => outcome.status)).toEqual([...refusals.map(() => "rejected"), "fulfilled"]);
        expect(outcomes[0]).toMatchObject({ reason: { message: "no" } });
        expect(outcomes[2]).toMatchObject({ reason: { code: "SB_STORE_FAILED" } });
        expect(store.range(everything, 10)).toEqual([{ key: "t/z", value: 1 }]);
      }
    });
  });

  it("decide one after the other, each seeing what the earlier ones wrote", async () => {
    await withStores(async (stores) => {
      for (const store of stores) {
        const counts = await Promise.all(
          Array.from({ length: 500 }, () =>
            store.commit(() => {
              const next = Number(store.get("t/n") ?? 0) + 1;
              return { writes: [{ key: "t/n", value: next }], result: next };
            }),
          ),
        );
        expect(counts).toEqual(Array.from({ length: 500 }, (_, n) => n + 1));
        expect(store.get("t/n")).toBe(500);
      }
    });
  });
});

describe("key ranges", () => {
  it("hold exactly the keys that start with the prefix", () => {
    fc.assert(
      fc.property(key, key, (prefix, other) => {
        const { from, to } = prefixRange(prefix);
        const inside = compareKeys(other, from) >= 0 && compareKeys(other, to) < 0;
        expect(inside).toBe(other.startsWith(prefix));
        expect(compareKeys(keyAfter(other), other)).toBeGreaterThan(0);
      }),
    );
  });

  it("are read in pieces by a table, which sees only its own keys", async () => {
    const store = new MemoryStore();
    const table = new Table<number>(store, "a");
    const other = new Table<number>(store, "a-b");
    const names = Array.from({ length: 600 }, (_, n) => String(n).padStart(4, "0"));
    await store.commit(() => ({
      writes: [...names.map((n) => table.put(n, 1)), other.put("x", 1)],
      result: undefined,
    }));
    expect([...table.scan()].map((entry) => entry.key)).toEqual(names);
    expect(table.count("05")).toBe(100);
    expect(table.range({ from: "9" }, 5)).toEqual([]);
    expect(table.range({ from: "b", to: "a" }, 5)).toEqual([]);
  });
});
