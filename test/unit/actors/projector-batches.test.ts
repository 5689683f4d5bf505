import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DocumentStore, DocumentWrite, Json } from "../../../src/actors/ports.ts";
import { groupsOf, ProjectionBatch } from "../../../src/actors/projection-batch.ts";
import { Projector } from "../../../src/actors/projector.ts";
import { type Embedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const doc = (key: string, value: Json = 1): DocumentWrite => ({ key, value });

describe("a batch of documents", () => {
  it("takes groups of several records until a key would stand twice", () => {
    const batch = new ProjectionBatch(0);
    const [first] = groupsOf(7, [doc("/a"), doc("/b")]);
    const [second, third] = groupsOf(8, [doc("/c"), doc("/c", 2)]);
    if (first === undefined || second === undefined || third === undefined) throw new Error("not the groups expected");
    expect([first, second, third].map((group) => batch.add(group))).toEqual([true, true, false]);
    expect(batch.writes.map(({ key }) => key)).toEqual(["/a", "/b", "/c"]);
    expect(batch.position).toEqual({ seq: 8, part: 1 });
  });

  it("stays small enough for a transaction of etcd", () => {
    const batch = new ProjectionBatch(0);
    let taken = 0;
    for (let seq = 1; seq <= 1000; seq += 1) {
      const [group] = groupsOf(seq, [doc(`/${seq}/a`), doc(`/${seq}/b`)]);
      if (group !== undefined && batch.add(group)) taken += 1;
    }
    expect(taken).toBe(16);
    const [large, rest] = groupsOf(
      1,
      Array.from({ length: 130 }, (_, at) => doc(`/${at}`)),
    );
    expect([large?.writes.length, rest?.writes.length]).toEqual([100, 30]);
  });
});

describe("a projector that is behind", () => {
  let stores: Embedded;
  let projector: Projector;
  const transactions: number[] = [];
  let onTransaction = async (): Promise<void> => {};
  beforeEach(async () => {
    transactions.length = 0;
    onTransaction = async () => {};
    stores = await openMemory({ clock: new VirtualClock(), random: new SeededRandom(1), logger: silentLogger });
    const { documents } = stores;
    const counting: DocumentStore = {
      get: (key) => documents.get(key),
      range: (prefix, options) => documents.range(prefix, options),
      watch: (prefix, options) => documents.watch(prefix, options),
      revision: () => documents.revision(),
      lease: (ttlMs) => documents.lease(ttlMs),
      transaction: async (change) => {
        transactions.push(change.writes.length);
        await onTransaction();
        return documents.transaction(change);
      },
    };
    projector = new Projector({
      log: stores.log,
      documents: counting,
      clock: new VirtualClock(),
      logger: silentLogger,
    });
  });
  afterEach(async () => {
    await projector.stop();
    await stores.close();
  });

  let appended = 0;
  const append = async (documents: readonly DocumentWrite[]): Promise<number> => {
    appended += 1;
    const data = { v: 1, event: "TEST", before: "", after: "", snapshot: { v: 1 }, documents, outbox: [] };
    const options = { expectedSeq: 0, messageId: `m${appended}` };
    return (await stores.log.append(`resource.test.${appended}`, data as unknown as Json, options)).seq;
  };
  /** All changes below /d/ so far, in order. */
  const changes = async (): Promise<string[]> => {
    const end = (await stores.documents.transaction({ writes: [doc("/d/end")] })).revision;
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const change of stores.documents.watch("/d/", { fromRevision: 1, signal: stop.signal })) {
      if (change.revision === end) stop.abort();
      else seen.push(`${change.key}=${JSON.stringify(change.value)}`);
    }
    return seen;
  };

  it("writes many records in few transactions, every value in its order", async () => {
    const written: string[] = [];
    let last = 0;
    for (let at = 0; at < 200; at += 1) {
      const writes = [doc(`/d/job-${at}`, at), doc(`/d/shared-${at % 3 === 0 ? "often" : at}`, at)];
      written.push(...writes.map(({ key, value }) => `${key}=${JSON.stringify(value)}`));
      last = await append(writes);
    }
    projector.start();
    await projector.projected(last);
    expect(await changes()).toEqual(written);
    expect(transactions.length).toBeLessThan(100);
  });

  it("goes on after a restart where it was, in the middle of a record too", async () => {
    for (let at = 0; at < 20; at += 1) await append([doc("/d/a", at), doc("/d/a", at + 0.5)]);
    projector.start();
    await projector.projected(20);
    await projector.stop();
    const { documents, log } = stores;
    const position = await documents.get("/signalbox/projector");
    await documents.transaction({ writes: [{ key: "/signalbox/projector", value: { seq: 20, part: 1 } }] });
    const next = new Projector({ log, documents, clock: new VirtualClock(), logger: silentLogger });
    next.start();
    await next.projected(20);
    await next.stop();
    expect(position?.value).toEqual({ seq: 20, part: 2 });
    expect((await changes()).slice(-2)).toEqual(["/d/a=19.5", "/d/a=19.5"]);
  });

  it("writes what comes while a transaction is under way together", async () => {
    let last = 0;
    onTransaction = async () => {
      onTransaction = async () => {};
      for (let at = 0; at < 40; at += 1) last = await append([doc(`/d/${at}`)]);
    };
    projector.start();
    await projector.projected(await append([doc("/d/first")]));
    await projector.projected(last);
    expect(await changes()).toHaveLength(41);
    expect(transactions.length).toBeLessThan(10);
  });

  it("writes a record that comes alone at once", async () => {
    projector.start();
    await projector.projected(await append([doc("/d/one")]));
    await projector.projected(await append([doc("/d/two")]));
    expect(await changes()).toEqual(["/d/one=1", "/d/two=1"]);
    expect(transactions).toEqual([2, 2]);
  });
});
