import { setMaxListeners } from "node:events";
import { setImmediate as othersFirst } from "node:timers/promises";
import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { asSignalboxError, type ErrorCode } from "../../errors.ts";
import type { ResourceSnapshot } from "../../machines/resource/resource-machine.ts";
import type { Applied, JobResult, JobState } from "../../machines/resource/resource-types.ts";
import { backoffMs } from "../../outages/backoff.ts";
import { RepeatedFailures } from "../../outages/repeated-failures.ts";
import type { Clock, Delivery, Logger, WorkQueue } from "../ports.ts";
import type { ResourceHost } from "../resource-host.ts";
import { Turns } from "../turns.ts";

/** What a job worker does with one job. */
export type RunJob = (job: JobInHand) => Promise<JobResult>;

export interface JobInHand {
  readonly ref: ResourceRef;
  readonly state: JobState;
  readonly snapshot: ResourceSnapshot;
  readonly signal: AbortSignal;
  /** Whose it is: who share something take turns. */
  readonly turn: string;
}

export interface JobWorkerOptions {
  /** Name of the worker, as `/jobs/working` shows it. */
  readonly name: string;
  readonly queue: WorkQueue;
  readonly host: ResourceHost;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly run: RunJob;
  /** What a failed job has left behind, or may have, when that is not what was there before. */
  readonly leftBehind?: (job: JobInHand) => Promise<Applied | null | undefined>;
  /** Jobs in hand at once; whoever has fewer than `RESERVED` of them may always have another. */
  readonly concurrency: number;
  /** Jobs that are taken and wait for their turn at most; 5,000 when not given. */
  readonly waitingRoom?: number;
  /** Whose a resource is; "" when it is nobody's. */
  readonly turnOf: (ref: ResourceRef) => string;
  /** Tries of a job whose failures may pass. */
  readonly attempts: number;
}

const KEEP_ALIVE_MS = 10_000;
const RETRY = { firstMs: 1_000, longestMs: 30_000 };
/** What others have in hand, however much it is, keeps nobody from having so many. */
const RESERVED = 16;
/** More than the share of one tenant in the work that may be pending, so that it cannot fill the room alone. */
const WAITING_ROOM = 5_000;
const IN_ONE_GO = 16;
/** Takes under way at once: a queue hands out as many in one write, so that who comes last is not kept waiting by a write for each before. */
const TAKES = 32;
/**
 * What the job did may be in effect on a router that cannot be asked: it has neither failed nor succeeded, so it is tried until that is
 * known. Given up, its resource would have failed while the routers hold its configuration.
 */
const OPEN_OUTCOME: ErrorCode = "SB_LANE_IN_DOUBT";

/** A job that was taken and is not begun. */
interface WaitingJob {
  readonly delivery: Delivery;
  readonly turn: string;
  readonly stopKeepAlive: () => void;
}

/**
 * Takes jobs from a durable queue and reports what comes of each to the resource. A queue gives the oldest first, so the worker takes more than
 * it has in hand: of those that wait the tenants' have turns. A job is acknowledged only when its outcome is committed,
 * so one whose worker dies is taken by another; doing it twice is as doing it once. Whether a job is still wanted is decided by the
 * resource's own record, never by the queue.
 */
export class JobWorker {
  private readonly options: JobWorkerOptions;
  private readonly stopping = new AbortController();
  private readonly waiting = new Turns<WaitingJob>();
  private readonly inHand = new Set<Promise<void>>();
  /** How many of those in hand are whose. */
  private readonly inHandOf = new Map<string, number>();
  /** Takes that are under way. */
  private taking = 0;
  private taken = 0;
  private readonly roomLeft = new Set<() => void>();
  private loop: Promise<unknown> | undefined;

  private readonly takes: RepeatedFailures;
  private readonly keeping: RepeatedFailures;

  constructor(options: JobWorkerOptions) {
    this.options = options;
    const { logger } = options;
    this.takes = new RepeatedFailures({ logger, failed: "no job could be taken", level: "error" });
    this.keeping = new RepeatedFailures({ logger, failed: "the outcome of a job could not be kept", level: "error" });
  }

  start(): void {
    setMaxListeners(0, this.stopping.signal);
    this.loop = Promise.all(Array.from({ length: TAKES }, () => this.takeAll()));
  }

  /** Takes no more jobs and waits for those in hand; one that is cut short is delivered again after the next start. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error("the worker is stopping"));
    this.tellOfRoom();
    await this.loop;
    await Promise.all(this.waiting.takeAll().map((waiting) => this.giveBack(waiting)));
    await Promise.allSettled(this.inHand);
  }

  private async takeAll(): Promise<void> {
    const { signal } = this.stopping;
    let failures = 0;
    const { queue, waitingRoom = WAITING_ROOM } = this.options;
    while (!signal.aborted) {
      // A queue that is in the process gives hundreds at once: whatever else there is to do comes between.
      if (this.taken % IN_ONE_GO === 0) await othersFirst();
      if (signal.aborted) return;
      if (this.waiting.size + this.taking >= waitingRoom) {
        await new Promise<void>((resolve) => this.roomLeft.add(resolve));
        continue;
      }
      try {
        this.taking += 1;
        const delivery = await queue.take(signal).finally(() => {
          this.taking -= 1;
        });
        this.takes.succeeded();
        failures = 0;
        this.taken += 1;
        const turn = this.options.turnOf(jobOf(delivery));
        this.waiting.add(turn, { delivery, turn, stopKeepAlive: this.keepAlive(delivery) });
        this.begin();
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asSignalboxError(thrown);
        if (error.code === "SB_NOT_READY") return;
        this.takes.failed(error, "", { worker: this.options.name });
        failures += 1;
        await this.options.clock.sleep(backoffMs(failures, RETRY), signal).catch(() => {});
      }
    }
  }

  /** Begins with as many of the jobs that wait as may be in hand. */
  private begin(): void {
    if (this.stopping.signal.aborted) return;
    const { concurrency } = this.options;
    const mayBegin = (_: WaitingJob, turn: string) =>
      this.inHand.size < concurrency || (this.inHandOf.get(turn) ?? 0) < Math.min(RESERVED, concurrency);
    for (let next = this.waiting.take(mayBegin); next !== undefined; next = this.waiting.take(mayBegin)) {
      const { turn } = next;
      this.count(turn, 1);
      const task: Promise<void> = this.handle(next).finally(() => {
        this.inHand.delete(task);
        this.count(turn, -1);
        this.begin();
      });
      this.inHand.add(task);
    }
    this.tellOfRoom();
  }

  private tellOfRoom(): void {
    for (const tell of this.roomLeft) tell();
    this.roomLeft.clear();
  }

  private count(turn: string, by: 1 | -1): void {
    const count = (this.inHandOf.get(turn) ?? 0) + by;
    if (count > 0) this.inHandOf.set(turn, count);
    else this.inHandOf.delete(turn);
  }

  private async giveBack({ delivery, stopKeepAlive }: WaitingJob): Promise<void> {
    stopKeepAlive();
    await delivery.nak(0).catch(() => {});
  }

  private async handle({ delivery, turn, stopKeepAlive }: WaitingJob): Promise<void> {
    try {
      await this.runJob(delivery, turn);
      this.keeping.succeeded(delivery.id);
    } catch (thrown) {
      if (this.stopping.signal.aborted) {
        await delivery.nak(0).catch(() => {});
        return;
      }
      // The outcome could not be committed: somebody takes the job again later.
      this.keeping.failed(thrown, delivery.id, { job: delivery.id });
      await delivery.nak(backoffMs(delivery.attempt, RETRY)).catch(() => {});
    } finally {
      stopKeepAlive();
    }
  }

  private keepAlive(delivery: Delivery): () => void {
    let cancel = () => {};
    const again = () => {
      cancel = this.options.clock.after(KEEP_ALIVE_MS, () => {
        void delivery.inProgress().catch(() => {});
        again();
      });
    };
    again();
    return () => cancel();
  }

  private async runJob(delivery: Delivery, turn: string): Promise<void> {
    const { jobId, ...ref } = jobOf(delivery);
    const { host, clock, logger, name } = this.options;
    const started = await host.command(ref, (snapshot) =>
      isWanted(snapshot, jobId) ? { type: "JOB_STARTED", jobId, worker: name, at: clock.now() } : undefined,
    );
    const state = started.snapshot.context.jobs.find(({ job }) => job.id === jobId);
    if (state === undefined || state.phase !== "working") {
      await delivery.ack();
      return;
    }
    const job: JobInHand = { ref, state, snapshot: started.snapshot, signal: this.stopping.signal, turn };
    const outcome = await this.options.run(job).then(
      (result) => ({ ok: true as const, result }),
      (thrown: unknown) => ({ ok: false as const, error: asSignalboxError(thrown) }),
    );
    if (outcome.ok) {
      await host.command(ref, (snapshot) =>
        isWanted(snapshot, jobId) ? { type: "JOB_FINISHED", jobId, result: outcome.result } : undefined,
      );
      await delivery.ack();
      return;
    }
    const { error } = outcome;
    if (this.stopping.signal.aborted) {
      // Cut short: whoever is next takes it up at once.
      await delivery.nak(0);
      return;
    }
    if (error.transient && (state.attempt < this.options.attempts || error.code === OPEN_OUTCOME)) {
      const delay = backoffMs(state.attempt, RETRY);
      logger.warn(
        { job: jobId, attempt: state.attempt, retryInMs: delay, error: error.report },
        "job failed; it will be tried again",
      );
      await host.command(ref, (snapshot) =>
        isWanted(snapshot, jobId) ? { type: "JOB_RETRIED", jobId, error: error.report } : undefined,
      );
      await delivery.nak(delay);
      return;
    }
    const tries = state.attempt > 1 ? ` Tried ${state.attempt} times.` : "";
    const report = `${error.report}${tries}`;
    logger.error({ job: jobId, attempt: state.attempt, error: report }, "job failed");
    const applied = await this.options.leftBehind?.(job);
    await host.command(ref, (snapshot) =>
      isWanted(snapshot, jobId)
        ? { type: "JOB_FAILED", jobId, error: report, ...(applied === undefined ? {} : { applied }) }
        : undefined,
    );
    await delivery.ack();
  }
}

function jobOf({ body }: Delivery): ResourceRef & { readonly jobId: string } {
  const { type, id, jobId } = body as { type: string; id: string; jobId: string };
  return { type, id, jobId };
}

function isWanted(snapshot: ResourceSnapshot, jobId: string): boolean {
  return snapshot.context.jobs.some(({ job, phase }) => job.id === jobId && (phase === "ready" || phase === "working"));
}
