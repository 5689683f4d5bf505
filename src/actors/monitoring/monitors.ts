import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { asSignalboxError } from "../../errors.ts";
import { newTarget, type TargetSnapshot, targetTransition } from "../../machines/monitoring-target/target-machine.ts";
import { isResting, type Operational } from "../../machines/resource/resource-status.ts";
import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import type { Clock, Logger, Random } from "../ports.ts";
import { type IndexEntry, type IndexListener, isAccepted, keyOf, type ResourceIndex } from "../resource-index.ts";
import { PollSchedule } from "./poll-schedule.ts";
import type { TargetProber } from "./prober.ts";
import { unavailableBecause } from "./target-status.ts";

export interface MonitorsOptions {
  readonly index: ResourceIndex;
  readonly prober: TargetProber;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Milliseconds between two polls of a resource, give or take a tenth; 30 s when not given. */
  readonly intervalMs?: number;
  /** Probes at once; 64 when not given. */
  readonly maxProbes?: number;
  /** Equal answers in a row that make a change of verdict; 1 when not given. */
  readonly confirmations?: number;
  /** It is this process that watches the resource; it is the only one when this is not given. */
  readonly owns?: (ref: ResourceRef) => boolean;
  /** Takes what is to be published of a resource: the statuses of all targets of that version of its monitoring. */
  readonly report: (ref: ResourceRef, version: number, statuses: Record<string, TargetStatus>) => Promise<void>;
}

/** A resource that is polled. Its targets are in the index only. */
interface Watched {
  readonly ref: ResourceRef;
  /** Of its monitoring. */
  readonly version: number;
  /** Keys of the resources whose state its targets are about. */
  readonly watches: readonly string[];
  /** In the order of the targets. */
  machines: readonly TargetSnapshot[];
  /** The next answers are reported even if they bring nothing new. */
  unreported: boolean;
  phase: "resting" | "queued" | "polling";
  /** It was poked while it was polled. */
  again: boolean;
}

const DEFAULT_INTERVAL_MS = 30_000;
const DEFAULT_MAX_PROBES = 64;
const TICKS_PER_INTERVAL = 60;
/** What a device tells of many targets at once is asked for so often, however many targets there are. */
const ANSWERS_PER_INTERVAL = 6;
const REPORT_RETRY_MS = 1000;
const NONE: readonly string[] = [];

/**
 * Polls every resource that rests and has monitoring targets, for as long as it does, and reports the first poll of each version and every
 * change after that. A target about another resource is asked again as soon as the index knows of a change of that resource.
 *
 * After a restart the statuses in the log count as reported. Make it before the index starts, so that it also sees which resources came to
 * rest and had not been reported when the process ended; made later it takes those for reported when their statuses have not changed.
 */
export class Monitors {
  readonly #options: MonitorsOptions;
  readonly #intervalMs: number;
  readonly #maxProbes: number;
  readonly #schedule: PollSchedule<Watched>;
  readonly #watched = new Map<string, Watched>();
  /** By key of a resource: the keys of those with a target about it. */
  readonly #watchers = new Map<string, Set<string>>();
  /** Seen before the start: keys of resources whose last record brought them to rest. */
  readonly #fresh = new Set<string>();
  /** Those due now, first come first served; before `#head` it is used up. */
  readonly #queue: Watched[] = [];
  #head = 0;
  #probing = 0;
  readonly #reports = new Set<Promise<void>>();
  readonly #unsubscribe: () => void;
  #state: "new" | "started" | "stopped" = "new";

  constructor(options: MonitorsOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs ?? DEFAULT_INTERVAL_MS;
    this.#maxProbes = options.maxProbes ?? DEFAULT_MAX_PROBES;
    const tickMs = this.#intervalMs / TICKS_PER_INTERVAL;
    this.#schedule = new PollSchedule<Watched>(options.clock, tickMs, (due) => this.#enqueue(due));
    this.#unsubscribe = options.index.onChange((change) => this.#changed(change));
  }

  /** Takes up all resources of the index. Those that are known to be up are polled in the course of the first interval, others at once. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "started";
    for (const entry of this.#options.index.all()) {
      if (this.#isOurs(entry) && isWatchable(entry)) this.#watch(entry, this.#fresh.has(keyOf(entry)));
    }
    this.#fresh.clear();
  }

  /** Takes up the resources that this process watches from now on and lets go of those that others watch. */
  ownershipChanged(): void {
    if (this.#state !== "started") return;
    for (const watched of [...this.#watched.values()]) if (!this.#isOurs(watched.ref)) this.#unwatch(watched);
    for (const entry of this.#options.index.all()) {
      if (!this.#watched.has(keyOf(entry)) && this.#isOurs(entry) && isWatchable(entry)) this.#watch(entry, false);
    }
  }

  #isOurs(ref: ResourceRef): boolean {
    return this.#options.owns?.(ref) ?? true;
  }

  /** Asks nothing more and waits for the reports under way. Answers that are still to come are dropped. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#unsubscribe();
    this.#schedule.clear();
    this.#watched.clear();
    this.#watchers.clear();
    this.#queue.length = 0;
    this.#head = 0;
    await Promise.all(this.#reports);
  }

  /** Polls a resource now, if it is polled at all. */
  poke(ref: ResourceRef): void {
    const watched = this.#watched.get(keyOf(ref));
    if (watched !== undefined) this.#enqueue([watched]);
  }

  #changed({ ref, record, entry, before }: Parameters<IndexListener>[0]): void {
    const key = keyOf(ref);
    const cameToRest = record.before !== record.after;
    if (this.#state === "new") {
      if (entry !== undefined && isWatchable(entry) && cameToRest) this.#fresh.add(key);
      // What is neither a coming to rest nor a report does not tell whether there was a report before it.
      else if (entry === undefined || !isWatchable(entry) || record.event === "MONITOR") this.#fresh.delete(key);
      return;
    }
    const watched = this.#watched.get(key);
    if (entry === undefined || !isWatchable(entry) || !this.#isOurs(entry)) {
      if (watched !== undefined) this.#unwatch(watched);
    } else if (watched === undefined || cameToRest || !isSameMonitoring(watched, entry)) {
      if (watched !== undefined) this.#unwatch(watched);
      this.#watch(entry, true);
    }
    if (before?.value.operational !== entry?.value.operational) {
      for (const watcher of this.#watchers.get(key) ?? []) {
        const affected = this.#watched.get(watcher);
        if (affected !== undefined) this.#enqueue([affected]);
      }
    }
  }

  #watch(entry: IndexEntry, isFresh: boolean): void {
    const { confirmations } = this.#options;
    const targets = targetsOf(entry);
    const { statuses } = entry.context;
    const known = targets.flatMap(({ name }) => statuses[name] ?? []);
    const isReported = !isFresh && known.length === targets.length && operationalOf(known) === entry.value.operational;
    const watched: Watched = {
      ref: { type: entry.type, id: entry.id },
      version: entry.context.monitoring?.version ?? entry.context.version,
      watches: watchedKeys(targets),
      machines: targets.map(({ name }) => newTarget(confirmations, isReported ? statuses[name] : null)),
      unreported: !isReported,
      phase: "resting",
      again: false,
    };
    const key = keyOf(entry);
    this.#watched.set(key, watched);
    for (const other of watched.watches) {
      const watchers = this.#watchers.get(other);
      if (watchers === undefined) this.#watchers.set(other, new Set([key]));
      else watchers.add(key);
    }
    if (isReported && entry.value.operational === "up") {
      this.#schedule.set(watched, this.#intervalMs * this.#options.random.fraction());
    } else this.#enqueue([watched]);
  }

  #unwatch(watched: Watched): void {
    const key = keyOf(watched.ref);
    this.#watched.delete(key);
    this.#schedule.delete(watched);
    for (const other of watched.watches) {
      const watchers = this.#watchers.get(other);
      watchers?.delete(key);
      if (watchers?.size === 0) this.#watchers.delete(other);
    }
  }

  #isWatched(watched: Watched): boolean {
    return this.#watched.get(keyOf(watched.ref)) === watched;
  }

  #enqueue(due: Iterable<Watched>): void {
    for (const watched of due) {
      if (watched.phase === "polling") watched.again = true;
      if (watched.phase !== "resting") continue;
      this.#schedule.delete(watched);
      watched.phase = "queued";
      this.#queue.push(watched);
    }
    this.#pump();
  }

  #pump(): void {
    for (let next = this.#queue[this.#head]; next !== undefined; next = this.#queue[this.#head]) {
      const targets = this.#isWatched(next) ? targetsOf(this.#options.index.entry(next.ref)) : [];
      const probes = Math.min(targets.length, this.#maxProbes);
      if (this.#probing + probes > this.#maxProbes) return;
      this.#head += 1;
      if (targets.length > 0) {
        this.#probing += probes;
        next.phase = "polling";
        void this.#poll(next, targets, probes);
      }
      if (this.#head > 1000 && this.#head * 2 > this.#queue.length) {
        this.#queue.splice(0, this.#head);
        this.#head = 0;
      }
    }
  }

  async #poll(watched: Watched, targets: readonly MonitoringTarget[], probes: number): Promise<void> {
    const answers: TargetStatus[] = [];
    try {
      // All at once, but for a resource with more targets than may be asked at once.
      for (let from = 0; from < targets.length; from += probes) {
        answers.push(...(await Promise.all(targets.slice(from, from + probes).map((target) => this.#ask(target)))));
      }
    } finally {
      this.#probing -= probes;
    }
    this.#pump();
    if (this.#isWatched(watched) && this.#takeIn(watched, targets, answers)) {
      const report = this.#report(watched, targets);
      this.#reports.add(report);
      await report;
      this.#reports.delete(report);
    }
    if (!this.#isWatched(watched)) return;
    watched.phase = "resting";
    if (watched.again) {
      watched.again = false;
      this.#enqueue([watched]);
    } else this.#schedule.set(watched, watched.unreported ? REPORT_RETRY_MS : this.#jitteredMs());
  }

  async #ask(target: MonitoringTarget): Promise<TargetStatus> {
    try {
      return await this.#options.prober.probe(target, { maxAgeMs: this.#intervalMs / ANSWERS_PER_INTERVAL });
    } catch (thrown) {
      return unavailableBecause(thrown);
    }
  }

  /** True when there is something to report. */
  #takeIn(watched: Watched, targets: readonly MonitoringTarget[], answers: readonly TargetStatus[]): boolean {
    watched.machines = watched.machines.map((machine, at) => {
      const answer = answers[at];
      if (answer === undefined) return machine;
      const { snapshot, reports } = targetTransition(machine, answer);
      if (reports) watched.unreported = true;
      if (reports && machine.context.status !== null) {
        this.#options.logger.info(
          {
            resource: keyOf(watched.ref),
            target: targets[at]?.name,
            before: machine.context.status.word,
            now: answer.word,
            reason: answer.reason,
          },
          "a monitoring target changed",
        );
      }
      return snapshot;
    });
    return watched.unreported;
  }

  async #report(watched: Watched, targets: readonly MonitoringTarget[]): Promise<void> {
    const statuses: Record<string, TargetStatus> = {};
    for (const [at, { name }] of targets.entries()) {
      const status = watched.machines[at]?.context.status;
      if (status) statuses[name] = status;
    }
    try {
      await this.#options.report(watched.ref, watched.version, statuses);
      watched.unreported = false;
    } catch (thrown) {
      const { code, message } = asSignalboxError(thrown);
      const fields = { resource: keyOf(watched.ref), code, error: message };
      this.#options.logger.warn(fields, "a monitoring report was not taken; trying again");
    }
  }

  /** Within a tenth of the interval, the rounding of the schedule included. */
  #jitteredMs(): number {
    return this.#intervalMs * (0.9 + (0.2 - 1 / TICKS_PER_INTERVAL) * this.#options.random.fraction());
  }
}

function targetsOf(entry: IndexEntry | undefined): readonly MonitoringTarget[] {
  return entry?.context.monitoring?.targets ?? [];
}

function isWatchable(entry: IndexEntry): boolean {
  return isAccepted(entry) && isResting(entry.value.lifecycle) && targetsOf(entry).length > 0;
}

function isSameMonitoring(watched: Watched, entry: IndexEntry): boolean {
  return watched.version === entry.context.monitoring?.version && watched.machines.length === targetsOf(entry).length;
}

function watchedKeys(targets: readonly MonitoringTarget[]): readonly string[] {
  const keys = targets
    .filter(({ kind }) => kind === "resource_status")
    .map(({ settings }) => keyOf({ type: String(settings.type), id: String(settings.id) }));
  return keys.length === 0 ? NONE : [...new Set(keys)];
}

/** The operational state that the resource's machine takes from a report. */
function operationalOf(statuses: readonly TargetStatus[]): Operational {
  if (statuses.some(({ verdict }) => verdict === "bad")) return "fail";
  return statuses.some(({ verdict }) => verdict === "unavailable") ? "unavailable" : "up";
}
