import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";
import { startTcpGate, type TcpGate } from "../../servers/tcp-gate.ts";
import { all, BACK, Follower, LOST, LogBook, Opened } from "./opened.ts";

const never = new AbortController().signal;

describe("answers of NATS that do not arrive", () => {
  const opened = new Opened();
  let server: RunningNatsServer;
  let gate: TcpGate;
  let book: LogBook;
  beforeEach(async () => {
    book = new LogBook();
    server = await startNatsServer();
    opened.later(() => server.stop());
    gate = await startTcpGate(`nats://${server.address}`);
    opened.later(() => gate.stop());
  });
  afterEach(() => opened.close());

  const throughGate = (timeouts: object = {}) =>
    opened.stores(new URL(gate.endpoint).host, { logger: book.logger, timeouts: { requestMs: 150, ...timeouts } });

  it("an append whose answer is lost with the connection is stored once, and does not wait for the answer", async () => {
    const { log } = await throughGate({ requestMs: 600_000, patienceMs: 600_000 });
    const direct = await opened.stores(server.address);
    const follower = new Follower(direct.log, 1);
    opened.later(() => follower.stop());
    const { seq } = await log.append("a", "first", { expectedSeq: 0, messageId: "m1" });
    gate.holdAnswers();
    const appending = log.append("a", "second", { expectedSeq: seq, messageId: "m2" });
    await follower.count(2);
    gate.cut();
    await gate.refused();
    gate.open();
    expect(await appending).toEqual({ seq: seq + 1 });
    expect((await all(log.history("a"))).map(({ data }) => data)).toEqual(["first", "second"]);
    expect(book.told).toEqual([LOST, BACK]);
  });

  it("an append whose answer is late is stored once", async () => {
    const { log } = await throughGate();
    gate.holdAnswers();
    const appending = log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    await book.wrote("does not answer");
    gate.open();
    const { seq } = await appending;
    expect((await all(log.read(1))).map((record) => [record.seq, record.data])).toEqual([[seq, 1]]);
    await book.wrote("answers again");
    expect(book.told).toHaveLength(2);
  });

  it("an append whose answer is lost is known although somebody has appended to it, and the server forgot its id", async () => {
    const { log } = await opened.stores(new URL(gate.endpoint).host, {
      logger: book.logger,
      duplicateWindowMs: 100,
      timeouts: { requestMs: 150 },
    });
    const direct = await opened.stores(server.address, { duplicateWindowMs: 100 });
    const follower = new Follower(direct.log, 1, async ({ seq, data }) => {
      if (data === "mine") await direct.log.append("a", "theirs", { expectedSeq: seq, messageId: "theirs" });
    });
    opened.later(() => follower.stop());
    gate.holdAnswers();
    const appending = log.append("a", "mine", { expectedSeq: 0, messageId: "mine" });
    await follower.count(2);
    await book.wrote("does not answer");
    await opened.idsForgotten(server.address, "signalbox.log.probe");
    gate.open();
    expect(await appending).toEqual({ seq: follower.seen[0]?.seq });
    expect((await all(log.history("a"))).map(({ data }) => data)).toEqual(["mine", "theirs"]);
  });

  it("an append that another one has overtaken is a conflict, and stores nothing", async () => {
    const { log } = await throughGate();
    const direct = await opened.stores(server.address);
    gate.cut();
    await book.wrote(LOST);
    const appending = log.append("a", "mine", { expectedSeq: 0, messageId: "mine" });
    await direct.log.append("a", "theirs", { expectedSeq: 0, messageId: "theirs" });
    gate.open();
    await expect(appending).rejects.toMatchObject({ code: "SB_SEQUENCE_CONFLICT" });
    expect((await all(log.history("a"))).map(({ data }) => data)).toEqual(["theirs"]);
  });

  it("an append whose answer never comes fails as one in doubt; it can be repeated", async () => {
    const { log } = await throughGate({ patienceMs: 300 });
    gate.holdAnswers();
    await expect(log.append("a", 1, { expectedSeq: 0, messageId: "m1" })).rejects.toMatchObject({
      code: "SB_STORE_IN_DOUBT",
      transient: true,
    });
    gate.open();
    const repeated = await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    expect((await all(log.read(1))).map(({ seq }) => seq)).toEqual([repeated.seq]);
  });

  it("an offer whose answer is lost is queued once, also when the message was done meanwhile", async () => {
    const { queues } = await throughGate();
    const queue = queues.queue("jobs");
    expect(await queue.depth()).toBe(0);
    const direct = (await opened.stores(server.address)).queues.queue("jobs");
    gate.holdAnswers();
    const offering = queue.offer({ id: "a", body: 1 });
    await (await direct.take(never)).ack();
    gate.cut();
    await gate.refused();
    gate.open();
    await offering;
    expect(await direct.depth()).toBe(0);
  });

  it("an ack whose answer is lost is done once", async () => {
    const { queues } = await throughGate();
    const queue = queues.queue("jobs");
    await queue.offer({ id: "a", body: 1 });
    const delivery = await queue.take(never);
    gate.holdAnswers();
    const acking = delivery.ack();
    await book.wrote("does not answer");
    gate.open();
    await acking;
    expect(await queue.depth()).toBe(0);
    await queue.offer({ id: "a", body: 2 });
    expect(await queue.take(never)).toMatchObject({ body: 2, attempt: 1 });
  });

  it("a follower whose server falls silent starts anew", async () => {
    const { log } = await throughGate({ heartbeatMs: 100 });
    const direct = await opened.stores(server.address);
    const follower = new Follower(log, 1);
    opened.later(() => follower.stop());
    const first = await direct.log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    await follower.count(1);
    gate.holdAnswers();
    const second = await direct.log.append("a", 2, { expectedSeq: first.seq, messageId: "m2" });
    await book.wrote("the log is read by another consumer");
    gate.open();
    await follower.count(2);
    const { seq } = await direct.log.append("a", 3, { expectedSeq: second.seq, messageId: "m3" });
    await follower.count(3);
    expect(follower.seen.map((record) => record.seq)).toEqual([first.seq, second.seq, seq]);
  });

  it("a taker whose server falls silent asks again", async () => {
    const { queues } = await throughGate({ heartbeatMs: 100 });
    const queue = queues.queue("jobs");
    expect(await queue.depth()).toBe(0);
    const direct = (await opened.stores(server.address)).queues.queue("jobs");
    const taking = queue.take(never);
    await queue.depth();
    gate.holdAnswers();
    await book.wrote("messages are asked for again");
    gate.open();
    await direct.offer({ id: "a", body: 1 });
    expect((await taking).id).toBe("a");
  });
});
