import { connect } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Delivery, WorkQueue } from "../../src/actors/ports.ts";
import { LogBook, Opened } from "../contract/nats/opened.ts";
import { type RunningNatsServer, startNatsServer } from "../servers/nats-server.ts";

const never = new AbortController().signal;

describe("work queues on NATS", () => {
  const opened = new Opened();
  let server: RunningNatsServer;
  let namespaces = 0;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());
  afterEach(() => opened.close());

  const open = async (processes: number, options: object = {}) => {
    namespaces += 1;
    const namespace = `queue-${namespaces}`;
    return Promise.all(
      Array.from({ length: processes }, () => opened.stores(server.address, { namespace, ...options })),
    );
  };
  const queuesOf = async (processes: number, ackWaitMs = 30_000, options: object = {}): Promise<WorkQueue[]> =>
    (await open(processes, options)).map(({ queues }) => queues.queue("jobs", { ackWaitMs }));
  const pair = async (ackWaitMs?: number, options: object = {}) => {
    const [one, two] = await queuesOf(2, ackWaitMs, options);
    if (one === undefined || two === undefined) throw new Error("no queue");
    await one.depth();
    return [one, two] as const;
  };
  const offerAll = (queue: WorkQueue, count: number) =>
    Promise.all(Array.from({ length: count }, (_, n) => queue.offer({ id: `m${n}`, body: n })));

  it("holds nothing that nobody waits for: another process can have it", async () => {
    const [one, two] = await pair();
    await offerAll(one, 20);
    const mine = await one.take(never);
    const theirs: Delivery[] = [];
    for (let n = 0; n < 19; n += 1) theirs.push(await two.take(never));
    expect(new Set([mine, ...theirs].map(({ id }) => id)).size).toBe(20);
    expect(theirs.every(({ attempt }) => attempt === 1)).toBe(true);
  });

  it("takes a message again that the server has lost", async () => {
    const [queue] = await pair();
    await queue.offer({ id: "m", body: 1 });
    const connection = await connect({ servers: server.address });
    const manager = await connection.jetstreamManager();
    for await (const { config } of manager.streams.list()) {
      if (config.name.startsWith(`queue-${namespaces}-queue-`)) await manager.streams.purge(config.name);
    }
    await connection.close();
    expect(await queue.depth()).toBe(0);
    await queue.offer({ id: "m", body: 1 });
    expect(await queue.take(never)).toMatchObject({ id: "m", body: 1, attempt: 1 });
  });

  it("goes on in a stream that was made anew while messages were in hand", async () => {
    const [queue, other] = await pair();
    await queue.offer({ id: "old", body: 1 });
    const held = await other.take(never);
    const connection = await connect({ servers: server.address });
    const manager = await connection.jetstreamManager();
    const names: string[] = [];
    for await (const { config } of manager.streams.list()) {
      if (config.name.startsWith(`queue-${namespaces}-queue-`)) names.push(config.name);
    }
    const taking = other.take(never);
    for (const name of names) {
      const { config } = await manager.streams.info(name);
      await manager.streams.delete(name);
      await manager.streams.add(config);
    }
    await connection.close();
    await queue.offer({ id: "new", body: 2 });
    const delivery = await taking;
    expect(delivery).toMatchObject({ id: "new", body: 2, attempt: 1 });
    await delivery.ack();
    await held.ack();
    expect(await queue.depth()).toBe(0);
  });

  it("serves processes that wait in turn", async () => {
    const queues = await queuesOf(3);
    const counts = [0, 0, 0];
    const stop = new AbortController();
    const total = 90;
    let left = total;
    const work = async (queue: WorkQueue, n: number) => {
      for (;;) {
        const delivery = await queue.take(stop.signal).catch(() => undefined);
        if (delivery === undefined) return;
        counts[n] = (counts[n] ?? 0) + 1;
        await delivery.ack();
        left -= 1;
        if (left === 0) stop.abort();
      }
    };
    const [first] = queues;
    if (first === undefined) throw new Error("no queue");
    await first.depth();
    const working = Promise.all(queues.map(work));
    await offerAll(first, total);
    await working;
    expect(counts.reduce((a, b) => a + b)).toBe(total);
    for (const count of counts) expect(count).toBeGreaterThan(total / 9);
    expect(await first.depth()).toBe(0);
  });

  it("takes its request back when a taker leaves; the message is no attempt poorer", async () => {
    const [one, two] = await pair();
    for (let n = 0; n < 10; n += 1) {
      const stop = new AbortController();
      const leaving = one.take(stop.signal);
      const left = expect(leaving).rejects.toThrow("left");
      // The request is with the server when it has answered a later one.
      await one.depth();
      stop.abort(new Error("left"));
      await left;
      await one.depth();
      await one.offer({ id: `m${n}`, body: n });
      const delivery = await two.take(never);
      expect(delivery).toMatchObject({ id: `m${n}`, attempt: 1 });
      await delivery.ack();
    }
  });

  it("keeps other takers waiting when one of them leaves", async () => {
    const [one, two] = await pair();
    const stop = new AbortController();
    const takers = [one.take(never), one.take(stop.signal), one.take(never)];
    const left = expect(takers[1]).rejects.toThrow("left");
    await one.depth();
    stop.abort(new Error("left"));
    await left;
    await one.depth();
    await offerAll(two, 3);
    const ids = [(await takers[0])?.id, (await takers[2])?.id, (await two.take(never)).id];
    expect([...ids].sort()).toEqual(["m0", "m1", "m2"]);
  });

  it("does nothing for an ack or nak that comes after the ack wait: the message is another taker's", async () => {
    const [one, two] = await pair(300);
    await one.offer({ id: "a", body: 1 });
    const late = await one.take(never);
    const current = await two.take(never);
    expect(current.attempt).toBe(2);
    await late.ack();
    expect(await two.depth()).toBe(1);
    await late.nak(0);
    await late.inProgress();
    await current.inProgress();
    await current.ack();
    expect(await two.depth()).toBe(0);
  });

  it("does nothing for a second ack or nak", async () => {
    const [one] = await pair();
    await one.offer({ id: "a", body: 1 });
    const delivery = await one.take(never);
    await delivery.nak(0);
    await delivery.ack();
    expect(await one.depth()).toBe(1);
    const again = await one.take(never);
    expect(again.attempt).toBe(2);
    await again.ack();
    await again.nak(0);
    expect(await one.depth()).toBe(0);
  });

  it("refuses an id that is queued or in delivery also after the server has forgotten it", async () => {
    const [one, two] = await pair(30_000, { duplicateWindowMs: 100 });
    await one.offer({ id: "a", body: "first" });
    await opened.idsForgotten(server.address, `queue-${namespaces}.log.probe`);
    await two.offer({ id: "a", body: "second" });
    expect(await one.depth()).toBe(1);
    const delivery = await one.take(never);
    await two.offer({ id: "a", body: "third" });
    expect(await one.depth()).toBe(1);
    expect(delivery.body).toBe("first");
    await delivery.ack();
    await two.offer({ id: "a", body: "fourth" });
    expect(await one.take(never)).toMatchObject({ body: "fourth", attempt: 1 });
  });

  it("takes one of many offers of an id from several processes", async () => {
    const queues = await queuesOf(3);
    await Promise.all(queues.flatMap((queue) => Array.from({ length: 10 }, () => queue.offer({ id: "a", body: 1 }))));
    expect(await queues[0]?.depth()).toBe(1);
  });

  it("counts a delayed message's attempts from the first that was due", async () => {
    const [one, two] = await pair();
    const taking = one.take(never);
    await one.depth();
    const offeredAt = Date.now();
    await two.offer({ id: "a", body: 1, delayMs: 150 });
    const delivery = await taking;
    expect(Date.now() - offeredAt).toBeGreaterThanOrEqual(149);
    expect(delivery.attempt).toBe(1);
    await delivery.nak(0);
    const again = await one.take(never);
    expect(again.attempt).toBe(2);
    await again.nak(0);
    expect((await one.take(never)).attempt).toBe(3);
  });

  it.each(["plain", "with.dots", "with space", "ümläut/ $*>", "x".repeat(5000), ""])(
    "takes any id: '%s'",
    async (id) => {
      const [one] = await pair();
      await one.offer({ id, body: 1 });
      await one.offer({ id, body: 2 });
      expect(await one.depth()).toBe(1);
      expect(await one.take(never)).toMatchObject({ id, body: 1 });
    },
  );

  it("keeps queues apart whose names are alike", async () => {
    const [stores] = await open(1);
    const names = ["a", "a.b", "a-b", "A"];
    for (const name of names) await stores?.queues.queue(name).offer({ id: "x", body: name });
    for (const name of names) {
      expect(await stores?.queues.queue(name).depth()).toBe(1);
      expect((await stores?.queues.queue(name).take(never))?.body).toBe(name);
    }
    expect(() => stores?.queues.queue("a b")).toThrow("no name of a queue");
  });

  it("leaves out what somebody else put into the stream, and says so", async () => {
    const book = new LogBook();
    const [one] = await pair(30_000, { logger: book.logger });
    const admin = await opened.admin(server.address);
    await admin.jetstream().publish(`queue-${namespaces}.queue.jobs.foreign`, "not json");
    await one.offer({ id: "a", body: 1 });
    expect((await one.take(never)).id).toBe("a");
    expect(book.told).toEqual(["somebody put a message into a queue that is not readable"]);
  });

  it("drains: takers end, what was taken can still be acked", async () => {
    const [stores] = await open(1);
    const queue = stores?.queues.queue("jobs");
    await queue?.offer({ id: "a", body: 1 });
    const delivery = await queue?.take(never);
    const waiting = expect(queue?.take(never)).rejects.toMatchObject({ code: "SB_NOT_READY" });
    await stores?.drain();
    await waiting;
    await expect(queue?.take(never)).rejects.toMatchObject({ code: "SB_NOT_READY" });
    await delivery?.ack();
    expect(await queue?.depth()).toBe(0);
  });
});
