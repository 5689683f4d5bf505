import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { all, Follower, LogBook, type LogLine, Opened } from "../contract/nats/opened.ts";
import { Signal } from "../contract/nats/signal.ts";
import { startNatsCluster } from "../servers/nats-cluster.ts";
import type { RunningNatsServer } from "../servers/nats-server.ts";

describe("a cluster of three NATS servers", () => {
  const opened = new Opened();
  let servers: RunningNatsServer[];
  let book: LogBook;
  let namespaces = 0;
  beforeAll(async () => {
    servers = await startNatsCluster(3);
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));
  beforeEach(() => {
    book = new LogBook();
    namespaces += 1;
  });
  afterEach(() => opened.close());

  const open = (options: object = {}) =>
    opened.stores("", {
      servers: servers.map(({ address }) => address),
      namespace: `cluster-${namespaces}`,
      replicas: 3,
      // The servers elect their first leader after some seconds.
      timeouts: { openMs: 60_000, requestMs: 1000, patienceMs: 60_000 },
      ...options,
    });

  /** The server that leads a stream. */
  const leaderOf = async (stream: string): Promise<RunningNatsServer> => {
    for (const { address } of servers) {
      const jsm = await (await opened.admin(address)).jetstreamManager();
      const { cluster } = await jsm.streams.info(`cluster-${namespaces}-${stream}`);
      const leader = servers[Number(cluster?.leader?.slice(1))];
      if (leader !== undefined) return leader;
    }
    throw new Error("no leader");
  };

  it("loses and doubles nothing when a stream loses its leader", async () => {
    const { log } = await open({ logger: book.logger });
    const follower = new Follower(log, 1);
    opened.later(() => follower.stop());
    const writers = 8;
    const each = 40;
    let count = 0;
    const appended = new Signal();
    const write = async (writer: number) => {
      let expectedSeq = 0;
      for (let n = 0; n < each; n += 1) {
        const messageId = `${writer}-${n}`;
        ({ seq: expectedSeq } = await log.append(`w${writer}`, n, { expectedSeq, messageId }));
        count += 1;
        appended.send();
      }
    };
    const writing = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    await appended.until(() => count >= 100);
    const leader = await leaderOf("log");
    await leader.kill();
    await writing;
    await leader.start();
    // The server that was away catches up meanwhile; nobody may read from it as if it had all.
    for (let n = 0; n < 20; n += 1) {
      expect(await all(log.read(1))).toHaveLength(writers * each);
      expect((await all(log.lastOfEach())).map(({ data }) => data)).toEqual(
        Array.from({ length: writers }, () => each - 1),
      );
    }
    await follower.count(writers * each);
    const records = await all(log.read(1));
    for (let writer = 0; writer < writers; writer += 1) {
      const mine = records.filter(({ subject }) => subject === `w${writer}`);
      expect(mine.map(({ data }) => data)).toEqual(Array.from({ length: each }, (_, n) => n));
    }
    expect(follower.seen).toEqual(records);
    // Each outage is told once when it begins and once when it is over, and there are no more than elections.
    const told = book.lines.filter(({ level }) => level === "error" || level === "info");
    const outageOf = ({ fields }: LogLine) => (fields as { outage: string }).outage;
    for (const outage of new Set(told.map(outageOf))) {
      const levels = told.filter((line) => outageOf(line) === outage).map(({ level }) => level);
      expect(levels).toEqual(levels.map((_, n) => (n % 2 === 0 ? "error" : "info")));
      expect(levels.length % 2).toBe(0);
    }
    expect(told.filter(({ level }) => level === "error").length, JSON.stringify(told)).toBeLessThanOrEqual(3);
  });

  it("hands out every message of a queue when the queue loses its leader", async () => {
    const { queues } = await open();
    const queue = queues.queue("jobs", { ackWaitMs: 3000 });
    const total = 60;
    const ids = Array.from({ length: total }, (_, n) => `m${n}`);
    await Promise.all(ids.map((id) => queue.offer({ id, body: id })));
    const done = new Set<string>();
    const stop = new AbortController();
    const progress = new Signal();
    const work = async () => {
      for (;;) {
        const delivery = await queue.take(stop.signal).catch(() => undefined);
        if (delivery === undefined) return;
        await delivery.ack();
        done.add(delivery.id);
        progress.send();
      }
    };
    const working = Promise.all([work(), work(), work()]);
    await progress.until(() => done.size >= 20);
    const leader = await leaderOf("queue-jobs");
    await leader.kill();
    await progress.until(() => done.size === total);
    await leader.start();
    while ((await queue.depth()) > 0) await queue.depth();
    stop.abort();
    await working;
    expect([...done].sort()).toEqual([...ids].sort());
  });

  it("lets one of several processes that append at the same position win", async () => {
    const stores = await Promise.all([open(), open(), open()]);
    let expectedSeq = 0;
    for (let round = 0; round < 10; round += 1) {
      const outcomes = await Promise.allSettled(
        stores.map(({ log }, n) => log.append("a", n, { expectedSeq, messageId: `${round}-${n}` })),
      );
      const won = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.seq] : []));
      expect(won).toHaveLength(1);
      expectedSeq = won[0] ?? 0;
    }
  });

  it("changes the number of replicas", async () => {
    const one = await open({ replicas: 1 });
    const { seq } = await one.log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    const three = await open({ logger: book.logger });
    expect(book.told).toContain("settings of a NATS stream changed");
    expect(await three.log.append("a", 2, { expectedSeq: seq, messageId: "m2" })).toEqual({ seq: seq + 1 });
    expect((await all(three.log.history("a"))).map(({ data }) => data)).toEqual([1, 2]);
    const jsm = await (await opened.admin(servers[0]?.address ?? "")).jetstreamManager();
    expect((await jsm.streams.info(`cluster-${namespaces}-log`)).config.num_replicas).toBe(3);
  });

  it("says when there are fewer servers than replicas", async () => {
    await expect(open({ replicas: 5, timeouts: { openMs: 3000, requestMs: 1000 } })).rejects.toMatchObject({
      message: expect.stringContaining(`cluster-${namespaces}-log`),
    });
  });
});
