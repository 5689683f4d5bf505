import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { shareOf } from "../cluster/shares.ts";
import { JOURNAL_PREFIX } from "../devices/lane-journal.ts";
import { OUTBOX_MARKS, PROJECTOR_POSITION } from "../log-identity/log-positions.ts";
import type { Clock, Logger } from "../ports.ts";
import { keyOf } from "../resource-index.ts";
import { RESOURCE_SUBJECTS, subjectOf } from "../resource-record.ts";
import { type Resealed, type ResealResourceOptions, resealResource } from "./reseal-resource.ts";
import type { Reseal, SealedReport } from "./sealed-report.ts";
import { type Survey, surveySealed } from "./sealed-survey.ts";
import { unplacedSeals } from "./unplaced-seals.ts";

export interface ResealingOptions extends ResealResourceOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly planner: { secretFields(type: string): readonly string[] };
}

/** How long is waited for documents and hand-outs to follow the log, milliseconds. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 20;

/**
 * Changes the key of all that is sealed while the system runs: each resource gets a record that says it anew, which everything follows as it
 * follows any other. Nothing is edited where it stands.
 */
export class Resealing {
  readonly #options: ResealingOptions;

  constructor(options: ResealingOptions) {
    this.#options = options;
  }

  /** Counts what is sealed with which key. With `change` it seals what it can with the present one first. */
  async report(change?: Reseal): Promise<SealedReport> {
    const { secrets, logger } = this.#options;
    const done = { resources: 0, secrets: 0, purged: 0, left: [] as string[] };
    if (change !== undefined) {
      const before = await surveySealed(this.#options);
      await this.#reseal(before, change, done);
    }
    const { keys } = await surveySealed(this.#options);
    const others = [...keys].filter(([id]) => id !== secrets.keyId);
    const isNeeded = ([, counts]: (typeof others)[number]) => counts.records + counts.documents > 0;
    const idsOf = (found: typeof others) => found.map(([id]) => id).sort();
    const report: SealedReport = {
      key: secrets.keyId,
      keys: Object.fromEntries(keys),
      needed: idsOf(others.filter(isNeeded)),
      inHistory: idsOf(others.filter((each) => !isNeeded(each))),
      resealed: { resources: done.resources, secrets: done.secrets },
      purged: done.purged,
      left: done.left,
    };
    if (change !== undefined) logger.info({ ...report, left: done.left.length }, "sealed secrets anew");
    return report;
  }

  async #reseal(
    { stale, staleHistory }: Survey,
    { purge }: Reseal,
    done: { resources: number; secrets: number; purged: number; left: string[] },
  ): Promise<void> {
    let upTo = 0;
    const unplaced = await unplacedSeals(this.#options, (type) => this.#options.planner.secretFields(type));
    const options = { ...this.#options, placeOf: unplaced.placeOf };
    for (const subject of new Set([...stale, ...unplaced.subjects, ...(purge ? staleHistory : [])])) {
      const ref = refOf(subject);
      if (ref === undefined) {
        if (stale.has(subject)) done.left.push(`${subject}: its commit is not over`);
        if (purge && staleHistory.has(subject)) done.purged += await this.#purgeJournal(subject);
        continue;
      }
      const resealed = await resealResource(options, ref);
      if (resealed === undefined) {
        done.left.push(`${keyOf(ref)}: it is being created, or changes all the time`);
        continue;
      }
      upTo = resealed.upTo;
      done.secrets += resealed.secrets;
      if (resealed.secrets > 0) done.resources += 1;
      if (!purge) continue;
      if (await this.#isFollowed(ref, resealed)) {
        await this.#options.log.purge(subjectOf(ref), resealed.from - 1);
        done.purged += resealed.records;
      } else done.left.push(`${keyOf(ref)}: its older records are not handed out or written to documents yet`);
    }
    await this.#until(async () => (await this.#position()) >= upTo);
  }

  /** Everybody who acts on what the records before say has done so. */
  #isFollowed(ref: ResourceRef, { upTo, lastOutbox }: Resealed): Promise<boolean> {
    const mark = `${OUTBOX_MARKS}${shareOf(keyOf(ref))}`;
    return this.#until(async () => (await this.#seqAt(mark)) >= lastOutbox && (await this.#position()) >= upTo);
  }

  /** Journals of commits that are over. One that begins meanwhile comes after what is taken away. */
  async #purgeJournal(subject: string): Promise<number> {
    const { log } = this.#options;
    const seqs: number[] = [];
    let isOver = false;
    for await (const { seq, data } of log.history(subject)) {
      isOver = (data as { phase?: unknown }).phase === "settled";
      if (isOver) seqs.push(seq);
    }
    const last = seqs.at(-1);
    if (!isOver || last === undefined) return 0;
    let records = 0;
    for await (const { seq } of log.history(subject)) if (seq <= last) records += 1;
    await log.purge(subject, last);
    return records;
  }

  #position(): Promise<number> {
    return this.#seqAt(PROJECTOR_POSITION);
  }

  async #seqAt(key: string): Promise<number> {
    const stored = await this.#options.documents.get(key);
    return (stored?.value as { seq: number } | undefined)?.seq ?? 0;
  }

  /** False: it has not come true in time. */
  async #until(condition: () => Promise<boolean>): Promise<boolean> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + PATIENCE_MS;
    while (!(await condition())) {
      if (clock.monotonic() >= deadline) return false;
      await clock.sleep(LOOK_MS);
    }
    return true;
  }
}

/** Undefined: the journal of a lane. */
function refOf(subject: string): ResourceRef | undefined {
  if (subject.startsWith(JOURNAL_PREFIX)) return undefined;
  const name = subject.slice(RESOURCE_SUBJECTS.length);
  const dot = name.indexOf(".");
  return { type: name.slice(0, dot), id: name.slice(dot + 1) };
}
