import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { asSignalboxError, type ErrorCode } from "../../errors.ts";
import type { ResourceSnapshot } from "../../machines/resource/resource-machine.ts";
import type { Applied, JobResult, JobState } from "../../machines/resource/resource-types.ts";
import { backoffMs } from "../../outages/backoff.ts";
import { RepeatedFailures } from "../../outages/repeated-failures.ts";
import type { Clock, Delivery, Logger, WorkQueue } from "../ports.ts";
import type { ResourceHost } from "../resource-host.ts";

/** What a job worker does with one job. */
export type RunJob = (job: JobInHand) => Promise<JobResult>;

export interface JobInHand {
  readonly ref: ResourceRef;
  readonly state: JobState;
  readonly snapshot: ResourceSnapshot;
  readonly signal: AbortSignal;
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
  /** Jobs in hand at once. */
  readonly concurrency: number;
  /** Tries of a job whose failures may pass. */
  readonly attempts: number;
}

const KEEP_ALIVE_MS = 10_000;
const RETRY = { firstMs: 1_000, longestMs: 30_000 };
/**
 * What the job did may be in effect on a router that cannot be asked: it has neither failed nor succeeded, so it is tried until that is
 * known. Given up, its resource would have failed while the routers hold its configuration.
 */
const OPEN_OUTCOME: ErrorCode = "SB_LANE_IN_DOUBT";

/**
 * Takes jobs from a durable queue and reports what comes of each to the resource. A job is acknowledged only when its outcome is committed,
 * so one whose worker dies is taken by another; doing it twice is as doing it once. Whether a job is still wanted is decided by the
 * resource's own record, never by the queue.
 */
export class JobWorker {
  private readonly options: JobWorkerOptions;
  private readonly stopping = new AbortController();
  private readonly inHand = new Set<Promise<void>>();
  private loop: Promise<void> | undefined;

  private readonly taking: RepeatedFailures;
  private readonly keeping: RepeatedFailures;

  constructor(options: JobWorkerOptions) {
    this.options = options;
    const { logger } = options;
    this.taking = new RepeatedFailures({ logger, failed: "no job could be taken", level: "error" });
    this.keeping = new RepeatedFailures({ logger, failed: "the outcome of a job could not be kept", level: "error" });
  }

  start(): void {
    this.loop = this.takeAll();
  }

  /** Takes no more jobs and waits for those in hand; one that is cut short is delivered again after the next start. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error("the worker is stopping"));
    await this.loop;
    await Promise.allSettled(this.inHand);
  }

  private async takeAll(): Promise<void> {
    const { signal } = this.stopping;
    let failures = 0;
    while (!signal.aborted) {
      if (this.inHand.size >= this.options.concurrency) {
        await Promise.race(this.inHand);
        continue;
      }
      try {
        const delivery = await this.options.queue.take(signal);
        this.taking.succeeded();
        failures = 0;
        const task: Promise<void> = this.handle(delivery).finally(() => this.inHand.delete(task));
        this.inHand.add(task);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asSignalboxError(thrown);
        if (error.code === "SB_NOT_READY") return;
        this.taking.failed(error, "", { worker: this.options.name });
        failures += 1;
        await this.options.clock.sleep(backoffMs(failures, RETRY), signal).catch(() => {});
      }
    }
  }

  private async handle(delivery: Delivery): Promise<void> {
    const stopKeepAlive = this.keepAlive(delivery);
    try {
      await this.runJob(delivery);
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

  private async runJob(delivery: Delivery): Promise<void> {
    const { type, id, jobId } = delivery.body as { type: string; id: string; jobId: string };
    const ref = { type, id };
    const { host, clock, logger, name } = this.options;
    const started = await host.command(ref, (snapshot) =>
      isWanted(snapshot, jobId) ? { type: "JOB_STARTED", jobId, worker: name, at: clock.now() } : undefined,
    );
    const state = started.snapshot.context.jobs.find(({ job }) => job.id === jobId);
    if (state === undefined || state.phase !== "working") {
      await delivery.ack();
      return;
    }
    const job: JobInHand = { ref, state, snapshot: started.snapshot, signal: this.stopping.signal };
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

function isWanted(snapshot: ResourceSnapshot, jobId: string): boolean {
  return snapshot.context.jobs.some(({ job, phase }) => job.id === jobId && (phase === "ready" || phase === "working"));
}
