import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Delivery, WorkQueue, WorkQueues } from "../../../src/actors/ports.ts";

export interface WorkQueuesHarness {
  readonly queues: WorkQueues;
  /** Lets so much time pass for the queues: moves a virtual clock, or waits where the server has its own. */
  elapse(ms: number): Promise<void>;
  /** Ack wait of the queues in these tests, ms; more where time is real, so that a busy machine is in time. Default 400. */
  readonly ackWaitMs?: number;
  /** Stops the process that holds the queues, as a crash does, and starts it again on the same data. */
  reopen(): Promise<WorkQueues>;
  close(): Promise<void>;
}

/** What every `WorkQueue` does. */
export function workQueueSuite(name: string, make: () => Promise<WorkQueuesHarness>): void {
  describe(`work queue: ${name}`, () => {
    let harness: WorkQueuesHarness;
    let queue: WorkQueue;
    let ackWaitMs: number;
    beforeEach(async () => {
      harness = await make();
      ackWaitMs = harness.ackWaitMs ?? 400;
      queue = harness.queues.queue("jobs", { ackWaitMs });
    });
    afterEach(() => harness.close());

    const take = () => queue.take(new AbortController().signal);
    const offerAll = async (...ids: string[]) => {
      for (const id of ids) await queue.offer({ id, body: { id } });
    };

    it("delivers in the order of the offers and forgets what is acked", async () => {
      await offerAll("a", "b", "c");
      expect(await queue.depth()).toBe(3);
      const ids: string[] = [];
      for (let i = 0; i < 3; i += 1) {
        const delivery = await take();
        expect(delivery).toMatchObject({ attempt: 1, body: { id: delivery.id } });
        ids.push(delivery.id);
        await delivery.ack();
      }
      expect(ids).toEqual(["a", "b", "c"]);
      expect(await queue.depth()).toBe(0);
    });

    it("wakes a taker that waits", async () => {
      const waiting = take();
      await offerAll("late");
      expect((await waiting).id).toBe("late");
    });

    it("gives each message to one of many takers", async () => {
      const takers = Array.from({ length: 10 }, take);
      await offerAll(...Array.from({ length: 10 }, (_, n) => `m${n}`));
      const ids = (await Promise.all(takers)).map((delivery) => delivery.id);
      expect(new Set(ids).size).toBe(10);
    });

    it("takes an id once while it is queued or in delivery, and again after its ack", async () => {
      await offerAll("a", "a");
      expect(await queue.depth()).toBe(1);
      const delivery = await take();
      await offerAll("a");
      expect(await queue.depth()).toBe(1);
      await delivery.ack();
      await offerAll("a");
      expect((await take()).attempt).toBe(1);
    });

    it("rejects a taker with its signal's reason; no message is lost to it", async () => {
      const stop = new AbortController();
      const waiting = queue.take(stop.signal);
      stop.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
      await expect(queue.take(stop.signal)).rejects.toThrow("enough");
      await offerAll("a");
      expect((await take()).id).toBe("a");
    });

    it("loses no message when takers leave while it is handed out", async () => {
      const stop = new AbortController();
      const leaving = Array.from({ length: 5 }, () => queue.take(stop.signal));
      const outcomes = Promise.allSettled(leaving);
      const offered = offerAll("a", "b", "c");
      stop.abort(new Error("gone"));
      await offered;
      const taken = (await outcomes).filter((outcome) => outcome.status === "fulfilled").length;
      for (let i = taken; i < 3; i += 1) await (await take()).ack();
      expect(await queue.depth()).toBe(taken);
    });

    it("delivers what was refused again after the delay, as the next attempt", async () => {
      await offerAll("a");
      await (await take()).nak(200);
      const again = take();
      await harness.elapse(200);
      expect(await again).toMatchObject({ id: "a", attempt: 2 });
    });

    it("delivers others while one is delayed", async () => {
      await queue.offer({ id: "later", body: null, delayMs: 300 });
      await offerAll("now");
      const delivery = await take();
      expect(delivery.id).toBe("now");
      await delivery.ack();
      const later = take();
      await harness.elapse(300);
      expect((await later).id).toBe("later");
    });

    it("delivers again what is not acked within the ack wait", async () => {
      await offerAll("a");
      await take();
      const again = take();
      await harness.elapse(ackWaitMs + 50);
      expect(await again).toMatchObject({ id: "a", attempt: 2 });
    });

    it("leaves a message with a taker that gives signs of life", async () => {
      await offerAll("a");
      const delivery = await take();
      for (let i = 0; i < 3; i += 1) {
        await harness.elapse(ackWaitMs / 2);
        await delivery.inProgress();
      }
      await delivery.ack();
      await offerAll("b");
      expect((await take()).id).toBe("b");
      expect(await queue.depth()).toBe(1);
    });

    it("keeps queues apart", async () => {
      const other = harness.queues.queue("monitoring");
      await offerAll("a");
      await other.offer({ id: "a", body: "other" });
      expect((await other.take(new AbortController().signal)).body).toBe("other");
      expect((await take()).body).toEqual({ id: "a" });
    });

    it("hands every message out until it is acked, exactly once, whatever happens to its deliveries", async () => {
      let run = 0;
      const fate = fc.constantFrom("ack", "nak", "expire", "delayed nak");
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(fate, { maxLength: 3 }), { minLength: 1, maxLength: 6 }), async (fates) => {
          run += 1;
          const mine = harness.queues.queue(`run${run}`, { ackWaitMs });
          const left = new Map(fates.map((list, n) => [`m${n}`, [...list]]));
          const acked: string[] = [];
          for (const id of left.keys()) await mine.offer({ id, body: id });
          const attempts = new Map<string, number>();
          while (acked.length < fates.length) {
            const stop = new AbortController();
            const taking = mine.take(stop.signal);
            const delivery = await Promise.race([taking, harness.elapse(ackWaitMs + 50).then(() => taking)]);
            expect(delivery.body).toBe(delivery.id);
            expect(delivery.attempt).toBe((attempts.get(delivery.id) ?? 0) + 1);
            attempts.set(delivery.id, delivery.attempt);
            const next = left.get(delivery.id)?.shift() ?? "ack";
            if (next === "nak") await delivery.nak(0);
            else if (next === "delayed nak") await delivery.nak(100);
            else if (next === "expire") await harness.elapse(ackWaitMs + 50);
            else {
              await delivery.ack();
              acked.push(delivery.id);
            }
          }
          expect([...acked].sort()).toEqual([...left.keys()].sort());
          expect(await mine.depth()).toBe(0);
        }),
        { numRuns: 20 },
      );
    });

    it("has everything after a restart; what was in delivery may be taken again", async () => {
      await offerAll("done", "held", "queued");
      await (await take()).ack();
      await take();
      queue = (await harness.reopen()).queue("jobs", { ackWaitMs });
      expect(await queue.depth()).toBe(2);
      const found: Delivery[] = [];
      for (let i = 0; i < 2; i += 1) found.push(await take());
      expect(found.map(({ id, attempt }) => `${id} ${attempt}`).sort()).toEqual(["held 2", "queued 1"]);
    });
  });
}
