import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";
import { startTcpGate } from "../../servers/tcp-gate.ts";
import { all, BACK, Follower, LOST, LogBook, Opened } from "./opened.ts";

const FULL = "NATS takes no more writes; they are tried again until it does";
const ROOM = "NATS takes writes again";

describe("a slow reader and a full store", () => {
  const opened = new Opened();
  let book: LogBook;
  beforeEach(() => {
    book = new LogBook();
  });
  afterEach(() => opened.close());

  const start = async (options: Parameters<typeof startNatsServer>[0]): Promise<RunningNatsServer> => {
    const server = await startNatsServer(options);
    opened.later(() => server.stop());
    return server;
  };

  it("a reader that the server cuts off as a slow consumer goes on where it was", async () => {
    const server = await start({ config: () => 'write_deadline: "200ms"' });
    const gate = await startTcpGate(`nats://${server.address}`);
    opened.later(() => gate.stop());
    const { log } = await opened.stores(new URL(gate.endpoint).host, { logger: book.logger });
    const writer = await opened.stores(server.address);
    const follower = new Follower(log, 1);
    opened.later(() => follower.stop());
    await writer.log.append("first", 0, { expectedSeq: 0, messageId: "first" });
    await follower.count(1);
    gate.holdAnswers();
    const text = "x".repeat(256 * 1024);
    const total = 100;
    for (let n = 1; n <= total; n += 1) {
      await writer.log.append(`s${n}`, { n, text }, { expectedSeq: 0, messageId: `m${n}` });
    }
    await server.said("Slow Consumer Detected");
    gate.open();
    await follower.count(total + 1);
    expect(follower.seen.slice(1).map(({ data }) => (data as { n: number }).n)).toEqual(
      Array.from({ length: total }, (_, n) => n + 1),
    );
    await book.wrote(BACK);
    // On a busy machine it may be cut off once more.
    const outages = book.told.length / 2;
    expect(book.told).toEqual(Array.from({ length: outages }, () => [LOST, BACK]).flat());
  });

  it("a follower that takes its time has two batches in memory, no more", async () => {
    const server = await start({});
    const { log } = await opened.stores(server.address);
    const total = 1500;
    await Promise.all(
      Array.from({ length: total }, (_, n) => log.append(`s${n}`, n, { expectedSeq: 0, messageId: `m${n}` })),
    );
    let goOn: () => void = () => undefined;
    const blocked = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const follower = new Follower(log, 1, () => blocked);
    opened.later(() => follower.stop());
    opened.later(() => goOn());
    await follower.count(1);
    const jsm = await (await opened.admin(server.address)).jetstreamManager();
    // Beside its own there is the one of the log's end, which nothing is appended to.
    const delivered = async () => {
      const consumers = await jsm.consumers.list("signalbox-log").next();
      return Math.max(0, ...consumers.map((consumer) => consumer.delivered.consumer_seq));
    };
    while ((await delivered()) < 256) await log.position();
    // The server would send more at once if it was asked to.
    for (let n = 0; n < 20; n += 1) await log.position();
    expect(await delivered()).toBeLessThanOrEqual(512);
    goOn();
    await follower.count(total);
    expect(follower.seen.map(({ data }) => data)).toEqual(Array.from({ length: total }, (_, n) => n));
  });

  it("writes to a full store fail as such, are told once, and succeed when there is room", async () => {
    const server = await start({ jetstream: "max_file_store: 2MB" });
    const { log, queues } = await opened.stores(server.address, {
      logger: book.logger,
      timeouts: { patienceMs: 200 },
    });
    const text = "x".repeat(300_000);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => log.append(`s${n}`, text, { expectedSeq: 0, messageId: `m${n}` })),
    );
    const stored = outcomes.flatMap((outcome, n) => (outcome.status === "fulfilled" ? [`s${n}`] : []));
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    expect(stored.length).toBeGreaterThan(2);
    expect(refused.length).toBeGreaterThan(10);
    for (const error of refused) expect(error).toMatchObject({ code: "SB_STORE_FULL", transient: true });
    expect((await all(log.read(1))).map(({ subject }) => subject).sort()).toEqual([...stored].sort());
    expect(book.told).toEqual([FULL]);
    // What needs no room still works.
    expect(await log.last(stored[0] ?? "")).toMatchObject({ data: text });
    const patient = await opened.stores(server.address, { logger: book.logger });
    const waiting = patient.log.append("late", text, { expectedSeq: 0, messageId: "late" });
    await book.wrote(FULL);
    await log.purge(stored[0] ?? "");
    await log.purge(stored[1] ?? "");
    expect((await waiting).seq).toBeGreaterThan(stored.length);
    await log.append("again", 1, { expectedSeq: 0, messageId: "again" });
    expect(book.told).toEqual([FULL, FULL, ROOM, ROOM]);
    expect(await queues.queue("jobs").depth()).toBe(0);
  });

  it("a log that has reached its bytes refuses writes, and removes no last record", async () => {
    const server = await start({});
    const { log } = await opened.stores(server.address, { maxBytes: 1_000_000, timeouts: { patienceMs: 100 } });
    const text = "x".repeat(200_000);
    const append = (n: number) => log.append(`s${n}`, text, { expectedSeq: 0, messageId: `m${n}` });
    for (let n = 0; n < 4; n += 1) await append(n);
    await expect(append(5)).rejects.toMatchObject({ code: "SB_STORE_FULL" });
    expect((await all(log.lastOfEach())).map(({ subject }) => subject)).toEqual(["s0", "s1", "s2", "s3"]);
  });

  it("a record that is larger than the server takes is refused for good", async () => {
    const server = await start({ config: () => "max_payload: 65536" });
    const { log, queues, bus } = await opened.stores(server.address);
    const text = "x".repeat(100_000);
    const failed = { code: "SB_STORE_FAILED", transient: false, advice: expect.stringContaining("max_payload") };
    await expect(log.append("a", text, { expectedSeq: 0, messageId: "m1" })).rejects.toMatchObject(failed);
    await expect(queues.queue("jobs").offer({ id: "a", body: text })).rejects.toMatchObject(failed);
    await expect(bus.publish("a", text)).rejects.toMatchObject(failed);
    await expect(bus.request("a", text, { timeoutMs: 1000 })).rejects.toMatchObject(failed);
    bus.respond("a", async () => text);
    await expect(bus.request("a", null, { timeoutMs: 10_000 })).rejects.toMatchObject(failed);
  });
});
