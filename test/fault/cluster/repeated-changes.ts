import { JOURNAL_PREFIX, parseJournal } from "../../../src/actors/devices/lane-journal.ts";
import type { StoredRecord } from "../../../src/actors/ports.ts";
import type { LedgerEntry } from "../../../src/lab/junos/commit-ledger.ts";
import type { RouterOutcome } from "../lab-pages.ts";

/** The jobs of each transaction by its tag, as the journals of the lanes have them. */
export function jobsByTag(records: readonly StoredRecord[]): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const record of records) {
    if (!record.subject.startsWith(JOURNAL_PREFIX)) continue;
    const { tag, jobs } = parseJournal(record);
    found.set(tag, jobs);
  }
  return found;
}

/**
 * Changes that a job has made on a router twice: two of its transactions have set, or deleted, the same line there, and
 * neither was taken back. A job that a worker does again after another one died changes nothing more.
 */
export function changesMadeTwice(
  routers: ReadonlyArray<Pick<RouterOutcome, "name" | "ledger">>,
  jobs: ReadonlyMap<string, readonly string[]>,
): string[] {
  return routers.flatMap(({ name, ledger }) => {
    const madeBy = new Map<string, string>();
    return standing(ledger).flatMap(({ log, lines }) =>
      (jobs.get(tagOf(log)) ?? []).flatMap((job) =>
        lines.flatMap((line) => {
          const change = `${job} ${line}`;
          const before = madeBy.get(change);
          madeBy.set(change, log);
          return before === undefined ? [] : [`${name}: ${before} and ${log}, for ${job}: ${line}`];
        }),
      ),
    );
  });
}

/** Jobs whose transaction was carried out on a router once more. */
export function jobsDoneAgain(
  routers: ReadonlyArray<Pick<RouterOutcome, "name" | "ledger">>,
  jobs: ReadonlyMap<string, readonly string[]>,
): number {
  const again = new Set<string>();
  for (const { ledger } of routers) {
    const tagsOf = new Map<string, Set<string>>();
    for (const { log } of ledger) {
      const tag = tagOf(log);
      for (const job of jobs.get(tag) ?? []) {
        const tags = tagsOf.get(job) ?? new Set<string>();
        tagsOf.set(job, tags.add(tag));
        if (tags.size > 1) again.add(job);
      }
    }
  }
  return again.size;
}

/** The commits that were not taken back, by whoever. */
function standing(ledger: readonly LedgerEntry[]): LedgerEntry[] {
  const kept: LedgerEntry[] = [];
  for (const entry of ledger) {
    if (entry.automatic) kept.pop();
    else if (entry.log.endsWith(" revert")) {
      const at = kept.findLastIndex(({ log }) => log === tagOf(entry.log));
      if (at >= 0) kept.splice(at, 1);
    } else kept.push(entry);
  }
  return kept;
}

/** `sb-...`, `sb-... confirm` and `sb-... revert` are of one transaction. */
function tagOf(log: string): string {
  return log.split(" ", 1)[0] ?? "";
}
