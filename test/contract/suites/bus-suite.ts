import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Bus, Json } from "../../../src/actors/ports.ts";
import { SignalboxError } from "../../../src/errors.ts";

export interface BusHarness {
  readonly bus: Bus;
  /** Lets so much time pass for the bus: moves a virtual clock, or waits. */
  elapse(ms: number): Promise<void>;
  /** Resolves when subscriptions made so far are in effect, for a bus with a server in between. */
  settle?(): Promise<void>;
  close(): Promise<void>;
}

/** What every `Bus` does. */
export function busSuite(name: string, make: () => Promise<BusHarness>): void {
  describe(`bus: ${name}`, () => {
    let harness: BusHarness;
    let bus: Bus;
    beforeEach(async () => {
      harness = await make();
      bus = harness.bus;
    });
    afterEach(() => harness.close());

    /** A subscriber that keeps what it gets; `got(n)` resolves when it has n messages. */
    const collect = async (pattern: string, options?: { queue?: string }) => {
      const messages: Array<{ body: Json; subject: string }> = [];
      let wake: () => void = () => undefined;
      const subscription = bus.subscribe(
        pattern,
        (body, subject) => {
          messages.push({ body, subject });
          wake();
        },
        options,
      );
      await harness.settle?.();
      const got = async (count: number) => {
        while (messages.length < count) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        return messages;
      };
      return { messages, got, subscription };
    };

    it("publishes to everybody who listens, in order", async () => {
      const one = await collect("a.b");
      const two = await collect("a.b");
      await bus.publish("a.b", 1);
      await bus.publish("a.b", 2);
      expect((await one.got(2)).map(({ body }) => body)).toEqual([1, 2]);
      expect((await two.got(2)).map(({ body }) => body)).toEqual([1, 2]);
    });

    it.each([
      ["a.*", ["a.b", "a.c"]],
      ["*.b", ["a.b", "x.b"]],
      ["a.>", ["a.b", "a.c", "a.b.c"]],
      ["a.*.c", ["a.b.c"]],
      [">", ["a", "a.b", "a.c", "x.b", "a.b.c"]],
      ["a", ["a"]],
    ])("matches %s", async (pattern, expected) => {
      const collected = await collect(pattern);
      const end = await collect("end");
      for (const subject of ["a", "a.b", "a.c", "x.b", "a.b.c"]) await bus.publish(subject, null);
      await bus.publish("end", null);
      await end.got(1);
      const seen = (await collected.got(expected.length)).map(({ subject }) => subject);
      expect(seen.filter((subject) => subject !== "end")).toEqual(expected);
    });

    it("gives each message to one member of a queue group and to everybody else", async () => {
      const members = [await collect("job", { queue: "workers" }), await collect("job", { queue: "workers" })];
      const others = await collect("job", { queue: "audit" });
      const plain = await collect("job");
      for (let n = 0; n < 20; n += 1) await bus.publish("job", n);
      await plain.got(20);
      await others.got(20);
      const end = await collect("end");
      await bus.publish("end", null);
      await end.got(1);
      const shared = members.flatMap(({ messages }) => messages.map(({ body }) => Number(body)));
      expect(shared.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    });

    it("delivers nothing after unsubscribe", async () => {
      const gone = await collect("a");
      await gone.subscription.unsubscribe();
      const there = await collect("a");
      await bus.publish("a", 1);
      await there.got(1);
      expect(gone.messages).toEqual([]);
    });

    it("hands each subscriber a copy", async () => {
      const one = await collect("a");
      const two = await collect("a");
      const body = { list: [1] };
      await bus.publish("a", body);
      body.list.push(2);
      const mine = (await one.got(1))[0]?.body as { list: number[] };
      mine.list.push(3);
      expect((await two.got(1))[0]?.body).toEqual({ list: [1] });
    });

    it("lets the others have a message that one subscriber fails on", async () => {
      bus.subscribe("a", () => {
        throw new Error("broken subscriber");
      });
      const other = await collect("a");
      await bus.publish("a", 1);
      await bus.publish("a", 2);
      expect(await other.got(2)).toHaveLength(2);
    });

    it("asks a responder", async () => {
      bus.respond("svc.*.get", async (body, subject) => ({ body, subject }));
      await harness.settle?.();
      expect(await bus.request("svc.vlan.get", { id: 1 }, { timeoutMs: 2000 })).toEqual({
        body: { id: 1 },
        subject: "svc.vlan.get",
      });
    });

    it("shares requests among responders", async () => {
      const counts = [0, 0];
      for (const n of [0, 1]) {
        bus.respond("svc", async () => {
          counts[n] = (counts[n] ?? 0) + 1;
          return n;
        });
      }
      await harness.settle?.();
      for (let i = 0; i < 40; i += 1) await bus.request("svc", null, { timeoutMs: 2000 });
      expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(40);
      expect(Math.min(...counts)).toBeGreaterThan(0);
    });

    it("says at once when nobody answers", async () => {
      await expect(bus.request("svc", null, { timeoutMs: 60_000 })).rejects.toMatchObject({ code: "SB_NO_RESPONDER" });
      const gone = bus.respond("svc", async () => null);
      await harness.settle?.();
      await gone.unsubscribe();
      await harness.settle?.();
      await expect(bus.request("svc", null, { timeoutMs: 60_000 })).rejects.toMatchObject({ code: "SB_NO_RESPONDER" });
    });

    it("gives up on a responder that does not answer in time", async () => {
      let asked: () => void = () => undefined;
      const reached = new Promise<void>((resolve) => {
        asked = resolve;
      });
      bus.respond("svc", () => {
        asked();
        return new Promise<Json>(() => undefined);
      });
      await harness.settle?.();
      const answer = bus.request("svc", null, { timeoutMs: 200 });
      const outcome = expect(answer).rejects.toMatchObject({ code: "SB_TIMEOUT" });
      await reached;
      await harness.elapse(200);
      await outcome;
    });

    it("passes on the error that the responder threw", async () => {
      bus.respond("svc", async () => {
        throw new SignalboxError("SB_INVALID_BODY", "no vlan_id", {
          fields: [{ pointer: "/vlan_id", detail: "is missing" }],
          advice: "Add it.",
        });
      });
      bus.respond("broken", async () => {
        throw new TypeError("x is not a function");
      });
      await harness.settle?.();
      await expect(bus.request("svc", null, { timeoutMs: 2000 })).rejects.toMatchObject({
        name: "SignalboxError",
        code: "SB_INVALID_BODY",
        message: "no vlan_id",
        advice: "Add it.",
        fields: [{ pointer: "/vlan_id", detail: "is missing" }],
      });
      await expect(bus.request("broken", null, { timeoutMs: 2000 })).rejects.toMatchObject({ code: "SB_INTERNAL" });
    });
  });
}
