import { JOURNAL_PREFIX, parseJournal } from "../devices/lane-journal.ts";
import type { DocumentStore, EventLog, Secrets, StoredRecord } from "../ports.ts";
import type { SealedCounts } from "./sealed-report.ts";

export interface Survey {
  readonly keys: ReadonlyMap<string, SealedCounts>;
  /** Subjects of the log whose last record is sealed with another key than the present one. */
  readonly stale: ReadonlySet<string>;
  /** Those of which older records are. */
  readonly staleHistory: ReadonlySet<string>;
}

interface Ports {
  readonly log: EventLog;
  readonly documents: DocumentStore;
  readonly secrets: Secrets;
}

const CHUNK = 500;

/** Reads the whole log and all documents, and counts what is sealed with which key. */
export async function surveySealed({ log, documents, secrets }: Ports): Promise<Survey> {
  const keys = new Map<string, { records: number; documents: number; history: number }>();
  const count = (ids: readonly string[], where: keyof SealedCounts) => {
    for (const id of ids) {
      const counts = keys.get(id) ?? { records: 0, documents: 0, history: 0 };
      counts[where] += 1;
      keys.set(id, counts);
    }
  };
  const isStale = (ids: readonly string[]) => ids.some((id) => id !== secrets.keyId);
  const lasts = new Map<string, readonly string[]>();
  const staleHistory = new Set<string>();
  const over = (subject: string, ids: readonly string[]) => {
    count(ids, "history");
    if (isStale(ids)) staleHistory.add(subject);
  };
  for await (const stored of log.read(1)) {
    const { subject } = stored;
    const ids = secrets.keysIn(JSON.stringify(stored.data));
    over(subject, lasts.get(subject) ?? []);
    if (isSettled(stored)) {
      lasts.delete(subject);
      over(subject, ids);
    } else lasts.set(subject, ids);
  }
  const stale = new Set<string>();
  for (const [subject, ids] of lasts) {
    count(ids, "records");
    if (isStale(ids)) stale.add(subject);
  }
  for (let after: string | undefined; ; ) {
    const found = await documents.range("/", { limit: CHUNK, ...(after === undefined ? {} : { after }) });
    for (const { value } of found) count(secrets.keysIn(JSON.stringify(value)), "documents");
    if (found.length < CHUNK) return { keys, stale, staleHistory };
    after = found.at(-1)?.key;
  }
}

/** A journal that says that nothing is pending is as good as none. */
function isSettled(stored: StoredRecord): boolean {
  return stored.subject.startsWith(JOURNAL_PREFIX) && parseJournal(stored).phase === "settled";
}
