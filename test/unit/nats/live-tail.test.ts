import { describe, expect, it } from "vitest";
import type { StoredRecord } from "../../../src/actors/ports.ts";
import { LiveTail, type TailFollower } from "../../../src/adapters/nats/live-tail.ts";

const never = () => false;

/** A log whose end the test appends to, or breaks. */
class Log {
  readings = 0;
  #position = 0;
  #waiting: Array<StoredRecord | Error> = [];
  #wake: () => void = () => {};
  readonly tail = new LiveTail({ position: async () => this.#position, read: (_, signal) => this.#read(signal) });

  append(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      this.#position += 1;
      this.#waiting.push({ seq: this.#position, subject: "a", time: 0, data: null });
    }
    this.#wake();
  }

  break(error: Error): void {
    this.#waiting.push(error);
    this.#wake();
  }

  async *#read(signal: AbortSignal): AsyncGenerator<StoredRecord> {
    this.readings += 1;
    signal.addEventListener("abort", () => this.#wake());
    while (!signal.aborted) {
      const next = this.#waiting.shift();
      if (next instanceof Error) throw next;
      if (next !== undefined) yield next;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

async function joined(log: Log): Promise<TailFollower> {
  const follower = log.tail.join();
  await follower.begun(never);
  return follower;
}

async function seqs(follower: TailFollower, count: number): Promise<number[]> {
  const seen: number[] = [];
  while (seen.length < count) {
    const records = await follower.next(never);
    if (typeof records === "string") throw new Error(records);
    seen.push(...records.map(({ seq }) => seq));
  }
  return seen;
}

describe("the end of the log, read once for all who follow it", () => {
  it("gives every follower each record from when it joined, by one reading", async () => {
    const log = new Log();
    const one = await joined(log);
    log.append(2);
    expect(await seqs(one, 2)).toEqual([1, 2]);
    const two = await joined(log);
    log.append(3);
    expect(await Promise.all([seqs(one, 3), seqs(two, 3)])).toEqual([
      [3, 4, 5],
      [3, 4, 5],
    ]);
    expect(log.readings).toBe(1);
  });

  it("leaves a follower behind that takes nothing, and the others go on", async () => {
    const log = new Log();
    const slow = await joined(log);
    const quick = await joined(log);
    for (let round = 0; round < 6; round += 1) {
      log.append(100);
      expect(await seqs(quick, 100)).toHaveLength(100);
    }
    expect(await slow.next(never)).toBe("left behind");
    const again = await joined(log);
    log.append(1);
    expect(await seqs(again, 1)).toEqual([601]);
  });

  it("tells all followers why it cannot be read, and begins anew for the next", async () => {
    const log = new Log();
    const followers = [await joined(log), await joined(log)];
    const waiting = followers.map((follower) => follower.next(never));
    log.break(new Error("the stream is gone"));
    for (const next of waiting) await expect(next).rejects.toThrow("the stream is gone");
    const next = await joined(log);
    log.append(1);
    expect(await seqs(next, 1)).toEqual([1]);
    expect(log.readings).toBe(2);
  });

  it("ends its reading when the last follower has left, and a waiting one when it is over", async () => {
    const log = new Log();
    const follower = await joined(log);
    let isOver = false;
    const next = follower.next(() => isOver);
    isOver = true;
    follower.wake();
    expect(await next).toBe("over");
    follower.leave();
    await joined(log);
    expect(log.readings).toBe(2);
  });
});
