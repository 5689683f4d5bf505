import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";
import { all, Follower, Opened } from "./opened.ts";
import { Signal } from "./signal.ts";

describe("the event log on NATS", () => {
  const opened = new Opened();
  let server: RunningNatsServer;
  let namespaces = 0;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());
  afterEach(() => opened.close());

  const open = (options: object = {}) => {
    namespaces += 1;
    return opened.stores(server.address, { namespace: `log-${namespaces}`, ...options });
  };
  const openTwice = async (options: object = {}) => {
    const one = await open(options);
    const two = await opened.stores(server.address, { namespace: `log-${namespaces}`, ...options });
    return [one, two] as const;
  };

  it("knows a repeated append after the server has forgotten its id, in any process", async () => {
    const [one, two] = await openTwice({ duplicateWindowMs: 100 });
    const first = await one.log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    await opened.idsForgotten(server.address, `log-${namespaces}.log.probe`);
    for (const { log } of [one, two]) {
      for (const expectedSeq of [0, first.seq, 77]) {
        expect(await log.append("a", 1, { expectedSeq, messageId: "m1" })).toEqual(first);
      }
    }
    expect(await all(one.log.history("a"))).toHaveLength(1);
  });

  it("knows a repeated append of a later record too, whatever it expects", async () => {
    const [one, two] = await openTwice();
    const first = await one.log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    const second = await one.log.append("a", 2, { expectedSeq: first.seq, messageId: "m2" });
    for (const { log } of [one, two]) {
      for (const expectedSeq of [0, first.seq, second.seq, 77]) {
        expect(await log.append("a", 2, { expectedSeq, messageId: "m2" })).toEqual(second);
      }
    }
    expect(await all(one.log.history("a"))).toHaveLength(2);
  });

  it("stores an id again that an earlier record of the subject has, as the embedded log does", async () => {
    const { log } = await open();
    const first = await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    const second = await log.append("a", 2, { expectedSeq: first.seq, messageId: "m2" });
    const third = await log.append("a", 3, { expectedSeq: second.seq, messageId: "m1" });
    expect(third.seq).toBeGreaterThan(second.seq);
    await expect(log.append("a", 4, { expectedSeq: 0, messageId: "m2" })).rejects.toMatchObject({
      code: "SB_SEQUENCE_CONFLICT",
    });
  });

  it("refuses a repeated append whose record is no longer the last, also when another process appended that", async () => {
    const [one, two] = await openTwice();
    const first = await one.log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    await two.log.append("a", 2, { expectedSeq: first.seq, messageId: "m2" });
    for (const { log } of [one, two]) {
      for (const expectedSeq of [0, first.seq, 77]) {
        await expect(log.append("a", 1, { expectedSeq, messageId: "m1" })).rejects.toMatchObject({
          code: "SB_SEQUENCE_CONFLICT",
        });
      }
    }
  });

  it("takes the same append again after a purge, although the server still knows its id", async () => {
    const [one, two] = await openTwice();
    for (let life = 0; life < 3; life += 1) {
      const { log } = life % 2 === 0 ? one : two;
      const { seq } = await log.append("a", life, { expectedSeq: 0, messageId: "create" });
      expect(await log.last("a")).toMatchObject({ seq, data: life });
      expect(await all(log.history("a"))).toHaveLength(1);
      await log.purge("a");
    }
  });

  it("keeps what is appended to a subject while it is purged", async () => {
    const [one, two] = await openTwice();
    let seq = 0;
    for (let n = 0; n < 200; n += 1) ({ seq } = await one.log.append("a", n, { expectedSeq: seq, messageId: `m${n}` }));
    // When the first deletion is on its way, the purge has listed what it is going to delete.
    const deleting = new Signal();
    let deletions = 0;
    const admin = await opened.admin(server.address);
    admin.subscribe(`$JS.API.STREAM.MSG.DELETE.log-${namespaces}-log`, {
      callback: () => {
        deletions += 1;
        deleting.send();
      },
    });
    await admin.flush();
    const purging = one.log.purge("a");
    await deleting.until(() => deletions > 0);
    await two.log.append("a", "late", { expectedSeq: seq, messageId: "late" });
    await purging;
    expect((await all(one.log.history("a"))).map(({ data }) => data)).toEqual(["late"]);
    expect((await one.log.last("a"))?.data).toBe("late");
  });

  it("misses nothing when a message does not reach a follower", async () => {
    const { log } = await open();
    const admin = await opened.admin(server.address);
    const asked = new Signal();
    let pull = "";
    admin.subscribe(`$JS.API.CONSUMER.MSG.NEXT.log-${namespaces}-log.*`, {
      callback: (_, { subject }) => {
        pull = subject;
        asked.send();
      },
    });
    await admin.flush();
    const follower = new Follower(log, 1);
    opened.later(() => follower.stop());
    await asked.until(() => pull !== "");
    // Somebody else asks the follower's own consumer for messages: the server gives them to both in turn.
    let stolen = 0;
    admin.subscribe("thief", {
      callback: () => {
        stolen += 1;
      },
    });
    admin.publish(pull, JSON.stringify({ batch: 10, expires: 60_000_000_000 }), { reply: "thief" });
    await admin.flush();
    for (let n = 0; n < 10; n += 1) await log.append(`s${n}`, n, { expectedSeq: 0, messageId: `m${n}` });
    await follower.count(10);
    await admin.flush();
    expect(stolen).toBeGreaterThan(0);
    expect(follower.seen.map(({ data }) => data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("lets followers and readers of other subjects miss nothing while one is purged", async () => {
    const [one, two] = await openTwice();
    const goOn = new Signal();
    let isHeld = true;
    const follower = new Follower(one.log, 1, () => goOn.until(() => !isHeld));
    opened.later(() => follower.stop());
    const keep = Array.from({ length: 600 }, (_, n) => `keep.${n}`);
    let gone = 0;
    for (const [n, subject] of keep.entries()) {
      await two.log.append(subject, n, { expectedSeq: 0, messageId: subject });
      if (n % 100 === 50)
        ({ seq: gone } = await two.log.append("gone", n, { expectedSeq: gone, messageId: `gone-${n}` }));
    }
    await two.log.purge("gone");
    isHeld = false;
    goOn.send();
    await two.log.append("end", 1, { expectedSeq: 0, messageId: "end" });
    await Promise.race([goOn.until(() => false), until(follower, "end")]);
    const seen = follower.seen.map(({ subject }) => subject).filter((subject) => subject !== "gone");
    expect(seen).toEqual([...keep, "end"]);
  });

  it("lets two processes append to one subject in turn", async () => {
    const stores = await openTwice();
    const append = async (who: number) => {
      const { log } = stores[who % 2] ?? stores[0];
      let conflicts = 0;
      for (let n = 0; n < 25; ) {
        const last = await log.last("counter");
        const next = Number(last?.data ?? 0) + 1;
        try {
          await log.append("counter", next, { expectedSeq: last?.seq ?? 0, messageId: `${who}-${n}` });
          n += 1;
        } catch (error) {
          expect(error).toMatchObject({ code: "SB_SEQUENCE_CONFLICT" });
          conflicts += 1;
        }
      }
      return conflicts;
    };
    await Promise.all([0, 1, 2, 3].map(append));
    expect((await all(stores[0].log.history("counter"))).map(({ data }) => data)).toEqual(
      Array.from({ length: 100 }, (_, n) => n + 1),
    );
  });

  it("lists the last records of many subjects while they are written", async () => {
    const { log } = await open({ historyPerSubject: 1 });
    const subjects = Array.from({ length: 700 }, (_, n) => `s.${n}`);
    const seqs = new Map<string, number>();
    await Promise.all(
      subjects.map(async (subject) => {
        const { seq } = await log.append(subject, 0, { expectedSeq: 0, messageId: subject });
        seqs.set(subject, seq);
      }),
    );
    const listed: string[] = [];
    let last = 0;
    for await (const { subject, seq } of log.lastOfEach("s.")) {
      expect(seq).toBeGreaterThan(last);
      last = seq;
      listed.push(subject);
      // Those that are still to come get a new last record, and lose the one that the reader began with.
      if (listed.length !== 10) continue;
      for (const late of subjects.slice(650)) {
        await log.append(late, 1, { expectedSeq: seqs.get(late) ?? 0, messageId: `${late}-1` });
      }
    }
    expect(new Set(listed).size).toBe(listed.length);
    expect([...listed].sort()).toEqual([...subjects].sort());
  });

  it.each([
    ["", ["r.vlan.1", "r.vlan.2", "r.vlans.1", "rx"]],
    ["r", ["r.vlan.1", "r.vlan.2", "r.vlans.1", "rx"]],
    ["r.", ["r.vlan.1", "r.vlan.2", "r.vlans.1"]],
    ["r.vlan", ["r.vlan.1", "r.vlan.2", "r.vlans.1"]],
    ["r.vlan.", ["r.vlan.1", "r.vlan.2"]],
    ["nobody.", []],
  ])("lists by the prefix '%s'", async (prefix, expected) => {
    const { log } = await open();
    for (const subject of ["r.vlan.1", "r.vlan.2", "r.vlans.1", "rx"]) {
      await log.append(subject, null, { expectedSeq: 0, messageId: subject });
    }
    expect((await all(log.lastOfEach(prefix))).map(({ subject }) => subject)).toEqual(expected);
  });

  it("ends followers and refuses everything when it is closed", async () => {
    const { log, queues, bus, close } = await open();
    const follower = new Follower(log, 1);
    const taking = queues.queue("jobs").take(new AbortController().signal);
    const taken = expect(taking).rejects.toMatchObject({ code: "SB_NOT_READY" });
    await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    await follower.count(1);
    const appending = log.append("a", 2, { expectedSeq: 1, messageId: "m2" }).catch((error: unknown) => error);
    await close();
    await follower.ended;
    await taken;
    expect(await appending).toMatchObject({ code: "SB_NOT_READY" });
    const refused = { code: "SB_NOT_READY" };
    await expect(log.append("a", 1, { expectedSeq: 0, messageId: "m1" })).rejects.toMatchObject(refused);
    await expect(all(log.read(1))).rejects.toMatchObject(refused);
    await expect(queues.queue("jobs").take(new AbortController().signal)).rejects.toMatchObject(refused);
    await expect(bus.publish("a", 1)).rejects.toMatchObject(refused);
    await close();
  });

  it.each(["", "a..b", "a.*", "a b", ".a", "a.>", "ä"])("refuses the subject '%s'", async (subject) => {
    const { log } = await open();
    await expect(log.append(subject, 1, { expectedSeq: 0, messageId: "m" })).rejects.toMatchObject({
      code: "SB_INTERNAL",
    });
  });
});

async function until(follower: Follower, subject: string): Promise<void> {
  for (let seen = 1; ; seen += 1) {
    await follower.count(seen);
    if (follower.seen[seen - 1]?.subject === subject) return;
  }
}
