import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Delivery, WorkQueue } from "../../../src/actors/ports.ts";
import { MemoryStore } from "../../../src/adapters/embedded/memory-store.ts";
import { type Embedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { DAY_MS, JUMPS, settle } from "./jump.ts";

const ACK_WAIT_MS = 400;
const DELAY_MS = 1_000;
let clock: VirtualClock;
let store: MemoryStore;
let embedded: Embedded;
let queue: WorkQueue;
const open = async (on: VirtualClock) => {
  clock = on;
  embedded = await openMemory({ clock, random: new SeededRandom(1), logger: silentLogger, store });
  queue = embedded.queues.queue("jobs", { ackWaitMs: ACK_WAIT_MS });
};
/** Another process on the same data, at that wall time: its monotonic clock begins anew. */
const restartAt = async (wall: number) => {
  await embedded.close();
  store = store.reopen();
  await open(new VirtualClock(wall));
};
beforeEach(async () => {
  store = new MemoryStore();
  await open(new VirtualClock(1_700_000_000_000));
});
afterEach(() => embedded.close());

const take = () => queue.take(new AbortController().signal);
/** What a taker gets within `ms`, looked at after each part of it. */
async function takenAfter(ms: number): Promise<{ delivery: Delivery; afterMs: number } | undefined> {
  const stop = new AbortController();
  let delivery: Delivery | undefined;
  const taking = queue.take(stop.signal).then(
    (found) => {
      delivery = found;
    },
    () => undefined,
  );
  await settle();
  let afterMs = 0;
  for (; delivery === undefined && afterMs < ms; afterMs += 50) {
    clock.advance(50);
    await settle();
  }
  stop.abort(new Error("nothing came"));
  await taking;
  return delivery && { delivery, afterMs };
}

describe.each(JUMPS)("with the wall clock set $name", ({ ms }) => {
  it("a message that is put back for a while comes after that while", async () => {
    await queue.offer({ id: "a", body: 1 });
    await (await take()).nak(DELAY_MS);
    clock.jump(ms);
    expect(await takenAfter(2 * DELAY_MS)).toMatchObject({ delivery: { id: "a", attempt: 2 }, afterMs: DELAY_MS });
  });

  it("so does one with a taker that waits for it already", async () => {
    await queue.offer({ id: "a", body: 1, delayMs: DELAY_MS });
    const taken: string[] = [];
    const taking = take().then(({ id }) => taken.push(id));
    await settle();
    clock.jump(ms);
    clock.advance(DELAY_MS - 1);
    await settle();
    expect(taken).toEqual([]);
    clock.advance(1);
    await taking;
    expect(taken).toEqual(["a"]);
  });

  it("one that is offered after it was set comes after its delay", async () => {
    clock.jump(ms);
    await queue.offer({ id: "a", body: 1, delayMs: DELAY_MS });
    expect(await takenAfter(2 * DELAY_MS)).toMatchObject({ delivery: { id: "a" }, afterMs: DELAY_MS });
  });

  it("one that nobody acks is delivered again after the ack wait, not before", async () => {
    await queue.offer({ id: "a", body: 1 });
    await take();
    clock.jump(ms);
    expect(await takenAfter(2 * ACK_WAIT_MS)).toMatchObject({ delivery: { attempt: 2 }, afterMs: ACK_WAIT_MS });
  });

  it("work that is in progress stays with its taker", async () => {
    await queue.offer({ id: "a", body: 1 });
    const delivery = await take();
    for (let sign = 0; sign < 4; sign += 1) {
      clock.advance(ACK_WAIT_MS / 2);
      if (sign === 1) clock.jump(ms);
      await delivery.inProgress();
    }
    expect(await takenAfter(ACK_WAIT_MS / 2)).toBeUndefined();
    await delivery.ack();
    expect(await queue.depth()).toBe(0);
  });
});

describe("after a restart", () => {
  it.each([
    ["with the clock a day back, no message waits longer than it was to", -DAY_MS, DELAY_MS],
    ["ten years back, neither", -3_650 * DAY_MS, DELAY_MS],
    ["with the clock as it was, it waits for what is left", 0, DELAY_MS - 400],
    ["later than it was due, it comes at once", DAY_MS, 0],
  ])("%s", async (_name, offMs, afterMs) => {
    await queue.offer({ id: "a", body: 1, delayMs: DELAY_MS });
    clock.advance(400);
    await restartAt(clock.now() + offMs);
    expect(await takenAfter(2 * DELAY_MS)).toMatchObject({ delivery: { id: "a", attempt: 1 }, afterMs });
  });

  it("the bound holds also for messages behind many others that wait", async () => {
    for (let n = 0; n < 600; n += 1) await queue.offer({ id: `m${n}`, body: n, delayMs: DELAY_MS + n });
    await restartAt(clock.now() - DAY_MS);
    clock.advance(DELAY_MS + 600);
    const ids = new Set<string>();
    for (let n = 0; n < 600; n += 1) ids.add((await take()).id);
    expect(ids.size).toBe(600);
  });
});
