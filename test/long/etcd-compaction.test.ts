import type { Etcd3 } from "etcd3";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { DocumentStore } from "../../src/actors/ports.ts";
import { SeededRandom } from "../../src/adapters/system/seeded-random.ts";
import { Collected, contents, Opened } from "../contract/etcd/open-store.ts";
import { type LogLine, recordingLogger } from "../contract/etcd/recording-logger.ts";
import { type RunningEtcd, startEtcd } from "../servers/etcd.ts";
import { startTcpGate, type TcpGate } from "../servers/tcp-gate.ts";

let server: RunningEtcd;
let opened: Opened;
let admin: Etcd3;
/** Writes past the gate, as other processes do. */
let direct: DocumentStore;
/** Watches through the gate. */
let behind: DocumentStore;
let gate: TcpGate;
let lines: LogLine[];
let stores = 0;

beforeAll(async () => {
  server = await startEtcd();
});
afterAll(() => server.stop());
beforeEach(async () => {
  opened = new Opened();
  stores += 1;
  const namespace = `/store-${stores}`;
  gate = await startTcpGate(server.endpoint);
  opened.later(() => gate.stop());
  admin = opened.admin(server.endpoint);
  direct = (await opened.store(server.endpoint, { namespace })).documents;
  const recording = recordingLogger();
  lines = recording.lines;
  behind = (await opened.store(gate.endpoint, { namespace, logger: recording.logger })).documents;
});
afterEach(() => opened.close());

const put = async (key: string, value: string) => (await direct.transaction({ writes: [{ key, value }] })).revision;
const remove = async (key: string) => (await direct.transaction({ writes: [{ key, value: null }] })).revision;
const compact = (revision: number) => admin.kv.compact({ revision, physical: true });

it("starts a watch of compacted revisions with what the oldest kept one has, then what came after", async () => {
  const first = await put("/a", "1");
  await put("/b", "1");
  await put("/gone", "1");
  const a = await put("/a", "2");
  const oldest = await remove("/gone");
  await compact(oldest);
  const b = await put("/b", "2");
  const end = await remove("/a");
  const watched = new Collected(behind, "/", first);
  await watched.told("/a", null);
  expect(watched.list({ revisions: true })).toEqual([
    `/b="1"@${first + 1}`,
    `/a="2"@${a}`,
    `/b="2"@${b}`,
    `/a=null@${end}`,
  ]);
  const live = await put("/c", "1");
  await watched.told("/c", "1");
  expect(watched.list({ revisions: true }).at(-1)).toBe(`/c="1"@${live}`);
  await watched.stop();
});

it("tells only what was written since the revision asked for, when that is compacted", async () => {
  await put("/old", "1");
  const from = await put("/new", "1");
  await put("/other", "1");
  await compact(await put("/last", "1"));
  const watched = new Collected(behind, "/", from);
  await watched.told("/last", "1");
  expect(watched.list()).toEqual(['/new="1"', '/other="1"', '/last="1"']);
  await watched.stop();
});

it("tells a watcher that was cut off the deletes that were compacted away", async () => {
  await put("/before", "1");
  const start = await put("/stays", "1");
  const watched = new Collected(behind, "/", start + 1);
  await put("/told", "1");
  await put("/told-and-kept", "1");
  await watched.told("/told-and-kept", "1");
  gate.cut();
  await remove("/told");
  await remove("/before");
  await put("/short-lived", "1");
  await remove("/short-lived");
  await put("/told-and-kept", "2");
  const written = await put("/written", "1");
  const oldest = await put("/told-and-kept", "3");
  await compact(oldest);
  const afterwards = await put("/afterwards", "1");
  gate.open();
  await watched.told("/afterwards", "1");
  expect(watched.list({ revisions: true }).slice(2)).toEqual([
    `/written="1"@${written}`,
    `/told-and-kept="3"@${oldest}`,
    `/before=null@${oldest}`,
    `/told=null@${oldest}`,
    `/afterwards="1"@${afterwards}`,
  ]);
  await watched.stop();
});

// etcd serves a watch from its oldest kept revision, but that revision's deletes are gone.
it("tells a watcher that was cut off a delete at the very revision that was compacted", async () => {
  const start = await put("/a", "1");
  const watched = new Collected(behind, "/", start);
  await watched.count(1);
  gate.cut();
  await compact(await remove("/a"));
  gate.open();
  await watched.told("/a", null);
  expect(watched.list()).toEqual(['/a="1"', "/a=null"]);
  await watched.stop();
});

it("repeats nothing when only others' keys were written and compacted", async () => {
  const start = await put("/a/1", "1");
  const watched = new Collected(behind, "/a/", start);
  await watched.count(1);
  gate.cut();
  for (let n = 0; n < 5; n += 1) await put("/b/1", String(n));
  await compact(await direct.revision());
  gate.open();
  await put("/a/2", "1");
  await watched.told("/a/2", "1");
  expect(watched.list()).toEqual(['/a/1="1"', '/a/2="1"']);
  await watched.stop();
});

it("goes on for a reader that is slower than the writers and the compaction", async () => {
  const start = await direct.revision();
  const stop = new AbortController();
  const watch = behind.watch("/", { fromRevision: start + 1, signal: stop.signal })[Symbol.asyncIterator]();
  await put("/0", "first");
  const view = new Map<string, unknown>();
  const take = async () => {
    const { value, done } = await watch.next();
    if (done === true) throw new Error("the watch ended");
    if (value.value === null) view.delete(value.key);
    else view.set(value.key, value.value);
    return value;
  };
  await take();
  // More than the window of the stream and the server's queue for a watcher (1024 answers) hold.
  const large = "x".repeat(4000);
  for (let n = 0; n < 1600; n += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => put(`/${i % 10}`, `${n + i} ${large}`)));
  }
  for (let n = 5; n < 10; n += 1) await remove(`/${n}`);
  await compact(await direct.revision());
  await put("/last", "last");
  while ((await take()).key !== "/last");
  expect(lines.map(({ message }) => message)).toContain("watched revisions are compacted; the documents are listed");
  expect(Object.fromEntries([...view].sort())).toEqual(await contents(direct, "/"));
  stop.abort();
});

it.each([1, 2, 3, 4, 5, 6])("ends with what the store has, whatever happens on the way (seed %i)", async (seed) => {
  const random = new SeededRandom(seed);
  const below = (limit: number) => Math.floor(random.fraction() * limit);
  for (let n = 0; n < 4; n += 1) await put(`/${n}`, "before");
  const start = await direct.revision();
  const base = await contents(direct, "/");
  const watched = new Collected(behind, "/", start + 1);
  // Only who was there before a gap is promised the deletes in it.
  await put("/mark", "there");
  await watched.told("/mark", "there");
  for (let step = 0; step < 120; step += 1) {
    const dice = below(20);
    if (dice < 11) await put(`/${below(8)}`, `${step}`);
    else if (dice < 16) await remove(`/${below(8)}`);
    else if (dice === 16) await compact(await direct.revision()).catch(() => undefined);
    else if (dice === 17) gate.cut();
    else if (dice === 18) gate.open();
    else if (watched.changes.length > 0) {
      gate.open();
      await put("/mark", `${step}`);
      await watched.told("/mark", `${step}`);
    }
  }
  gate.open();
  await put("/end", "end");
  await watched.told("/end", "end");
  const view = new Map(Object.entries(base));
  for (const { key, value } of watched.changes) {
    if (value === null) view.delete(key);
    else view.set(key, value);
  }
  expect(Object.fromEntries([...view].sort())).toEqual(await contents(direct, "/"));
  const revisions = watched.changes.map(({ revision }) => revision);
  expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  expect(new Set(watched.list({ revisions: true })).size).toBe(watched.changes.length);
  await watched.stop();
});

it("lists again when it finds an older store than before: one that was restored or made anew", async () => {
  for (const n of [1, 2, 3, 4, 5]) await put("/a", `${n}`);
  const end = await put("/b", "1");
  const watched = new Collected(behind, "/", end - 5);
  await watched.told("/b", "1");
  const fresh = await startEtcd();
  opened.later(() => fresh.stop());
  const { documents } = await opened.store(fresh.endpoint, { namespace: `/store-${stores}` });
  await documents.transaction({ writes: [{ key: "/restored", value: "1" }] });
  gate.cut();
  gate.leadTo(fresh.endpoint);
  gate.open();
  await watched.told("/b", null);
  await documents.transaction({ writes: [{ key: "/a", value: "new" }] });
  await watched.told("/a", "new");
  expect(watched.folded()).toEqual({ "/a": "new", "/restored": "1" });
  await watched.stop();
});
