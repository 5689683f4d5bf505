import { JOURNAL_PREFIX, type JournalRecord, laneIdOf, parseJournal } from "../devices/lane-journal.ts";
import type { EventLog, StoredRecord } from "../ports.ts";
import type { CommitView } from "./inspection-api.ts";

/** A commit as the journal tells it, with the ids of its jobs. */
export type JournalCommit = Omit<CommitView, "jobs"> & { readonly jobs: readonly string[] };

interface Kept {
  commits: JournalCommit[];
  readonly hosts: readonly string[];
}

/** Commits of a lane that are kept. */
const KEPT = 30;

/** The last commits of every lane, of all processes, from their journals in the log. */
export class CommitJournal {
  readonly #lanes = new Map<string, Kept>();
  /** By subject: up to where its records were taken in. */
  readonly #seen = new Map<string, number>();
  /** What came while the past was read; undefined afterwards. */
  #early: StoredRecord[] | undefined = [];

  /** Reads how each lane was left, and the commits before that. */
  async load(log: EventLog): Promise<void> {
    const subjects: string[] = [];
    for await (const stored of log.lastOfEach(JOURNAL_PREFIX)) subjects.push(stored.subject);
    for (const subject of subjects) {
      const records: StoredRecord[] = [];
      for await (const stored of log.history(subject)) {
        records.push(stored);
        // A commit takes three records at most.
        if (records.length > KEPT * 3) records.shift();
      }
      for (const stored of records) this.#take(stored);
    }
    for (const stored of this.#early ?? []) this.#take(stored);
    this.#early = undefined;
  }

  /** Takes in a record of the log; those that are no journal's are nothing to it. */
  observe(stored: StoredRecord): void {
    if (!stored.subject.startsWith(JOURNAL_PREFIX)) return;
    if (this.#early !== undefined) this.#early.push(stored);
    else this.#take(stored);
  }

  #take(stored: StoredRecord): void {
    if ((this.#seen.get(stored.subject) ?? 0) >= stored.seq) return;
    this.#seen.set(stored.subject, stored.seq);
    const record = parseJournal(stored);
    const hosts = record.devices.map(({ host }) => host).sort();
    const id = laneIdOf(hosts);
    const kept = this.#lanes.get(id) ?? { commits: [], hosts };
    this.#lanes.set(id, kept);
    const at = kept.commits.findIndex(({ tag }) => tag === record.tag);
    const before = kept.commits[at];
    const next = commitAfter(before, record);
    if (before === undefined) kept.commits = [...kept.commits, next].slice(-KEPT);
    else kept.commits[at] = next;
  }

  /** Newest first. */
  of(host: string): JournalCommit[] {
    return [...this.#lanes.values()]
      .filter(({ hosts }) => hosts.includes(host))
      .flatMap(({ commits }) => commits)
      .sort((a, b) => b.time - a.time)
      .slice(0, KEPT);
  }

  /** All devices that were ever committed to. */
  hosts(): Set<string> {
    return new Set([...this.#lanes.values()].flatMap(({ hosts }) => hosts));
  }
}

function commitAfter(before: JournalCommit | undefined, { phase, tag, time, jobs }: JournalRecord): JournalCommit {
  const start = before?.time ?? time;
  if (phase !== "settled") return { time: start, tag, jobs, outcome: phase, durationMs: null };
  // Told twice when it was settled again by a process that did not know.
  if (before !== undefined && before.durationMs !== null) return before;
  const outcome = before?.outcome === "committing" ? "taken_back" : "confirmed";
  return { time: start, tag, jobs, outcome, durationMs: Math.max(0, time - start) };
}
