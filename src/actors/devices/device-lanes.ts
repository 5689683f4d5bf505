import { asSignalboxError, type ErrorJson, SignalboxError } from "../../errors.ts";
import type { DeviceSessionState } from "../../machines/device-session/device-session-machine.ts";
import type { DeviceLease } from "../cluster/device-leases.ts";
import { Mailboxes } from "../mailboxes.ts";
import type { Clock, EventLog, Logger, Random, RouterConnector, Secrets, StoredRecord } from "../ports.ts";
import { Turns } from "../turns.ts";
import { addressesOf, hostsOf, type LaneJob, PendingJob, routeOf } from "./lane-job.ts";
import { JOURNAL_PREFIX, LaneJournal, laneIdOf, parseJournal } from "./lane-journal.ts";
import { type LanePhase, LaneTransaction } from "./lane-transaction.ts";
import { RouterLink } from "./router-link.ts";
import { takeLane } from "./take-lane.ts";
import { UnsettledLanes } from "./unsettled-lanes.ts";

export type { LaneJob, RouterEdit } from "./lane-job.ts";

export interface DeviceLanesOptions {
  readonly log: EventLog;
  readonly connector: RouterConnector;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** After this time a router takes an unconfirmed commit back by itself, seconds (120). */
  readonly confirmTimeoutS?: number;
  /** An unused session is closed after this time, milliseconds (60000). */
  readonly idleMs?: number;
  /** Jobs that are committed together at most (50). */
  readonly maxBatch?: number;
  /** The other processes that edit devices; this is the only one when it is not given. */
  readonly others?: OtherEditors;
}

/** What lanes need to know of the other processes that edit devices. */
export interface OtherEditors {
  /** Name of this process in journals. */
  readonly name: string;
  /** The right to edit a device, which one process has at a time. */
  acquire(host: string, signal: AbortSignal): Promise<DeviceLease>;
  /** Resolves when `observe` was told of all that the others have written by now. */
  caughtUp(): Promise<void>;
  /** It is this process that looks after the lane. */
  owns(laneId: string): boolean;
}

/** A lane as views show it. */
export interface LaneView {
  readonly id: string;
  readonly devices: ReadonlyArray<{
    readonly host: string;
    readonly state: DeviceSessionState;
    /** Why its session was last lost; "" after the next success. */
    readonly error: string;
  }>;
  /** Ids of the jobs. */
  readonly waiting: readonly string[];
  readonly inHand: readonly string[];
  /** `in_doubt`: resting, and the outcome of the last transaction is open. */
  readonly phase: LanePhase | "in_doubt";
  readonly lastError: ErrorJson | undefined;
  /** The last commits with their confirmation, milliseconds, oldest first. */
  readonly commitDurationsMs: readonly number[];
}

interface Lane {
  readonly id: string;
  readonly hosts: readonly string[];
  readonly journal: LaneJournal;
  readonly waiting: Turns<PendingJob>;
  inHand: readonly PendingJob[];
  phase: LanePhase;
  lastError: SignalboxError | undefined;
  durations: number[];
  running: Promise<void> | undefined;
}

const KEPT_DURATIONS = 50;
/** How long a commit under way may hold up the end of the process, milliseconds. */
const STOP_PATIENCE_MS = 10_000;
/** Phases that a transaction is not cut short in. */
const FINAL: ReadonlySet<LanePhase> = new Set(["committing", "confirming", "reverting", "unlocking"]);
const FIRST_SETTLE_DELAY_MS = 1_000;
const MAX_SETTLE_DELAY_MS = 60_000;

/**
 * Applies jobs to routers. A job's set of routers is its lane; jobs that wait while a transaction runs are committed together by the next
 * one. The tenants whose jobs wait take turns, and those of one tenant go in order, so that nobody waits behind all that another has ordered.
 * A router is in one transaction at a time.
 */
export class DeviceLanes {
  readonly #options: DeviceLanesOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #links = new Map<string, RouterLink>();
  /** One mutex per device. */
  readonly #devices = new Mailboxes();
  readonly #unsettled = new UnsettledLanes();
  readonly #settling = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #scan: Promise<void> | undefined;

  constructor(options: DeviceLanesOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the change is final on all its routers. A job that is submitted again while it waits or is in hand is
   * not done twice. After a rejection no router holds anything of the job, except after SB_LANE_IN_DOUBT.
   * @throws SB_NOT_READY when stopped, SB_LANE_IN_DOUBT, SB_LOCK_DENIED, SB_LOAD_REJECTED, SB_COMMIT_REJECTED,
   *   SB_SEQUENCE_CONFLICT, and what connecting throws; `transient` says whether trying again can help
   */
  async submit(job: LaneJob): Promise<void> {
    if (this.#stop.signal.aborted) throw stoppedError();
    const hosts = hostsOf(job);
    if (hosts.length === 0) return;
    const lane = this.#lane(hosts);
    const same = [...lane.inHand, ...lane.waiting].find((pending) => pending.open && pending.job.id === job.id);
    if (same !== undefined) return same.done;
    const addresses = [...addressesOf(job).values()].sort((a, b) => (a.host < b.host ? -1 : 1));
    const pending = new PendingJob(job, routeOf(addresses, this.#options.secrets));
    lane.waiting.add(job.turn ?? "", pending);
    lane.running ??= this.#work(lane);
    await pending.done;
  }

  /** Looks for what processes that are gone have left unsettled, and settles it in the background. */
  async recover(): Promise<void> {
    await this.#scanned();
    for (const laneId of this.#unsettled.all()) {
      if (this.#options.others?.owns(laneId) ?? true) this.#settleInBackground(laneId);
    }
  }

  /** Takes in a record of the log: the journals that others write. */
  observe(stored: StoredRecord): void {
    if (!stored.subject.startsWith(JOURNAL_PREFIX)) return;
    const record = parseJournal(stored);
    if (record.by === this.#options.others?.name) return;
    if (record.phase === "settled") this.#unsettled.settle(laneIdOf(record.devices.map(({ host }) => host).sort()));
    else this.#unsettled.open(record);
  }

  lanes(): LaneView[] {
    return [...this.#lanes.values()].map((lane) => ({
      id: lane.id,
      devices: lane.hosts.map((host) => {
        const view = this.#link(host).view;
        return { host, state: view.value, error: view.context.error };
      }),
      waiting: [...lane.waiting].map(({ job }) => job.id),
      inHand: lane.inHand.filter(({ open }) => open).map(({ job }) => job.id),
      phase: lane.phase === "idle" && this.#unsettled.has(lane.id) ? "in_doubt" : lane.phase,
      lastError: lane.lastError?.toJson(),
      commitDurationsMs: [...lane.durations],
    }));
  }

  /**
   * Takes no more, rejects what waits, ends the transactions in hand, closes the sessions. A transaction that has not come to its commit is
   * cut short, whatever its routers do; one that has is waited for, and left to the journal when it takes too long.
   */
  async stop(): Promise<void> {
    this.#stop.abort(stoppedError());
    for (const lane of this.#lanes.values()) rejectAll(lane, stoppedError());
    const committing = new Set(
      [...this.#lanes.values()].flatMap(({ phase, hosts }) => (FINAL.has(phase) ? hosts : [])),
    );
    for (const link of this.#links.values()) if (!committing.has(link.host)) link.abandon();
    const cancel = this.#options.clock.after(STOP_PATIENCE_MS, () => {
      for (const link of this.#links.values()) link.abandon();
    });
    await Promise.all([...this.#lanes.values()].map((lane) => lane.running));
    await Promise.all(this.#settling.values());
    cancel();
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }

  /** Runs transactions until no job of the lane waits. */
  async #work(lane: Lane): Promise<void> {
    while (lane.waiting.size > 0) {
      lane.phase = "waiting";
      try {
        await this.#scanned();
        for (const other of this.#unsettled.overlapping(lane.id, lane.hosts)) {
          // What is settled may be enough for this lane although the other one has routers that do not answer.
          const error = await this.#settle(other).then(() => undefined, asSignalboxError);
          if (error !== undefined && this.#unsettled.overlapping(lane.id, lane.hosts).includes(other)) throw error;
        }
        await this.#withDevices(lane.hosts, (leases) => this.#transact(lane, leases));
      } catch (thrown) {
        const error = asSignalboxError(thrown);
        lane.lastError = error;
        this.#options.logger.warn({ lane: lane.id, code: error.code, error: error.message }, "the lane is not free");
        rejectAll(lane, error);
      }
    }
    // In one step with the look at what waits: whoever submits next starts anew.
    lane.phase = "idle";
    lane.running = undefined;
  }

  async #transact(lane: Lane, leases: readonly DeviceLease[]): Promise<void> {
    // Another lane may have come to be in doubt while this one waited for the devices.
    if (this.#unsettled.overlapping(lane.id, lane.hosts).length > 0) return;
    const batch = this.#takeBatch(lane);
    const [first] = batch;
    if (first === undefined) return;
    lane.inHand = batch;
    lane.lastError = undefined;
    const { clock, random, secrets, logger } = this.#options;
    const transaction = new LaneTransaction({
      laneId: lane.id,
      journal: lane.journal,
      links: lane.hosts.map((host) => this.#link(host)),
      addresses: addressesOf(first.job),
      unsettled: this.#unsettled,
      clock,
      random,
      secrets,
      logger,
      stopping: this.#stop.signal,
      checkLeases: () => {
        for (const lease of leases) lease.check();
      },
      entered: (phase) => {
        lane.phase = phase;
      },
      committed: (durationMs) => {
        lane.durations = [...lane.durations, durationMs].slice(-KEPT_DURATIONS);
      },
      rejected: (error) => {
        lane.lastError = error;
      },
    });
    await transaction.run(batch);
    lane.inHand = [];
    if (this.#unsettled.has(lane.id)) this.#settleInBackground(lane.id);
  }

  /**
   * Jobs of all who have some waiting, in turns, that reach their routers in the same way. Whose are fewest come first: a batch that is
   * rejected is halved from its beginning on, so that who has ordered little is soon apart from who has ordered much.
   */
  #takeBatch(lane: Lane): PendingJob[] {
    const { maxBatch = 50 } = this.#options;
    const batches = new Map<string, PendingJob[]>();
    let route: string | undefined;
    for (let count = 0; count < maxBatch; count += 1) {
      const pending = lane.waiting.take((job) => route === undefined || job.route === route);
      if (pending === undefined) break;
      route = pending.route;
      const { turn = "" } = pending.job;
      batches.set(turn, [...(batches.get(turn) ?? []), pending]);
    }
    return [...batches.values()].sort((a, b) => a.length - b.length).flat();
  }

  /** Asks the log once what is unsettled; again when it could not be asked. */
  #scanned(): Promise<void> {
    this.#scan ??= this.#unsettled.scan(this.#options.log).catch((error: unknown) => {
      this.#scan = undefined;
      throw error;
    });
    return this.#scan;
  }

  #settleInBackground(laneId: string): void {
    if (this.#settling.has(laneId)) return;
    const settling = this.#settleUntilDone(laneId).finally(() => this.#settling.delete(laneId));
    this.#settling.set(laneId, settling);
  }

  async #settleUntilDone(laneId: string): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    for (let delayMs = FIRST_SETTLE_DELAY_MS; !signal.aborted; delayMs = Math.min(MAX_SETTLE_DELAY_MS, delayMs * 2)) {
      try {
        await this.#settle(laneId);
        return;
      } catch (thrown) {
        const { code, message } = asSignalboxError(thrown);
        logger.warn({ lane: laneId, code, error: message }, "the lane is not settled yet; trying again");
      }
      await clock.sleep(delayMs, signal).catch(() => undefined);
    }
  }

  /** @throws SB_LANE_IN_DOUBT when not all of its routers can be asked */
  async #settle(laneId: string): Promise<void> {
    const hosts = [...(this.#unsettled.addresses(laneId)?.keys() ?? [])].sort();
    await this.#withDevices(hosts, async () => {
      const addresses = this.#unsettled.addresses(laneId);
      if (addresses === undefined) return;
      const { journal } = this.#lane(hosts);
      const links = hosts.map((host) => this.#link(host));
      try {
        await takeLane({ laneId, journal, links, addresses, unsettled: this.#unsettled });
        this.#options.logger.info({ lane: laneId }, "lane settled");
      } finally {
        await Promise.all(links.map((link) => link.release()));
      }
    });
  }

  /**
   * Runs with the devices' mutexes and leases, which are taken in sorted order so that overlapping lanes cannot block each other.
   */
  #withDevices(hosts: readonly string[], task: (leases: readonly DeviceLease[]) => Promise<void>): Promise<void> {
    return this.#withMutexes(hosts, () => this.#withLeases(hosts, task));
  }

  #withMutexes(hosts: readonly string[], task: () => Promise<void>): Promise<void> {
    const [first, ...rest] = hosts;
    if (first === undefined) return task();
    return this.#devices.run(first, () => this.#withMutexes(rest, task));
  }

  async #withLeases(hosts: readonly string[], task: (leases: readonly DeviceLease[]) => Promise<void>): Promise<void> {
    const { others } = this.#options;
    const leases: DeviceLease[] = [];
    try {
      if (others !== undefined) {
        for (const host of hosts) leases.push(await others.acquire(host, this.#stop.signal));
        await others.caughtUp();
      }
      await task(leases);
    } finally {
      await Promise.all(leases.map((lease) => lease.release()));
    }
  }

  #lane(hosts: readonly string[]): Lane {
    const id = laneIdOf(hosts);
    const known = this.#lanes.get(id);
    if (known !== undefined) return known;
    const lane: Lane = {
      id,
      hosts,
      journal: new LaneJournal(id, { ...this.#options, name: this.#options.others?.name ?? "" }),
      waiting: new Turns(),
      inHand: [],
      phase: "idle",
      lastError: undefined,
      durations: [],
      running: undefined,
    };
    this.#lanes.set(id, lane);
    return lane;
  }

  #link(host: string): RouterLink {
    const known = this.#links.get(host);
    if (known !== undefined) return known;
    const { connector, secrets, clock, random, logger, idleMs = 60_000, confirmTimeoutS = 120 } = this.#options;
    const stopping = this.#stop.signal;
    const link = new RouterLink(host, { connector, secrets, clock, random, logger, idleMs, confirmTimeoutS, stopping });
    this.#links.set(host, link);
    return link;
  }
}

function rejectAll(lane: Lane, error: SignalboxError): void {
  for (const pending of lane.waiting.takeAll()) pending.reject(error);
}

function stoppedError(): SignalboxError {
  return new SignalboxError("SB_NOT_READY", "the process is stopping");
}
