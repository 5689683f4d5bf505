import type { EventLog } from "../ports.ts";
import { requireWithin } from "../require-within.ts";
import { parseRecord, type ResourceRecord, subjectOf } from "../resource-record.ts";
import { rowOfRecord } from "./fleet-row.ts";
import type { FeedPosition, FleetEvent, ReadAccess } from "./inspection-api.ts";

/** After so many records that were not told, the reader is told how far the feed has come. */
const SILENT_RECORDS = 500;

/** What is only proposed may be refused: it is told of once it is accepted. */
function isNews({ before, after }: ResourceRecord): boolean {
  return after !== "proposed" && !(before === "proposed" && after === "deleted");
}

/**
 * Committed transitions from a position of the log on, in order and without a gap, live until aborted. Who resumes after the last position
 * that it was told misses nothing.
 */
export async function* fleetFeed(
  log: EventLog,
  access: ReadAccess,
  options: {
    readonly from: number;
    readonly of?: { readonly type: string; readonly id: string };
    readonly signal: AbortSignal;
    readonly mask: (text: string) => string;
  },
): AsyncIterable<FleetEvent | FeedPosition> {
  const { from, of, signal, mask } = options;
  const subject = of === undefined ? undefined : subjectOf(of);
  await requireWithin(log, from);
  let silent = 0;
  for await (const stored of log.read(from, { follow: true, signal })) {
    const record = subject !== undefined && stored.subject !== subject ? undefined : parseRecord(stored);
    const row = record && isNews(record) ? rowOfRecord(stored, record, mask) : undefined;
    const { type = "", body = {} } = record?.snapshot.context ?? {};
    if (record === undefined || row === undefined || !access.mayRead(type, body)) {
      silent += 1;
      if (silent < SILENT_RECORDS) continue;
      silent = 0;
      yield { kind: "position", seq: stored.seq };
      continue;
    }
    silent = 0;
    const after = record.snapshot.value.lifecycle;
    yield {
      kind: "transition",
      seq: stored.seq,
      time: stored.time,
      event: record.event,
      before: record.before as FleetEvent["before"],
      after,
      deleted: after === "deleted" || after === "absent",
      row,
    };
  }
}
