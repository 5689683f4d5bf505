import type { DocumentStore, Json } from "../ports.ts";

/** Names the log that the documents were written from. */
export const LOG_DOCUMENT = "/signalbox/log";
/** Up to where the log is written to the documents. */
export const PROJECTOR_POSITION = "/signalbox/projector";
/** Up to where the records of a share are handed out: the number of the share follows. */
export const OUTBOX_MARKS = "/signalbox/outbox/";

/** What a document says of the log that it was derived from. */
export interface LogPosition {
  /** Key of the document. */
  readonly key: string;
  /** Identity of the log; undefined when an earlier version of the program wrote the document. */
  readonly log: string | undefined;
  /** Position in that log. */
  readonly seq: number;
}

/** All positions in the log that the document store holds; none when nothing was ever written from a log. */
export async function readLogPositions(documents: Pick<DocumentStore, "get" | "range">): Promise<LogPosition[]> {
  const [log, projector, marks] = await Promise.all([
    documents.get(LOG_DOCUMENT),
    documents.get(PROJECTOR_POSITION),
    documents.range(OUTBOX_MARKS),
  ]);
  return [log, projector, ...marks].flatMap((found) =>
    found === undefined ? [] : [{ key: found.key, ...positionOf(found.value) }],
  );
}

function positionOf(value: Json): Pick<LogPosition, "log" | "seq"> {
  const { log, seq } = value as { log?: unknown; seq?: unknown };
  return { log: typeof log === "string" ? log : undefined, seq: typeof seq === "number" ? seq : 0 };
}
