import { describe, expect, it } from "vitest";
import type { EventLog } from "../../../src/actors/ports.ts";
import { subjectMatches } from "../../../src/adapters/embedded/bus.ts";
import { inMemory, onDisk } from "../../contract/embedded/open-embedded-harness.ts";

const never = new AbortController().signal;

describe.each([
  ["LMDB", onDisk],
  ["memory", inMemory],
])("what the embedded adapters do beyond the contract: %s", (_name, open) => {
  it("keeps so many records per subject and no more", async () => {
    const harness = await open({ historyPerSubject: 3 });
    const { log } = harness.embedded;
    await chain(log, "rare", 1);
    await chain(log, "busy", 10);
    expect(await collect(log.history("busy"), "seq")).toEqual([9, 10, 11]);
    expect(await collect(log.read(1), "seq")).toEqual([1, 9, 10, 11]);
    expect(await log.last("rare")).toMatchObject({ seq: 1 });
    await harness.close();
  });

  it("lists each subject once although they are written meanwhile", async () => {
    const harness = await open();
    const { log } = harness.embedded;
    for (const subject of ["a", "b", "c", "d"]) await chain(log, subject, 1);
    const seen: string[] = [];
    for await (const { subject, seq } of log.lastOfEach()) {
      seen.push(`${subject} ${seq}`);
      // Each reader's answer is a write to the subject it has just seen; once also to one it has not.
      await log.append(subject, null, { expectedSeq: seq, messageId: `again-${seq}` });
      if (subject === "a") await log.append("c", null, { expectedSeq: 3, messageId: "c2" });
      if (subject === "b") await log.purge("d");
    }
    expect(seen).toEqual(["a 1", "b 2", "c 6"]);
    await harness.close();
  });

  it("starts a watch at the oldest revision that is kept", async () => {
    const harness = await open({ keepChanges: 5 });
    const { documents } = harness.embedded;
    for (let n = 1; n <= 20; n += 1) {
      await documents.transaction({ writes: [1, 2].map((i) => ({ key: `k${n}.${i}`, value: n })) });
    }
    const stop = new AbortController();
    const seen: number[] = [];
    for await (const { revision } of documents.watch("", { fromRevision: 1, signal: stop.signal })) {
      seen.push(revision);
      if (revision === 20 && seen.filter((r) => r === 20).length === 2) stop.abort();
    }
    expect(seen).toEqual([18, 18, 19, 19, 20, 20]);
    await harness.close();
  });

  it("ignores an ack that comes after the message went to somebody else", async () => {
    const harness = await open();
    const queue = harness.embedded.queues.queue("jobs", { ackWaitMs: 100 });
    await queue.offer({ id: "a", body: 1 });
    const slow = await queue.take(never);
    await harness.elapse(101);
    const second = await queue.take(never);
    await slow.ack();
    await slow.nak(0);
    await slow.inProgress();
    expect(await queue.depth()).toBe(1);
    await second.ack();
    await second.nak(0);
    expect(await queue.depth()).toBe(0);
    await harness.close();
  });

  it("accepts a late ack while nobody else has the message", async () => {
    const harness = await open();
    const queue = harness.embedded.queues.queue("jobs", { ackWaitMs: 100 });
    await queue.offer({ id: "a", body: 1 });
    const slow = await queue.take(never);
    await harness.elapse(101);
    await slow.ack();
    expect(await queue.depth()).toBe(0);
    await harness.close();
  });

  it("delivers the oldest first among those due, however they came to be due", async () => {
    const harness = await open();
    const queue = harness.embedded.queues.queue("jobs");
    for (const id of ["a", "b", "c"]) await queue.offer({ id, body: null });
    await (await queue.take(never)).nak(500);
    await harness.elapse(500);
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) ids.push((await queue.take(never)).id);
    expect(ids).toEqual(["a", "b", "c"]);
    await harness.close();
  });

  it("answers nothing after close, ends those who wait and rejects takers", async () => {
    const harness = await open();
    const { embedded } = harness;
    const follower = embedded.log.read(1, { follow: true })[Symbol.asyncIterator]();
    const next = follower.next();
    const watcher = embedded.documents.watch("", { fromRevision: 1, signal: new AbortController().signal });
    const change = watcher[Symbol.asyncIterator]().next();
    const taker = embedded.queues.queue("q").take(new AbortController().signal);
    const rejected = expect(taker).rejects.toMatchObject({ code: "SB_NOT_READY" });
    const underWay = embedded.log.append("a", 1, { expectedSeq: 0, messageId: "m" });
    await embedded.close();
    await rejected;
    expect((await next).done).toBe(true);
    expect((await change).done).toBe(true);
    expect(await underWay).toEqual({ seq: 1 });
    await expect(embedded.log.last("a")).rejects.toMatchObject({ code: "SB_NOT_READY" });
    await expect(embedded.log.append("b", 1, { expectedSeq: 0, messageId: "m" })).rejects.toMatchObject({
      code: "SB_NOT_READY",
    });
    await expect(embedded.bus.publish("a", 1)).rejects.toMatchObject({ code: "SB_NOT_READY" });
    await harness.close();
  });

  it("leaves no timer behind", async () => {
    const harness = await open();
    const { queues, documents, bus } = harness.embedded;
    const rejected = expect(queues.queue("q").take(never)).rejects.toMatchObject({ code: "SB_NOT_READY" });
    await queues.queue("q").offer({ id: "later", body: null, delayMs: 1000 });
    await documents.lease(5000);
    bus.respond("svc", async () => 1);
    await bus.request("svc", null, { timeoutMs: 1000 });
    await harness.close();
    await rejected;
    expect(harness.clock.pending()).toBe(0);
  });
});

describe("subjectMatches", () => {
  it.each([
    ["a.b", "a.b", true],
    ["a.b", "a", false],
    ["a", "a.b", false],
    ["a.*", "a", false],
    ["a.>", "a", false],
    ["a.>", "a.b.c", true],
    ["*.*", "a.b", true],
    ["*", "a.b", false],
    ["a.>.c", "a.b.c", false],
  ])("%s and %s: %s", (pattern, subject, expected) => {
    expect(subjectMatches(pattern, subject)).toBe(expected);
  });
});

async function chain(log: EventLog, subject: string, count: number): Promise<void> {
  let expectedSeq = 0;
  for (let n = 0; n < count; n += 1) {
    ({ seq: expectedSeq } = await log.append(subject, n, { expectedSeq, messageId: `${subject}-${n}` }));
  }
}

async function collect<T, K extends keyof T>(items: AsyncIterable<T>, field: K): Promise<Array<T[K]>> {
  const list: Array<T[K]> = [];
  for await (const item of items) list.push(item[field]);
  return list;
}
