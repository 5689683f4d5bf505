import type { ResourceRef } from "../catalogue/resource-view.ts";
import { SignalboxError } from "../errors.ts";
import type { ResourceEvent } from "../machines/resource/resource-types.ts";
import { RepeatedFailures } from "../outages/repeated-failures.ts";
import { shareOf } from "./cluster/shares.ts";
import type { Outbox } from "./outbox.ts";
import type { Clock, Logger } from "./ports.ts";
import type { ResourceHost } from "./resource-host.ts";
import { type IndexEntry, keyOf, type ResourceIndex, wantsStart } from "./resource-index.ts";
import { resourceOfJob } from "./resource-of-job.ts";
import type { ResourcePlanner } from "./resource-planner.ts";

/** A resource that could not be moved on is looked at again after so long; the log itself was asked for 30 s by then. */
const AGAIN_MS = 5_000;

type Outcome =
  | { readonly kind: "pending" }
  | { readonly kind: "finished" }
  | { readonly kind: "failed"; readonly error: string };

/**
 * Releases jobs when what they depend on is done, and starts versions whose turn has come, for the resources that this process looks after. It
 * holds no state of its own that matters: everything follows from the index, so whoever takes resources over looks at each once and goes on.
 */
export class JobManager {
  private readonly index: ResourceIndex;
  private readonly host: ResourceHost;
  private readonly planner: ResourcePlanner;
  private readonly outbox: Outbox;
  private readonly failures: RepeatedFailures;
  /** Resource to the resources that wait for a job of it. */
  private readonly waiters = new Map<string, Set<string>>();
  private readonly unsubscribe: Array<() => void> = [];
  private readonly running = new Set<Promise<void>>();
  private readonly clock: Clock;
  /** What ends the waits of resources that are looked at again. */
  private readonly later = new Map<string, () => void>();

  constructor(options: {
    index: ResourceIndex;
    host: ResourceHost;
    planner: ResourcePlanner;
    outbox: Outbox;
    clock: Clock;
    logger: Logger;
  }) {
    this.clock = options.clock;
    this.index = options.index;
    this.host = options.host;
    this.planner = options.planner;
    this.outbox = options.outbox;
    const { logger } = options;
    this.failures = new RepeatedFailures({ logger, failed: "a job could not be moved on", level: "error" });
  }

  start(): void {
    this.unsubscribe.push(
      this.index.onChange(({ ref, entry }) => {
        if (entry) this.watch(entry);
        this.look(ref);
        for (const waiter of this.waiters.get(keyOf(ref)) ?? []) this.look(refOfKey(waiter));
      }),
    );
    this.outbox.onDrained((ref) => this.look(ref));
    this.outbox.onTaken((shares) => {
      for (const entry of this.index.all()) if (shares.has(shareOf(keyOf(entry)))) this.look(entry);
    });
    for (const entry of this.index.all()) this.watch(entry);
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    for (const cancel of this.later.values()) cancel();
    await Promise.allSettled(this.running);
  }

  private watch(entry: IndexEntry): void {
    for (const job of entry.jobs) {
      for (const dependency of job.phase === "waiting" ? job.waitsFor : []) {
        const owner = keyOf(resourceOfJob(dependency));
        if (owner === keyOf(entry)) continue;
        const waiters = this.waiters.get(owner) ?? new Set();
        this.waiters.set(owner, waiters.add(keyOf(entry)));
      }
    }
  }

  private look(ref: ResourceRef): void {
    const entry = this.index.entry(ref);
    // What belongs to the same request may not be stored yet: first everything is planned, then jobs run.
    if (entry === undefined || !this.outbox.looksAfter(ref) || this.outbox.isHandingOut(ref)) return;
    if (wantsStart(entry) && !this.waitsForReferrers(entry)) this.send(ref, (snapshot) => this.planner.start(snapshot));
    for (const job of entry.jobs) {
      if (job.phase !== "waiting") continue;
      for (const dependency of job.waitsFor) this.settle(ref, dependency);
    }
  }

  /**
   * A deletion is planned only when what refers to the resource and is on its way out has its own jobs planned: it waits for them. What
   * belongs to the resource is on its way out, whether or not the index shows it yet.
   */
  private waitsForReferrers(entry: IndexEntry): boolean {
    if (entry.context.queue[0]?.action !== "delete") return false;
    const isUntold = (other: IndexEntry) => other.owner?.id === entry.id && !other.context.markedForDeletion;
    const unplanned = this.index
      .referrers(entry.type, entry.id)
      .filter((other) => other.context.queue.length > 0 || isUntold(other));
    for (const other of unplanned) {
      const waiters = this.waiters.get(keyOf(other)) ?? new Set();
      this.waiters.set(keyOf(other), waiters.add(keyOf(entry)));
    }
    return unplanned.length > 0;
  }

  private settle(ref: ResourceRef, dependency: string): void {
    const owner = resourceOfJob(dependency);
    if (keyOf(owner) === keyOf(ref)) return;
    const outcome = this.outcomeOf(owner, dependency);
    if (outcome.kind === "pending") return;
    this.waiters.get(keyOf(owner))?.delete(keyOf(ref));
    if (this.waiters.get(keyOf(owner))?.size === 0) this.waiters.delete(keyOf(owner));
    const event: ResourceEvent =
      outcome.kind === "finished"
        ? { type: "DEPENDENCY_FINISHED", dependency }
        : { type: "DEPENDENCY_FAILED", dependency, error: outcome.error };
    this.send(ref, (snapshot) =>
      snapshot.context.jobs.some((state) => state.phase === "waiting" && state.waitsFor.includes(dependency))
        ? event
        : undefined,
    );
  }

  private lookLater(ref: ResourceRef): void {
    if (this.later.has(keyOf(ref))) return;
    const cancel = this.clock.after(AGAIN_MS, () => {
      this.later.delete(keyOf(ref));
      this.look(ref);
    });
    this.later.set(keyOf(ref), cancel);
  }

  /** What became of a job. One that is not there any more is done: no job ever waits for a job that no longer exists. */
  private outcomeOf(owner: ResourceRef, jobId: string): Outcome {
    const entry = this.index.entry(owner);
    const job = entry?.jobs.find((candidate) => candidate.id === jobId);
    if (entry === undefined || job === undefined || job.phase === "finished") return { kind: "finished" };
    if (!entry.value.lifecycle.endsWith("_failed")) return { kind: "pending" };
    const cause = new SignalboxError(
      "SB_DEPENDENCY_FAILED",
      `${owner.type} ${owner.id}${nameOf(entry)} failed: ${entry.context.error}`,
    );
    return { kind: "failed", error: cause.report };
  }

  private send(ref: ResourceRef, decide: Parameters<ResourceHost["command"]>[1]): void {
    const task: Promise<void> = this.host
      .command(ref, decide)
      .then(
        () => this.failures.succeeded(keyOf(ref)),
        (thrown: unknown) => {
          const { transient } = this.failures.failed(thrown, keyOf(ref), { resource: keyOf(ref) });
          // Nothing else would look at it again: what it waits for has happened.
          if (transient) this.lookLater(ref);
        },
      )
      .finally(() => this.running.delete(task));
    this.running.add(task);
  }
}

function refOfKey(key: string): ResourceRef {
  const slash = key.indexOf("/");
  return { type: key.slice(0, slash), id: key.slice(slash + 1) };
}

function nameOf(entry: IndexEntry): string {
  const name = entry.body["name"];
  return typeof name === "string" && name !== "" ? ` (${name})` : "";
}
