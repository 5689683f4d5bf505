import type { JetStreamManager } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";
import { all, LogBook, Opened } from "./opened.ts";

const never = new AbortController().signal;

describe("streams and consumers", () => {
  const opened = new Opened();
  let server: RunningNatsServer;
  let namespaces = 0;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());
  afterEach(() => opened.close());

  const own = () => {
    namespaces += 1;
    return `own-${namespaces}`;
  };
  const manager = async (): Promise<JetStreamManager> => (await opened.admin(server.address)).jetstreamManager();
  const fill = async (namespace: string, records: number, options: object = {}) => {
    const stores = await opened.stores(server.address, { namespace, ...options });
    let expectedSeq = 0;
    for (let n = 0; n < records; n += 1) {
      ({ seq: expectedSeq } = await stores.log.append("a", n, { expectedSeq, messageId: `m${n}` }));
    }
    return stores;
  };
  const history = async (namespace: string, options: object = {}) => {
    const { log } = await opened.stores(server.address, { namespace, ...options });
    return (await all(log.history("a"))).map(({ data }) => data);
  };

  it("keeps the history that is set, and the last record always", async () => {
    const namespace = own();
    const { log } = await fill(namespace, 10, { historyPerSubject: 3 });
    expect((await all(log.history("a"))).map(({ data }) => data)).toEqual([7, 8, 9]);
    await log.append("b", "only", { expectedSeq: 0, messageId: "b" });
    expect((await all(log.lastOfEach())).map(({ data }) => data)).toEqual([9, "only"]);
  });

  it("changes the history of a stream that is there, and says so", async () => {
    const namespace = own();
    await fill(namespace, 6);
    const book = new LogBook();
    expect(await history(namespace, { historyPerSubject: 2, logger: book.logger })).toEqual([4, 5]);
    expect(book.told).toEqual(["settings of a NATS stream changed"]);
    const longer = await opened.stores(server.address, { namespace, historyPerSubject: 50 });
    const { seq } = (await longer.log.last("a")) ?? { seq: 0 };
    await longer.log.append("a", 6, { expectedSeq: seq, messageId: "longer" });
    expect(await history(namespace, { historyPerSubject: 50 })).toEqual([4, 5, 6]);
  });

  it("changes nothing when the settings are the same", async () => {
    const namespace = own();
    const book = new LogBook();
    const first = await opened.stores(server.address, { namespace, logger: book.logger });
    await first.queues.queue("jobs", { ackWaitMs: 1000 }).depth();
    const second = await opened.stores(server.address, { namespace, logger: book.logger });
    await second.queues.queue("jobs", { ackWaitMs: 1000 }).depth();
    expect(book.told).toEqual([]);
  });

  it("can be made by many processes at once", async () => {
    const namespace = own();
    const stores = await Promise.all(
      Array.from({ length: 8 }, () => opened.stores(server.address, { namespace, historyPerSubject: 7 })),
    );
    const queues = stores.map(({ queues: made }) => made.queue("jobs"));
    await Promise.all(queues.map((queue, n) => queue.offer({ id: `m${n}`, body: n })));
    const taken = await Promise.all(queues.map((queue) => queue.take(never)));
    expect(new Set(taken.map(({ id }) => id)).size).toBe(8);
  });

  it("has the names, subjects and limits that the documentation tells", async () => {
    const namespace = own();
    const { queues } = await fill(namespace, 1, { historyPerSubject: 5, maxBytes: 1_000_000 });
    await queues.queue("heat_worker", { ackWaitMs: 1500 }).depth();
    const jsm = await manager();
    expect((await jsm.streams.info(`${namespace}-log`)).config).toMatchObject({
      subjects: [`${namespace}.log.>`],
      storage: "file",
      retention: "limits",
      max_msgs_per_subject: 5,
      max_bytes: 1_000_000,
      discard: "new",
    });
    expect((await jsm.streams.info(`${namespace}-queue-heat_worker`)).config).toMatchObject({
      subjects: [`${namespace}.queue.heat_worker.*`],
      max_msgs_per_subject: 1,
      discard: "new",
      discard_new_per_subject: true,
    });
    expect((await jsm.consumers.info(`${namespace}-queue-heat_worker`, "takers")).config).toMatchObject({
      ack_policy: "explicit",
      ack_wait: 1_500_000_000,
      max_deliver: -1,
      max_ack_pending: -1,
    });
  });

  it("changes the ack wait of a consumer that is there", async () => {
    const namespace = own();
    const book = new LogBook();
    const first = await opened.stores(server.address, { namespace });
    await first.queues.queue("jobs", { ackWaitMs: 60_000 }).offer({ id: "a", body: 1 });
    const { queues } = await opened.stores(server.address, { namespace, logger: book.logger });
    const queue = queues.queue("jobs", { ackWaitMs: 200 });
    await queue.take(never);
    // Delivered again after the new wait, not after a minute.
    expect(await queue.take(never)).toMatchObject({ id: "a", attempt: 2 });
    expect(book.told).toEqual(["settings of a NATS consumer changed"]);
  });

  it("makes a consumer again that somebody removed", async () => {
    const namespace = own();
    const book = new LogBook();
    const { queues } = await opened.stores(server.address, { namespace, logger: book.logger });
    const queue = queues.queue("jobs");
    await queue.depth();
    const taking = queue.take(never);
    const jsm = await manager();
    await queue.depth();
    await jsm.consumers.delete(`${namespace}-queue-jobs`, "takers");
    await book.wrote("messages are asked for again");
    await queue.offer({ id: "a", body: 1 });
    expect((await taking).id).toBe("a");
  });

  it("does not change the storage, and says what to do", async () => {
    const namespace = own();
    await fill(namespace, 1);
    const opening = opened.stores(server.address, { namespace, storage: "memory" });
    await expect(opening).rejects.toMatchObject({
      code: "SB_STORE_INCOMPATIBLE",
      message: expect.stringContaining(`${namespace}-log has storage "file"`),
      advice: expect.stringContaining(`nats stream backup ${namespace}-log`),
    });
    expect(await history(namespace)).toEqual([0]);
  });

  it("keeps records in memory when asked to", async () => {
    const namespace = own();
    await fill(namespace, 1, { storage: "memory" });
    expect((await (await manager()).streams.info(`${namespace}-log`)).config.storage).toBe("memory");
  });

  it("does not take over somebody else's stream", async () => {
    const namespace = own();
    const jsm = await manager();
    await jsm.streams.add({ name: `${namespace}-log`, subjects: [`${namespace}.other`] });
    await expect(opened.stores(server.address, { namespace })).rejects.toMatchObject({
      code: "SB_STORE_INCOMPATIBLE",
      message: expect.stringContaining(`${namespace}-log has subjects`),
    });
    expect((await jsm.streams.info(`${namespace}-log`)).config.subjects).toEqual([`${namespace}.other`]);
  });

  it("does not take subjects that another stream has", async () => {
    const namespace = own();
    const jsm = await manager();
    await jsm.streams.add({ name: `${namespace}-archive`, subjects: [`${namespace}.log.old.>`] });
    await expect(opened.stores(server.address, { namespace })).rejects.toMatchObject({
      code: "SB_STORE_INCOMPATIBLE",
      message: expect.stringContaining("belong to another stream"),
    });
  });

  it("does not read streams of a layout that it does not know", async () => {
    const namespace = own();
    const jsm = await manager();
    const description = "Signalbox event log, layout 2";
    await jsm.streams.add({ name: `${namespace}-log`, description, subjects: [`${namespace}.log.>`] });
    await expect(opened.stores(server.address, { namespace })).rejects.toMatchObject({ code: "SB_DATA_VERSION" });
  });

  it.each([
    ["new streams", false],
    ["streams that are there", true],
  ])("refuses replicas for %s where there is no cluster", async (_, there) => {
    const namespace = own();
    if (there) await fill(namespace, 1);
    await expect(opened.stores(server.address, { namespace, replicas: 3 })).rejects.toMatchObject({
      code: "SB_STORE_INCOMPATIBLE",
      message: expect.stringContaining(`${namespace}-log cannot have`),
    });
    if (there) expect(await history(namespace)).toEqual([0]);
  });

  it("fails when it is opened against a server without JetStream", async () => {
    const plain = await startNatsServer({ jetstream: false });
    opened.later(() => plain.stop());
    await expect(opened.stores(plain.address, { timeouts: { openMs: 300 } })).rejects.toMatchObject({
      code: "SB_STORE_UNREACHABLE",
      advice: expect.stringContaining("JetStream"),
    });
  });
});
