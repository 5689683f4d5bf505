import { createHash } from "node:crypto";
import { SignalboxError } from "../../errors.ts";
import type { Clock, EventLog, Json, Random, StoredRecord } from "../ports.ts";
import type { DeviceAddress } from "./lane-job.ts";

/**
 * - `committing`: commits with confirmation pending may be on some of the routers; none is confirmed. To be taken back.
 * - `confirming`: all routers have committed; some may be confirmed. To be confirmed.
 * - `settled`: nothing is pending.
 */
export type JournalPhase = "committing" | "confirming" | "settled";

/** What a transaction writes down before it does what a crash could leave half done. */
export interface JournalRecord {
  readonly v: 1;
  readonly phase: JournalPhase;
  /** The commit's tag on the routers. */
  readonly tag: string;
  /** Passwords are sealed. */
  readonly devices: readonly DeviceAddress[];
  /** Ids of the jobs. */
  readonly jobs: readonly string[];
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The process that wrote it; "" when it was the only one. */
  readonly by: string;
}

export const JOURNAL_PREFIX = "lane.";

/** A lane is the set of its hosts, sorted. */
export function laneIdOf(hosts: readonly string[]): string {
  return hosts.join(",");
}

/** The subject of a lane's journal: hosts are no tokens of a subject, their digest is. */
export function journalSubject(laneId: string): string {
  return `${JOURNAL_PREFIX}${createHash("sha256").update(laneId).digest("hex").slice(0, 32)}`;
}

/** @throws SB_DATA_VERSION when another version of the program wrote the record */
export function parseJournal(stored: StoredRecord): JournalRecord {
  const { data } = stored;
  if (typeof data !== "object" || data === null || !("v" in data) || data.v !== 1) {
    throw new SignalboxError("SB_DATA_VERSION", `record ${stored.seq} of ${stored.subject} is of an unknown version`);
  }
  return data as unknown as JournalRecord;
}

export interface JournalOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly random: Random;
  /** Of this process. */
  readonly name: string;
}

/** The journal of one lane. Each append expects to follow the last record that was read or written here. */
export class LaneJournal {
  readonly #options: JournalOptions;
  readonly #subject: string;
  #seq = 0;

  constructor(laneId: string, options: JournalOptions) {
    this.#options = options;
    this.#subject = journalSubject(laneId);
  }

  /** The last record as the log has it now. */
  async load(): Promise<JournalRecord | undefined> {
    const stored = await this.#options.log.last(this.#subject);
    this.#seq = stored?.seq ?? 0;
    return stored === undefined ? undefined : parseJournal(stored);
  }

  /** @throws SB_SEQUENCE_CONFLICT when another worker has written since */
  async append(entry: Omit<JournalRecord, "v" | "time" | "by">): Promise<void> {
    const { log, clock, random, name } = this.#options;
    const record: JournalRecord = { v: 1, ...entry, time: clock.now(), by: name };
    const { seq } = await log.append(this.#subject, record as unknown as Json, {
      expectedSeq: this.#seq,
      messageId: random.uuid(),
    });
    this.#seq = seq;
  }
}
