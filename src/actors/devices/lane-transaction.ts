import { asSignalboxError, SignalboxError } from "../../errors.ts";
import type { Clock, Logger, Random, Secrets } from "../ports.ts";
import { devicePlace } from "../secrets/seal-places.ts";
import { allDone, deviceError, inDoubt, isLost, rejections } from "./device-errors.ts";
import type { DeviceAddress, PendingJob } from "./lane-job.ts";
import type { RouterLink } from "./router-link.ts";
import { type LaneAccess, takeLane } from "./take-lane.ts";

export type LanePhase =
  | "idle"
  | "waiting"
  | "connecting"
  | "loading"
  | "validating"
  | "committing"
  | "confirming"
  | "reverting"
  | "unlocking";

export interface TransactionOptions extends LaneAccess {
  readonly clock: Clock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  /** @throws SB_LEASE_LOST when another process may be editing one of the routers */
  readonly checkLeases: () => void;
  /** Told as the transaction goes on. */
  readonly entered: (phase: LanePhase) => void;
  /** Told how long a commit took on all routers, confirmation included, milliseconds. */
  readonly committed: (durationMs: number) => void;
  /** Told why a job is rejected. */
  readonly rejected: (error: SignalboxError) => void;
}

/** How a commit stands on one router after the first attempt. */
type CommitResult =
  | { readonly link: RouterLink; readonly kind: "committed" }
  /**
   * `failed`: not in effect, as the router itself says. `open`: it is or may be in effect, and is not wanted. `unreachable`: the same, and the
   * router does not answer.
   */
  | { readonly link: RouterLink; readonly kind: "failed" | "open" | "unreachable"; readonly error: SignalboxError };

/**
 * Changes the routers of a lane together for a batch of jobs: one lock, a load per job, one commit per router.
 * Every job of the batch is resolved or rejected when `run` resolves; `run` never rejects.
 */
export class LaneTransaction {
  readonly #options: TransactionOptions;
  readonly #durations: Partial<Record<LanePhase, number>> = {};
  #phase: LanePhase = "idle";
  #since: number;

  constructor(options: TransactionOptions) {
    this.#options = options;
    this.#since = options.clock.monotonic();
  }

  async run(batch: readonly PendingJob[]): Promise<void> {
    const { links, laneId, logger, clock } = this.#options;
    const start = clock.monotonic();
    try {
      this.#enter("connecting");
      await takeLane(this.#options);
      const probe = `sb-${this.#options.random.uuid().slice(0, 13)}`;
      await allDone(links.map((link) => link.checkRecoverable(probe)));
      await this.#commitAll(batch);
    } catch (thrown) {
      const known = asSignalboxError(thrown);
      const error = known.device === undefined ? deviceError(known, laneId) : known;
      for (const pending of batch) if (pending.open) this.#reject(pending, error);
    } finally {
      this.#enter("unlocking");
      await Promise.all(links.map((link) => link.release()));
      this.#enter("idle");
    }
    logger.info(
      { lane: laneId, jobs: batch.length, totalMs: clock.monotonic() - start, ms: this.#durations },
      "lane transaction",
    );
  }

  /** Commits the jobs in as few commits as their faults allow; those that the routers do not accept are rejected. */
  async #commitAll(jobs: readonly PendingJob[]): Promise<void> {
    const loaded = await this.#loadAll(jobs);
    const [only, ...others] = loaded;
    if (only === undefined) return;
    let objection = await this.#validate();
    if (objection !== undefined && others.length > 0) {
      const good: PendingJob[] = [];
      for (const half of halves(loaded)) good.push(...(await this.#acceptable(half)));
      if (good.length < loaded.length) return this.#commitAll(good);
      // Each half is accepted, the whole is not: jobs contradict each other.
    }
    objection ??= await this.#commit(loaded);
    if (objection === undefined) return;
    if (others.length === 0) this.#reject(only, objection);
    else for (const half of halves(loaded)) await this.#commitAll(half);
  }

  /** The jobs that validation accepts, found by bisection; the guilty ones are rejected. */
  async #acceptable(jobs: readonly PendingJob[]): Promise<PendingJob[]> {
    const loaded = await this.#loadAll(jobs);
    const [only, ...others] = loaded;
    if (only === undefined) return [];
    const objection = await this.#validate();
    if (objection === undefined) return loaded;
    if (others.length === 0) {
      this.#reject(only, objection);
      return [];
    }
    const good: PendingJob[] = [];
    for (const half of halves(loaded)) good.push(...(await this.#acceptable(half)));
    return good;
  }

  /** Makes the candidates hold these jobs and nothing else; those that do not load are rejected and left out. */
  async #loadAll(jobs: readonly PendingJob[]): Promise<PendingJob[]> {
    this.#enter("loading");
    let rest = [...jobs];
    for (;;) {
      await allDone(this.#options.links.map((link) => link.discard()));
      const failed = await this.#firstFailure(rest);
      if (failed === undefined) return rest;
      this.#reject(failed.pending, failed.error);
      rest = rest.filter((pending) => pending !== failed.pending);
    }
  }

  async #firstFailure(
    jobs: readonly PendingJob[],
  ): Promise<{ pending: PendingJob; error: SignalboxError } | undefined> {
    for (const pending of jobs) {
      try {
        await allDone(this.#options.links.map((link) => this.#load(link, pending)));
      } catch (thrown) {
        const error = asSignalboxError(thrown);
        if (error.transient || isLost(error)) throw error;
        return { pending, error };
      }
    }
    return undefined;
  }

  async #load(link: RouterLink, { job }: PendingJob): Promise<void> {
    for (const edit of job.edits) if (edit.address.host === link.host) await link.load(edit.configuration);
  }

  /** @returns why a router does not accept the candidate; undefined when all do */
  async #validate(): Promise<SignalboxError | undefined> {
    this.#enter("validating");
    return this.#objection(allDone(this.#options.links.map((link) => link.validate())));
  }

  async #objection(work: Promise<unknown>): Promise<SignalboxError | undefined> {
    try {
      await work;
      return undefined;
    } catch (thrown) {
      if (thrown instanceof SignalboxError && !thrown.transient && !isLost(thrown)) return thrown;
      throw thrown;
    }
  }

  /**
   * Commits and confirms what is loaded, on all routers or on none, and resolves the jobs.
   * @returns why a router did not accept the commit; all are then as before
   * @throws SB_LANE_IN_DOUBT when a router cannot be put right now; a transient error when all are as before
   */
  async #commit(jobs: readonly PendingJob[]): Promise<SignalboxError | undefined> {
    const { journal, laneId, random, clock, unsettled, stopping } = this.#options;
    stopping.throwIfAborted();
    this.#options.checkLeases();
    this.#enter("committing");
    const start = clock.monotonic();
    const entry = {
      tag: `sb-${random.uuid().slice(0, 13)}`,
      devices: this.#sealedAddresses(),
      jobs: jobs.map(({ job }) => job.id),
    };
    // Before the append: when its answer is lost, the record may be there all the same.
    unsettled.open(entry);
    await journal.append({ ...entry, phase: "committing" });
    const results = await this.#commitOnAll(jobs, entry.tag);
    const failures = results.flatMap((result) => (result.kind === "committed" ? [] : [result.error]));
    if (failures.length > 0) {
      await this.#takeBack(results, entry.tag);
      await journal.append({ ...entry, phase: "settled" });
      unsettled.settle(laneId);
      const objection = failures.find((error) => !error.transient && !isLost(error));
      if (objection !== undefined) return objection;
      throw failures[0];
    }
    try {
      await journal.append({ ...entry, phase: "confirming" });
    } catch (error) {
      await this.#takeBack(results, entry.tag);
      throw error;
    }
    this.#enter("confirming");
    const rolledBack = await this.#confirm(jobs, entry.tag);
    if (rolledBack === undefined) {
      this.#options.committed(clock.monotonic() - start);
      for (const pending of jobs) pending.resolve();
    }
    await journal.append({ ...entry, phase: "settled" });
    unsettled.settle(laneId);
    if (rolledBack !== undefined) throw rolledBack;
    return undefined;
  }

  /** On all routers at once; where a job asks for it one after the other, and not on those after one that failed. */
  async #commitOnAll(jobs: readonly PendingJob[], tag: string): Promise<CommitResult[]> {
    const { links } = this.#options;
    const leading = jobs.find(({ job }) => job.inTurn === true);
    if (leading === undefined) return Promise.all(links.map((link) => this.#commitOn(link, tag)));
    const hosts = leading.job.edits.map(({ address }) => address.host);
    const results: CommitResult[] = [];
    for (const link of links.toSorted((a, b) => hosts.indexOf(a.host) - hosts.indexOf(b.host))) {
      const result = await this.#commitOn(link, tag);
      results.push(result);
      if (result.kind !== "committed") break;
    }
    return results;
  }

  async #commitOn(link: RouterLink, tag: string): Promise<CommitResult> {
    try {
      // Again: in turn, a commit can come long after the first look.
      this.#options.checkLeases();
      await link.commitConfirmed(tag);
      return { link, kind: "committed" };
    } catch (thrown) {
      const error = deviceError(thrown, link.host);
      // Whatever the answer was, only the router's history says what is in effect.
      try {
        const outcome = await link.outcome(tag);
        // What was done and only not heard of is as good as committed; what the router calls failed is not kept.
        if (outcome === "in-effect" && isLost(error)) return { link, kind: "committed" };
        return { link, kind: outcome === "absent" ? "failed" : "open", error };
      } catch (lost) {
        return { link, kind: "unreachable", error: deviceError(lost, link.host) };
      }
    }
  }

  /** Makes every router be as before the commit. */
  async #takeBack(results: readonly CommitResult[], tag: string): Promise<void> {
    this.#enter("reverting");
    const { laneId, unsettled } = this.#options;
    const reverts = await Promise.allSettled(
      results.map(async (result) => {
        if (result.kind === "unreachable") throw result.error;
        if (result.kind !== "failed") await result.link.revert(tag);
        unsettled.settleHost(laneId, result.link.host);
      }),
    );
    const [failed] = rejections(reverts);
    if (failed !== undefined) throw inDoubt(`the change ${tag} of ${laneId} could not be taken back`, failed);
  }

  /**
   * Confirms on all routers. What one of them has rolled back while another confirmed is loaded and committed there again.
   * @returns the error when all of them have rolled back
   * @throws SB_LANE_IN_DOUBT
   */
  async #confirm(jobs: readonly PendingJob[], tag: string): Promise<SignalboxError | undefined> {
    const { links, laneId, logger } = this.#options;
    const answers = await Promise.allSettled(links.map((link) => link.confirm(tag)));
    const standing = (index: number) => {
      const answer = answers[index];
      return answer?.status === "fulfilled" ? answer.value : "lost";
    };
    if (links.every((_, index) => standing(index) === "rolled-back")) {
      const [first] = links;
      return new SignalboxError("SB_COMMIT_REJECTED", `${laneId} rolled back ${tag} before it was confirmed`, {
        transient: true,
        advice: "The change is on none of the routers; it is tried again.",
        ...(first === undefined ? {} : { device: first.host }),
      });
    }
    const forward = await Promise.allSettled(
      links
        .filter((_, index) => standing(index) === "rolled-back" || standing(index) === "unknown")
        .map((link) => {
          logger.warn({ lane: laneId, device: link.host, tag }, "rolled back while the others confirmed; again");
          return this.#rollForward(link, jobs, tag);
        }),
    );
    const [failed] = [...rejections(answers), ...rejections(forward)];
    if (failed !== undefined) throw inDoubt(`the change ${tag} of ${laneId} is not confirmed everywhere`, failed);
    return undefined;
  }

  async #rollForward(link: RouterLink, jobs: readonly PendingJob[], tag: string): Promise<void> {
    const edits = jobs.flatMap(({ job }) => job.edits.filter((edit) => edit.address.host === link.host));
    await link.rollForward(
      tag,
      edits.map((edit) => edit.configuration),
    );
  }

  /** Addresses as they may go into the log: no password in the clear. */
  #sealedAddresses(): DeviceAddress[] {
    const { addresses, secrets } = this.#options;
    return [...addresses.values()].map((address) => {
      const { host, port, username, password } = address;
      const sealed = secrets.isSealed(password) ? password : secrets.seal(secrets.open(password), devicePlace(host));
      return { host, port, username, password: sealed };
    });
  }

  #reject(pending: PendingJob, error: SignalboxError): void {
    this.#options.rejected(error);
    const { code, message, device, statement } = error;
    const fields = { lane: this.#options.laneId, job: pending.job.id, code, device, statement };
    this.#options.logger.warn(fields, `job not applied: ${message}`);
    pending.reject(error);
  }

  #enter(phase: LanePhase): void {
    const now = this.#options.clock.monotonic();
    if (this.#phase !== "idle") {
      this.#durations[this.#phase] = (this.#durations[this.#phase] ?? 0) + now - this.#since;
    }
    this.#phase = phase;
    this.#since = now;
    this.#options.entered(phase);
  }
}

function halves<T>(list: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(list.length / 2);
  return [list.slice(0, middle), list.slice(middle)];
}
