import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureIdentity, readIdentity, renewIdentity } from "../../../src/actors/log-identity/identity-record.ts";
import type { EventLog, Json, StoredRecord } from "../../../src/actors/ports.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { jsonDocument } from "./json-document.ts";

export interface EventLogHarness {
  readonly log: EventLog;
  /** Closes the log and opens it again on the same data. */
  reopen(): Promise<EventLog>;
  close(): Promise<void>;
}

/** What every `EventLog` does. Each test gets a log of its own from `make`. */
export function eventLogSuite(name: string, make: () => Promise<EventLogHarness>): void {
  describe(`event log: ${name}`, () => {
    let harness: EventLogHarness;
    let log: EventLog;
    beforeEach(async () => {
      harness = await make();
      log = harness.log;
    });
    afterEach(() => harness.close());

    it("gives each record a greater seq and finds the last of a subject", async () => {
      const first = await log.append("r.vlan.1", { n: 1 }, { expectedSeq: 0, messageId: "m1" });
      const other = await log.append("r.vlan.2", { n: 2 }, { expectedSeq: 0, messageId: "m2" });
      const second = await log.append("r.vlan.1", { n: 3 }, { expectedSeq: first.seq, messageId: "m3" });
      expect(first.seq).toBeGreaterThan(0);
      expect(other.seq).toBeGreaterThan(first.seq);
      expect(second.seq).toBeGreaterThan(other.seq);
      expect(await log.last("r.vlan.1")).toMatchObject({ seq: second.seq, subject: "r.vlan.1", data: { n: 3 } });
      expect(await log.last("r.vlan.3")).toBeUndefined();
      expect(await log.position()).toBe(second.seq);
    });

    it("has an identity of its own, on which all agree who ask at once, and which it keeps", async () => {
      expect(await readIdentity(log)).toBeUndefined();
      const asked = await Promise.all(Array.from({ length: 5 }, () => ensureIdentity(log, systemRandom)));
      const [identity = ""] = asked;
      expect(new Set(asked)).toEqual(new Set([identity]));
      await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
      log = await harness.reopen();
      expect(await readIdentity(log)).toBe(identity);
      expect(await ensureIdentity(log, systemRandom)).toBe(identity);
      const next = await renewIdentity(log, systemRandom);
      expect(next).not.toBe(identity);
      expect(await readIdentity(log)).toBe(next);
    });

    it("has another identity than the next log", async () => {
      const identity = await ensureIdentity(log, systemRandom);
      const other = await make();
      try {
        expect(await ensureIdentity(other.log, systemRandom)).not.toBe(identity);
      } finally {
        await other.close();
      }
    });

    it("is empty at first", async () => {
      expect(await log.position()).toBe(0);
      expect(await all(log.read(1))).toEqual([]);
      expect(await all(log.lastOfEach())).toEqual([]);
      expect(await all(log.history("a"))).toEqual([]);
    });

    it("refuses an append that expects another last record", async () => {
      const { seq } = await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
      await expect(log.append("a", 2, { expectedSeq: 0, messageId: "m2" })).rejects.toMatchObject({
        code: "SB_SEQUENCE_CONFLICT",
      });
      await expect(log.append("a", 2, { expectedSeq: seq + 1, messageId: "m3" })).rejects.toMatchObject({
        code: "SB_SEQUENCE_CONFLICT",
      });
      await expect(log.append("b", 2, { expectedSeq: seq, messageId: "m4" })).rejects.toMatchObject({
        code: "SB_SEQUENCE_CONFLICT",
      });
      expect((await all(log.read(1))).map((record) => record.data)).toEqual([1]);
    });

    it("lets one of many concurrent appends win", async () => {
      const attempts = Array.from({ length: 20 }, (_, n) => log.append("a", n, { expectedSeq: 0, messageId: `m${n}` }));
      const outcomes = await Promise.allSettled(attempts);
      expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
      expect(await all(log.history("a"))).toHaveLength(1);
    });

    it("answers a repeated append with the first one's seq, whatever it expects", async () => {
      const first = await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
      expect(await log.append("a", 1, { expectedSeq: 0, messageId: "m1" })).toEqual(first);
      expect(await log.append("a", 1, { expectedSeq: 77, messageId: "m1" })).toEqual(first);
      expect(await all(log.read(1))).toHaveLength(1);
    });

    it("takes the same message id for another subject", async () => {
      await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
      await log.append("b", 2, { expectedSeq: 0, messageId: "m1" });
      expect(await log.last("b")).toMatchObject({ data: 2 });
    });

    it("hands out copies", async () => {
      const data = { list: [1, 2] };
      await log.append("a", data, { expectedSeq: 0, messageId: "m1" });
      data.list.push(3);
      expect(await log.last("a")).toMatchObject({ data: { list: [1, 2] } });
    });

    it("reads from a position to the end", async () => {
      const seqs = await fill(log, ["a", "b", "a", "c", "b"]);
      expect((await all(log.read(0))).map((record) => record.seq)).toEqual(seqs);
      expect((await all(log.read(seqs[2] ?? 0))).map((record) => record.subject)).toEqual(["a", "c", "b"]);
      expect(await all(log.read((seqs[4] ?? 0) + 1))).toEqual([]);
    });

    it("follows: each record once, in order, also those appended while it reads", async () => {
      const before = await fill(
        log,
        Array.from({ length: 100 }, (_, n) => `s.${n % 7}`),
      );
      const stop = new AbortController();
      const seen: number[] = [];
      const lasts = new Map<string, number>();
      for await (const record of log.lastOfEach()) lasts.set(record.subject, record.seq);
      let appended = 0;
      for await (const record of log.read(1, { follow: true, signal: stop.signal })) {
        seen.push(record.seq);
        if (appended < 60) {
          const subject = `s.${appended % 7}`;
          const expectedSeq = lasts.get(subject) ?? 0;
          const { seq } = await log.append(subject, null, { expectedSeq, messageId: `late-${appended}` });
          lasts.set(subject, seq);
          appended += 1;
        }
        if (seen.length === before.length + 60) stop.abort();
      }
      expect(new Set(seen).size).toBe(160);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
    });

    it("follows: waits at the end for the next record, and ends without an error when it is stopped", async () => {
      const stop = new AbortController();
      const reader = log.read(1, { follow: true, signal: stop.signal })[Symbol.asyncIterator]();
      const pending = reader.next();
      await log.append("a", "late", { expectedSeq: 0, messageId: "m1" });
      expect((await pending).value).toMatchObject({ data: "late" });
      const ended = reader.next();
      stop.abort();
      expect((await ended).done).toBe(true);
      const stopped = log.read(1, { follow: true, signal: stop.signal })[Symbol.asyncIterator]();
      expect((await stopped.next()).done).toBe(true);
    });

    it("lists the last record of each subject in order of seq, by prefix", async () => {
      await fill(log, ["x.a", "x.b", "y.a", "x.a", "x.c", "y.a"]);
      const lasts = await all(log.lastOfEach());
      expect(lasts.map((record) => record.subject)).toEqual(["x.b", "x.a", "x.c", "y.a"]);
      expect((await all(log.lastOfEach("x."))).map((record) => record.subject)).toEqual(["x.b", "x.a", "x.c"]);
    });

    it("keeps a subject's history, oldest first, apart from subjects whose name only starts alike", async () => {
      const seqs = await fill(log, ["a", "a.b", "a", "a-b", "a"]);
      expect((await all(log.history("a"))).map((record) => record.seq)).toEqual([seqs[0], seqs[2], seqs[4]]);
    });

    it("purges one subject only; it starts again from 0, the log does not", async () => {
      const seqs = await fill(log, ["a", "b", "a", "a"]);
      await log.purge("a");
      await log.purge("nobody");
      expect(await log.last("a")).toBeUndefined();
      expect((await all(log.read(1))).map((record) => record.seq)).toEqual([seqs[1]]);
      expect(await log.position()).toBe(seqs[3]);
      const again = await log.append("a", "new", { expectedSeq: 0, messageId: "again" });
      expect(again.seq).toBeGreaterThan(seqs[3] ?? 0);
      expect((await all(log.history("a"))).map((record) => record.data)).toEqual(["new"]);
    });

    it("purges a subject up to a position: what came later stays", async () => {
      const seqs = await fill(log, ["a", "a", "b", "a"]);
      await log.purge("a", seqs[1] ?? 0);
      expect((await all(log.history("a"))).map((record) => record.seq)).toEqual([seqs[3]]);
      expect((await all(log.read(1))).map((record) => record.seq)).toEqual([seqs[2], seqs[3]]);
      expect((await log.last("a"))?.seq).toBe(seqs[3]);
      const more = await log.append("a", "more", { expectedSeq: seqs[3] ?? 0, messageId: "more" });
      await log.purge("a", more.seq);
      expect(await log.last("a")).toBeUndefined();
    });

    it("stores any JSON document unchanged", async () => {
      let n = 0;
      await fc.assert(
        fc.asyncProperty(jsonDocument, async (data) => {
          n += 1;
          await log.append(`json.${n}`, data, { expectedSeq: 0, messageId: `json-${n}` });
          expect((await log.last(`json.${n}`))?.data).toEqual(data);
        }),
        { numRuns: 50 },
      );
    });

    it("behaves as a list with one last record per subject, under random appends and purges", async () => {
      let run = 0;
      const step = fc.record({
        kind: fc.constantFrom("append", "append", "append", "stale", "repeat", "purge"),
        subject: fc.integer({ min: 0, max: 4 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          run += 1;
          const root = `run${run}`;
          const start = await log.position();
          let model: Array<{ seq: number; subject: string; messageId: string }> = [];
          for (const [n, { kind, subject: index }] of steps.entries()) {
            const subject = `${root}.s${index}`;
            const last = model.filter((record) => record.subject === subject).at(-1);
            const messageId = `${root}-${n}`;
            if (kind === "append") {
              const { seq } = await log.append(subject, n, { expectedSeq: last?.seq ?? 0, messageId });
              expect(seq).toBeGreaterThan(model.at(-1)?.seq ?? start);
              model.push({ seq, subject, messageId });
            } else if (kind === "stale") {
              const expectedSeq = last === undefined ? 999_999_999 : 0;
              await expect(log.append(subject, n, { expectedSeq, messageId })).rejects.toMatchObject({
                code: "SB_SEQUENCE_CONFLICT",
              });
            } else if (kind === "repeat" && last !== undefined) {
              const repeated = await log.append(subject, n, { expectedSeq: 0, messageId: last.messageId });
              expect(repeated.seq).toBe(last.seq);
            } else if (kind === "purge") {
              await log.purge(subject);
              model = model.filter((record) => record.subject !== subject);
            }
          }
          expect((await all(log.read(start + 1))).map(({ seq, subject }) => ({ seq, subject }))).toEqual(
            model.map(({ seq, subject }) => ({ seq, subject })),
          );
          const lasts = model.filter((record, i) => !model.slice(i + 1).some((r) => r.subject === record.subject));
          expect((await all(log.lastOfEach(`${root}.`))).map(({ seq }) => seq)).toEqual(lasts.map(({ seq }) => seq));
          for (let index = 0; index <= 4; index += 1) {
            const subject = `${root}.s${index}`;
            const mine = model.filter((record) => record.subject === subject).map(({ seq }) => seq);
            expect((await all(log.history(subject))).map(({ seq }) => seq)).toEqual(mine);
          }
        }),
        { numRuns: 25 },
      );
    });

    it("has everything after it was closed and opened again", async () => {
      const seqs = await fill(log, ["a", "b", "a"]);
      const before = await all(log.read(1));
      log = await harness.reopen();
      expect(await all(log.read(1))).toEqual(before);
      expect(await log.position()).toBe(seqs[2]);
      await expect(log.append("a", 9, { expectedSeq: 0, messageId: "x" })).rejects.toMatchObject({
        code: "SB_SEQUENCE_CONFLICT",
      });
      const next = await log.append("a", 9, { expectedSeq: seqs[2] ?? 0, messageId: "y" });
      expect(next.seq).toBeGreaterThan(seqs[2] ?? 0);
    });
  });
}

async function all(records: AsyncIterable<StoredRecord>): Promise<StoredRecord[]> {
  const list: StoredRecord[] = [];
  for await (const record of records) list.push(record);
  return list;
}

/** Appends one record per entry to the subject of that name; returns the seqs. */
async function fill(log: EventLog, subjects: readonly string[]): Promise<number[]> {
  const lasts = new Map<string, number>();
  const seqs: number[] = [];
  for (const [n, subject] of subjects.entries()) {
    const data: Json = { n };
    const { seq } = await log.append(subject, data, { expectedSeq: lasts.get(subject) ?? 0, messageId: `fill-${n}` });
    lasts.set(subject, seq);
    seqs.push(seq);
  }
  return seqs;
}
