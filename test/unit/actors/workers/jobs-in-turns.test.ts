import { setMaxListeners } from "node:events";
import { describe, expect, it } from "vitest";
import type { Delivery, WorkQueue } from "../../../../src/actors/ports.ts";
import type { ResourceHost } from "../../../../src/actors/resource-host.ts";
import { JobWorker, type JobWorkerOptions } from "../../../../src/actors/workers/job-worker.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";

/** A queue that gives the oldest first, as all of them do, and says what was given back. */
class PlainQueue implements WorkQueue {
  readonly naks: string[] = [];
  readonly acks: string[] = [];
  readonly #messages: string[] = [];
  readonly #takers: Array<() => void> = [];

  async offer({ id }: { id: string }): Promise<void> {
    this.#messages.push(id);
    for (const taker of this.#takers.splice(0)) taker();
  }

  async take(signal: AbortSignal): Promise<Delivery> {
    for (;;) {
      signal.throwIfAborted();
      const id = this.#messages.shift();
      if (id !== undefined) return this.#delivery(id);
      await new Promise<void>((resolve) => {
        this.#takers.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  async depth(): Promise<number> {
    return this.#messages.length;
  }

  #delivery(id: string): Delivery {
    return {
      id,
      body: { type: "thing", id, jobId: id },
      attempt: 1,
      ack: async () => void this.acks.push(id),
      nak: async () => void this.naks.push(id),
      inProgress: async () => {},
    };
  }
}

/** Knows every resource, and that its job is wanted. */
const host = {
  command: async ({ id }: { id: string }, decide: (snapshot: unknown) => unknown) => {
    const job = { job: { id }, phase: "ready", attempt: 1 };
    decide({ context: { jobs: [job] } });
    return { snapshot: { context: { jobs: [{ ...job, phase: "working" }] } }, seq: 1 };
  },
} as unknown as ResourceHost;

interface Running {
  readonly queue: PlainQueue;
  readonly worker: JobWorker;
  /** What was begun, in order. */
  readonly begun: string[];
  /** Ends the oldest that is not ended. */
  readonly endOne: () => void;
}

function start(options: Partial<JobWorkerOptions>): Running {
  const queue = new PlainQueue();
  const begun: string[] = [];
  const ends: Array<() => void> = [];
  const worker = new JobWorker({
    name: "test",
    queue,
    host,
    clock: systemClock,
    logger: silentLogger,
    run: (job) => {
      setMaxListeners(0, job.signal);
      begun.push(job.state.job.id);
      return new Promise((resolve, reject) => {
        ends.push(() => resolve({ kind: "monitoring-removed" }));
        job.signal.addEventListener("abort", () => reject(job.signal.reason), { once: true });
      });
    },
    concurrency: 40,
    attempts: 1,
    turnOf: ({ id }) => id.split("-")[0] ?? "",
    ...options,
  });
  worker.start();
  return { queue, worker, begun, endOne: () => ends.shift()?.() };
}

/** What is under way without waiting for anything outside is done. */
const settled = async () => {
  for (let turn = 0; turn < 100; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
};

describe("a worker", () => {
  it("begins at once with the jobs of who has none in hand, behind eight hundred of another's", async () => {
    const { queue, worker, begun } = start({});
    for (let at = 0; at < 800; at += 1) await queue.offer({ id: `many-${at}` });
    await settled();
    expect(begun).toHaveLength(40);
    await queue.offer({ id: "one-0" });
    await queue.offer({ id: "one-1" });
    await settled();
    expect(begun.slice(40)).toEqual(["one-0", "one-1"]);
    await worker.stop();
  });

  it("has no more in hand than it may, but for what is reserved for each", async () => {
    const { queue, worker, begun, endOne } = start({});
    for (const turn of ["a", "b", "c"]) for (let at = 0; at < 100; at += 1) await queue.offer({ id: `${turn}-${at}` });
    await settled();
    const count = (turn: string) => begun.filter((id) => id.startsWith(turn)).length;
    expect([count("a"), count("b"), count("c")]).toEqual([40, 16, 16]);
    for (let ended = 0; ended < 60; ended += 1) {
      endOne();
      await settled();
    }
    // Those that were begun first have ended: the places of the one who had most went to the others.
    const inHand = (turn: string) => begun.slice(60).filter((id) => id.startsWith(turn)).length;
    expect([inHand("a"), inHand("b"), inHand("c")]).toEqual([16, 16, 16]);
    expect(begun.length - 60).toBeLessThanOrEqual(40 + 2 * 16);
    await worker.stop();
  });

  it("takes no more than it has room for, and gives back what it has not begun when it stops", async () => {
    const { queue, worker, begun } = start({ concurrency: 2, waitingRoom: 5 });
    for (let at = 0; at < 20; at += 1) await queue.offer({ id: `a-${at}` });
    await settled();
    expect([begun.length, await queue.depth()]).toEqual([2, 13]);
    await worker.stop();
    expect(queue.acks).toEqual([]);
    expect(new Set(queue.naks)).toEqual(new Set(Array.from({ length: 7 }, (_, at) => `a-${at}`)));
  });
});
