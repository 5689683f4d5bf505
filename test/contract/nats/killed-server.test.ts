import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Delivery } from "../../../src/actors/ports.ts";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";
import { all, BACK, Follower, LOST, LogBook, Opened } from "./opened.ts";
import { Signal } from "./signal.ts";

const never = new AbortController().signal;

describe("a NATS server that is killed and started again", () => {
  const opened = new Opened();
  let server: RunningNatsServer;
  let book: LogBook;
  beforeEach(async () => {
    book = new LogBook();
    server = await startNatsServer();
    opened.later(() => server.stop());
  });
  afterEach(() => opened.close());

  it("loses and doubles no append of many in flight, and is told once", async () => {
    const { log } = await opened.stores(server.address, { logger: book.logger });
    const writers = 32;
    const each = 60;
    const appended = new Signal();
    let count = 0;
    const answers = new Map<string, number[]>();
    const write = async (writer: number) => {
      const subject = `r.w${writer}`;
      const seqs: number[] = [];
      answers.set(subject, seqs);
      let expectedSeq = 0;
      for (let n = 0; n < each; n += 1) {
        ({ seq: expectedSeq } = await log.append(subject, { n }, { expectedSeq, messageId: `${writer}-${n}` }));
        seqs.push(expectedSeq);
        count += 1;
        appended.send();
      }
    };
    const all32 = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    for (const share of [0.2, 0.5, 0.8]) {
      await appended.until(() => count > share * writers * each);
      await server.kill();
      await server.start();
    }
    await all32;
    const records = await all(log.read(1));
    expect(records).toHaveLength(writers * each);
    for (const [subject, seqs] of answers) {
      const mine = records.filter((record) => record.subject === subject);
      expect(mine.map(({ seq }) => seq)).toEqual(seqs);
      expect(mine.map(({ data }) => data)).toEqual(Array.from({ length: each }, (_, n) => ({ n })));
    }
    expect(book.told).toEqual([LOST, BACK, LOST, BACK, LOST, BACK]);
  });

  it("lets a follower see every record once, in order", async () => {
    const { log } = await opened.stores(server.address, { logger: book.logger });
    const writer = await opened.stores(server.address);
    const follower = new Follower(log, 1);
    opened.later(() => follower.stop());
    const total = 600;
    const seqs: number[] = [];
    const write = async () => {
      let expectedSeq = 0;
      for (let n = 0; n < total; n += 1) {
        ({ seq: expectedSeq } = await writer.log.append("a", n, { expectedSeq, messageId: `m${n}` }));
        seqs.push(expectedSeq);
      }
    };
    const writing = write();
    for (const seen of [100, 350]) {
      await follower.count(seen);
      await server.kill();
      await server.start();
    }
    await writing;
    await follower.count(total);
    expect(follower.seen.map(({ seq }) => seq)).toEqual(seqs);
    expect(book.told).toEqual([LOST, BACK, LOST, BACK]);
  });

  it("delivers each message of a queue to one taker, and again none that was done", async () => {
    const { queues } = await opened.stores(server.address, { logger: book.logger });
    const queue = queues.queue("jobs");
    const total = 200;
    const stop = new AbortController();
    const done: string[] = [];
    const finished = new Signal();
    const work = async () => {
      while (!stop.signal.aborted) {
        const delivery = await queue.take(stop.signal).catch(() => undefined);
        if (delivery === undefined) return;
        await delivery.inProgress();
        await delivery.ack();
        done.push(delivery.id);
        finished.send();
      }
    };
    const workers = Promise.all(Array.from({ length: 8 }, work));
    const ids = Array.from({ length: total }, (_, n) => `job-${n}`);
    const offering = Promise.all(ids.map((id) => queue.offer({ id, body: null })));
    for (const count of [30, 100]) {
      await finished.until(() => done.length >= count);
      await server.kill();
      await server.start();
    }
    await offering;
    await finished.until(() => done.length >= total);
    expect(await queue.depth()).toBe(0);
    stop.abort();
    await workers;
    expect([...done].sort()).toEqual([...ids].sort());
    expect(book.told).toEqual([LOST, BACK, LOST, BACK]);
  });

  it("leaves messages with the takers that have them, though the server has not written that down", async () => {
    const { queues } = await opened.stores(server.address, { logger: book.logger });
    const queue = queues.queue("jobs");
    const held = Array.from({ length: 40 }, (_, n) => `held-${n}`);
    await Promise.all(held.map((id) => queue.offer({ id, body: null })));
    // The server writes at most ten times in a second who has what: it does not know of all of these.
    const deliveries: Delivery[] = [];
    while (deliveries.length < held.length) deliveries.push(await queue.take(never));
    await server.kill();
    const next = queue.take(never);
    await server.start();
    await book.wrote(BACK);
    await queue.offer({ id: "other", body: null });
    const other = await next;
    expect(other.id).toBe("other");
    await Promise.all(deliveries.map((delivery) => delivery.inProgress()));
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
    expect(await queue.depth()).toBe(1);
    await other.ack();
    expect(await queue.depth()).toBe(0);
  });

  it("keeps the records of a subject away that were removed before", async () => {
    const { log } = await opened.stores(server.address);
    let expectedSeq = 0;
    for (let n = 0; n < 5; n += 1)
      ({ seq: expectedSeq } = await log.append("a", n, { expectedSeq, messageId: `a${n}` }));
    await log.append("b", "b", { expectedSeq: 0, messageId: "b" });
    let last = 0;
    for (let n = 0; n < 5; n += 1)
      ({ seq: last } = await log.append("c", n, { expectedSeq: last, messageId: `c${n}` }));
    await log.purge("a");
    await log.purge("c");
    await server.kill();
    await server.start();
    expect((await all(log.read(1))).map(({ data }) => data)).toEqual(["b"]);
    // Positions that were given are not given again.
    expect(await log.position()).toBe(last);
    expect((await log.append("a", "new", { expectedSeq: 0, messageId: "new" })).seq).toBeGreaterThan(last);
  });

  it("fails what is asked for while it is away, in time and with the right error", async () => {
    const { log, queues, bus, healthy } = await opened.stores(server.address, {
      timeouts: { patienceMs: 200 },
      logger: book.logger,
    });
    const { seq } = await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    await server.kill();
    await book.wrote(LOST);
    const unreachable = { code: "SB_STORE_UNREACHABLE", transient: true };
    await expect(log.append("a", 2, { expectedSeq: seq, messageId: "m2" })).rejects.toMatchObject(unreachable);
    await expect(log.last("a")).rejects.toMatchObject(unreachable);
    await expect(all(log.read(1))).rejects.toMatchObject(unreachable);
    await expect(queues.queue("jobs").offer({ id: "a", body: null })).rejects.toMatchObject(unreachable);
    await expect(bus.request("a", null, { timeoutMs: 100 })).rejects.toMatchObject({ code: "SB_TIMEOUT" });
    expect(await healthy()).toMatchObject(unreachable);
    await server.start();
    await book.wrote(BACK);
    expect(await log.append("a", 2, { expectedSeq: seq, messageId: "m2" })).toEqual({ seq: seq + 1 });
    expect(await healthy()).toBeUndefined();
    expect(book.told).toEqual([LOST, BACK]);
  });
});
