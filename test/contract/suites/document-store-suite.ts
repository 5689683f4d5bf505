import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DocumentChange, DocumentStore } from "../../../src/actors/ports.ts";
import { jsonDocument } from "./json-document.ts";

export interface DocumentStoreHarness {
  readonly documents: DocumentStore;
  /** Lets so much time pass for the leases: moves a virtual clock, or waits where the server has its own. */
  elapse(ms: number): Promise<void>;
  /** Closes the store and opens it again on the same data. */
  reopen(): Promise<DocumentStore>;
  close(): Promise<void>;
}

/** Time to live of the leases in these tests; a server may have a lower bound. */
const ttlMs = 2000;

/** What every `DocumentStore` does. */
export function documentStoreSuite(name: string, make: () => Promise<DocumentStoreHarness>): void {
  describe(`document store: ${name}`, () => {
    let harness: DocumentStoreHarness;
    let documents: DocumentStore;
    beforeEach(async () => {
      harness = await make();
      documents = harness.documents;
    });
    afterEach(() => harness.close());

    const put = async (key: string, value: string) =>
      (await documents.transaction({ writes: [{ key, value }] })).revision;
    const remove = async (key: string) => (await documents.transaction({ writes: [{ key, value: null }] })).revision;
    const keys = async (prefix: string) => (await documents.range(prefix)).map((document) => document.key);

    /** The first `count` changes that a watch sees. */
    const changes = async (prefix: string, fromRevision: number, count: number): Promise<DocumentChange[]> => {
      const stop = new AbortController();
      const seen: DocumentChange[] = [];
      for await (const change of documents.watch(prefix, { fromRevision, signal: stop.signal })) {
        seen.push(change);
        if (seen.length === count) stop.abort();
      }
      return seen;
    };

    it("stores, replaces and deletes, one revision per transaction", async () => {
      const start = await documents.revision();
      expect(await documents.get("a")).toBeUndefined();
      expect(await put("a", "1")).toBe(start + 1);
      expect(await documents.get("a")).toEqual({ key: "a", value: "1", revision: start + 1 });
      expect(await put("a", "2")).toBe(start + 2);
      expect(await documents.get("a")).toEqual({ key: "a", value: "2", revision: start + 2 });
      expect(await remove("a")).toBe(start + 3);
      expect(await documents.get("a")).toBeUndefined();
      expect(await documents.revision()).toBe(start + 3);
    });

    it("makes no revision when nothing changes", async () => {
      const start = await put("a", "1");
      expect(await documents.transaction({ writes: [] })).toEqual({ committed: true, revision: start });
      expect(await remove("nobody")).toBe(start);
      expect(await documents.revision()).toBe(start);
    });

    it("writes all or nothing", async () => {
      const revision = await put("a", "1");
      const refused = await documents.transaction({
        compare: [
          { key: "a", revision },
          { key: "b", revision: 77 },
        ],
        writes: [
          { key: "a", value: "2" },
          { key: "c", value: "2" },
        ],
      });
      expect(refused.committed).toBe(false);
      expect(await keys("")).toEqual(["a"]);
      const done = await documents.transaction({
        compare: [
          { key: "a", revision },
          { key: "b", revision: 0 },
        ],
        writes: [
          { key: "b", value: "2" },
          { key: "c", value: "2" },
          { key: "a", value: null },
        ],
      });
      expect(done).toEqual({ committed: true, revision: revision + 1 });
      expect((await documents.range("")).map(({ key, revision: at }) => [key, at])).toEqual([
        ["b", revision + 1],
        ["c", revision + 1],
      ]);
    });

    it("lets one of many concurrent claims of a key win", async () => {
      const claims = Array.from({ length: 20 }, (_, n) =>
        documents.transaction({ compare: [{ key: "vlan/7", revision: 0 }], writes: [{ key: "vlan/7", value: n }] }),
      );
      const winners = (await Promise.all(claims)).map((outcome, n) => ({ ...outcome, n })).filter((o) => o.committed);
      expect(winners).toHaveLength(1);
      expect((await documents.get("vlan/7"))?.value).toBe(winners[0]?.n);
    });

    it("ranges over a prefix in key order, in pages", async () => {
      for (const key of ["/b/2", "/a/1", "/b/10", "/b", "/b/1", "/c", "/b0"]) await put(key, key);
      expect(await keys("/b/")).toEqual(["/b/1", "/b/10", "/b/2"]);
      expect((await documents.range("/b", { limit: 2 })).map((d) => d.key)).toEqual(["/b", "/b/1"]);
      expect((await documents.range("/b", { limit: 2, after: "/b/1" })).map((d) => d.key)).toEqual(["/b/10", "/b/2"]);
      expect((await documents.range("/b/", { after: "/a" })).map((d) => d.key)).toEqual(["/b/1", "/b/10", "/b/2"]);
      expect(await documents.range("/b/", { after: "/b0" })).toEqual([]);
      expect(await documents.range("/d")).toEqual([]);
      expect(await documents.range(`/b${"x".repeat(5_000)}`)).toEqual([]);
    });

    it("shows a watcher what was and what comes, in order, and ends without an error", async () => {
      const first = await put("x/1", "old");
      await put("y/1", "elsewhere");
      const stop = new AbortController();
      const watcher = documents.watch("x/", { fromRevision: first, signal: stop.signal })[Symbol.asyncIterator]();
      expect((await watcher.next()).value).toEqual({ key: "x/1", value: "old", revision: first });
      const pending = watcher.next();
      const { revision } = await documents.transaction({
        writes: [
          { key: "x/9", value: "a" },
          { key: "x/1", value: null },
          { key: "x/5", value: "b" },
        ],
      });
      expect((await pending).value).toEqual({ key: "x/9", value: "a", revision });
      expect((await watcher.next()).value).toEqual({ key: "x/1", value: null, revision });
      expect((await watcher.next()).value).toEqual({ key: "x/5", value: "b", revision });
      const ended = watcher.next();
      stop.abort();
      expect((await ended).done).toBe(true);
    });

    it("watches from a revision that is still to come", async () => {
      const now = await put("x/1", "1");
      const seen = changes("x/", now + 2, 1);
      await put("x/1", "2");
      await put("x/1", "3");
      expect((await seen).map((change) => change.value)).toEqual(["3"]);
    });

    it("deletes the keys of a lease when it ends", async () => {
      const lease = await documents.lease(ttlMs);
      const { revision } = await documents.transaction({
        writes: [
          { key: "lane/1", value: "me", lease: lease.id },
          { key: "lane/2", value: "me", lease: lease.id },
          { key: "lane/3", value: "me" },
        ],
      });
      const deleted = changes("lane/", revision + 1, 2);
      await harness.elapse(ttlMs + 2000);
      expect((await deleted).map(({ key, value }) => ({ key, value }))).toEqual([
        { key: "lane/1", value: null },
        { key: "lane/2", value: null },
      ]);
      expect(await keys("lane/")).toEqual(["lane/3"]);
      await expect(lease.keepAlive()).rejects.toMatchObject({ code: "SB_TIMEOUT" });
      await expect(
        documents.transaction({ writes: [{ key: "lane/1", value: "me", lease: lease.id }] }),
      ).rejects.toMatchObject({ code: "SB_TIMEOUT" });
    });

    it("keeps a lease that is kept alive", async () => {
      const lease = await documents.lease(ttlMs);
      await documents.transaction({ writes: [{ key: "lane/1", value: "me", lease: lease.id }] });
      for (let i = 0; i < 4; i += 1) {
        await harness.elapse(ttlMs / 2);
        await lease.keepAlive();
      }
      expect(await keys("lane/")).toEqual(["lane/1"]);
      await lease.revoke();
      expect(await keys("lane/")).toEqual([]);
      await expect(lease.keepAlive()).rejects.toMatchObject({ code: "SB_TIMEOUT" });
    });

    it("frees a key from its lease when it is written without", async () => {
      const lease = await documents.lease(ttlMs);
      await documents.transaction({ writes: [{ key: "lane/1", value: "me", lease: lease.id }] });
      await put("lane/1", "forever");
      await lease.revoke();
      expect((await documents.get("lane/1"))?.value).toBe("forever");
    });

    it("stores any JSON document unchanged", async () => {
      await fc.assert(
        fc.asyncProperty(jsonDocument, async (value) => {
          await documents.transaction({ writes: [{ key: "json", value }] });
          expect((await documents.get("json"))?.value).toEqual(value);
        }),
        { numRuns: 50 },
      );
    });

    it("behaves as a map, and its watch as the list of changes, under random transactions", async () => {
      let run = 0;
      const write = fc.record({ key: fc.integer({ min: 0, max: 9 }), value: fc.option(fc.integer()) });
      const transaction = fc.record({
        writes: fc.uniqueArray(write, { maxLength: 5, selector: (w) => w.key }),
        stale: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(transaction, { maxLength: 15 }), async (transactions) => {
          run += 1;
          const prefix = `run${run}/`;
          const start = await documents.revision();
          const model = new Map<string, { value: number; revision: number }>();
          const history: DocumentChange[] = [];
          for (const { writes: drawn, stale } of transactions) {
            const writes = drawn.map(({ key, value }) => ({ key: `${prefix}${key}`, value }));
            const compare = writes.map(({ key }) => ({
              key,
              revision: (model.get(key)?.revision ?? 0) + (stale ? 1 : 0),
            }));
            const outcome = await documents.transaction({ compare, writes });
            expect(outcome.committed).toBe(!stale || compare.length === 0);
            if (!outcome.committed) continue;
            for (const { key, value } of writes) {
              if (value !== null || model.has(key)) history.push({ key, value, revision: outcome.revision });
              if (value === null) model.delete(key);
              else model.set(key, { value, revision: outcome.revision });
            }
          }
          const expected = [...model].map(([key, document]) => ({ key, ...document }));
          expect(await documents.range(prefix)).toEqual(expected.sort((a, b) => (a.key < b.key ? -1 : 1)));
          expect(new Set(history.map(({ revision }) => revision)).size).toBe((await documents.revision()) - start);
          if (history.length > 0) expect(await changes(prefix, start + 1, history.length)).toEqual(history);
        }),
        { numRuns: 25 },
      );
    });

    it("has everything but the keys of ended leases after it was closed and opened again", async () => {
      const first = await put("a", "1");
      const lease = await documents.lease(ttlMs);
      const { revision } = await documents.transaction({ writes: [{ key: "lane", value: "me", lease: lease.id }] });
      documents = await harness.reopen();
      await harness.elapse(ttlMs + 2000);
      expect(await documents.get("a")).toEqual({ key: "a", value: "1", revision: first });
      expect((await changes("", first, 3)).map(({ key, value, revision: at }) => [key, value, at])).toEqual([
        ["a", "1", first],
        ["lane", "me", revision],
        ["lane", null, revision + 1],
      ]);
      expect(await documents.get("lane")).toBeUndefined();
      expect(await put("b", "1")).toBe(revision + 2);
    });
  });
}
