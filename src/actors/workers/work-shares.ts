import type { Membership } from "../cluster/membership.ts";
import { SHARES, shareOf } from "../cluster/shares.ts";
import type { WorkQueues } from "../ports.ts";
import { keyOf } from "../resource-index.ts";
import type { OutboxItem } from "../resource-record.ts";
import type { JobWorker } from "./job-worker.ts";

type Offer = Extract<OutboxItem, { kind: "offer" }>;

/** The queue of a handler's jobs in one share. */
export function queueName(handler: string, share: number): string {
  return `${handler}-${share}`;
}

/**
 * Puts a job where it belongs: jobs of the same devices into the same share, so that one process has them all and commits those that wait
 * together.
 */
export async function offerJob(queues: WorkQueues, { queue, jobId, devices, resource, delayMs }: Offer): Promise<void> {
  const share = shareOf(devices.length > 0 ? devices.join(",") : keyOf(resource));
  const body = { type: resource.type, id: resource.id, jobId };
  await queues.queue(queueName(queue, share)).offer({ id: jobId, body, delayMs });
}

/** Works on the queues of the shares that are this process's at the moment. */
export class WorkShares {
  readonly #membership: Membership;
  readonly #makeWorkers: (share: number) => JobWorker[];
  readonly #working = new Map<number, JobWorker[]>();
  /** Workers of lost shares that still end what they had in hand. */
  readonly #ending = new Set<Promise<unknown>>();
  #unsubscribe = () => {};

  constructor(options: { membership: Membership; makeWorkers: (share: number) => JobWorker[] }) {
    this.#membership = options.membership;
    this.#makeWorkers = options.makeWorkers;
  }

  start(): void {
    this.#unsubscribe = this.#membership.onChange(() => this.#adjust());
    this.#adjust();
  }

  /** Takes no more jobs and waits for those in hand. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    for (const share of [...this.#working.keys()]) this.#lose(share);
    await Promise.all(this.#ending);
  }

  #adjust(): void {
    for (let share = 0; share < SHARES; share += 1) {
      const owned = this.#membership.owns("worker", share);
      if (owned && !this.#working.has(share)) {
        const workers = this.#makeWorkers(share);
        this.#working.set(share, workers);
        for (const worker of workers) worker.start();
      } else if (!owned && this.#working.has(share)) this.#lose(share);
    }
  }

  #lose(share: number): void {
    const workers = this.#working.get(share) ?? [];
    this.#working.delete(share);
    const ending: Promise<unknown> = Promise.all(workers.map((worker) => worker.stop())).finally(() =>
      this.#ending.delete(ending),
    );
    this.#ending.add(ending);
  }
}
