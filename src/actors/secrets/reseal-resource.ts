import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { documentKeys } from "../../machines/resource/resource-documents.ts";
import type { ResourceContext, ResourceEvent } from "../../machines/resource/resource-types.ts";
import type { ResourceCommands } from "../callers-host.ts";
import type { DocumentStore, DocumentWrite, EventLog, Secrets } from "../ports.ts";
import { parseRecord, type ResourceRecord, subjectOf } from "../resource-record.ts";

export interface ResealResourceOptions {
  readonly log: EventLog;
  readonly documents: DocumentStore;
  readonly secrets: Secrets;
  readonly host: ResourceCommands;
  /** What a seal of before version 3 was made for; undefined when that is not known. */
  readonly placeOf?: (token: string) => string | undefined;
}

/** A resource whose records before `from` are needed no more once what is said here has come to pass. */
export interface Resealed {
  /** Positions of the first and the last record that say it anew. */
  readonly from: number;
  readonly upTo: number;
  /** How many different values were sealed anew. */
  readonly secrets: number;
  /** Records before, and the last one of them that asks for something to be handed out. */
  readonly records: number;
  readonly lastOutbox: number;
}

const MOST_TRIES = 50;
/** Text of the documents in one record: a message of NATS has 1 MiB, and the snapshot is in it too. */
const MOST_TEXT = 256 * 1024;

/**
 * Says anew all that a resource is, with its secrets sealed with the present key: records with the snapshot and with every document that it
 * has. Undefined: it has no fields yet, or it changed all the time.
 */
export async function resealResource(options: ResealResourceOptions, ref: ResourceRef): Promise<Resealed | undefined> {
  for (let attempt = 1; attempt <= MOST_TRIES; attempt += 1) {
    const found = await read(options, ref);
    if (found === undefined) return undefined;
    const { seq, tokens, parts, records, lastOutbox } = found;
    let from = 0;
    let upTo = seq;
    for (const documents of parts) {
      const event: ResourceEvent = { type: "RESEAL", tokens, documents };
      let isNext = false;
      const committed = await options.host.command(ref, (_, at) => {
        isNext = at === upTo;
        return isNext ? event : undefined;
      });
      if (!isNext) break;
      from ||= committed.seq;
      upTo = committed.seq;
      if (documents === parts.at(-1)) return { from, upTo, secrets: Object.keys(tokens).length, records, lastOutbox };
    }
  }
  return undefined;
}

async function read({ log, documents, secrets, placeOf }: ResealResourceOptions, ref: ResourceRef) {
  const written = new Map<string, DocumentWrite["value"]>();
  let last: { seq: number; record: ResourceRecord } | undefined;
  let records = 0;
  let lastOutbox = 0;
  for await (const stored of log.history(subjectOf(ref))) {
    const record = parseRecord(stored);
    if (record === undefined) continue;
    for (const { key, value } of record.documents) written.set(key, value);
    if (record.outbox.length > 0) lastOutbox = stored.seq;
    last = { seq: stored.seq, record };
    records += 1;
  }
  if (last === undefined || last.record.snapshot.context.version === 0) return undefined;
  const { context } = last.record.snapshot;
  const present = await presentDocuments(documents, context, written);
  const tokens = Object.fromEntries(secrets.renewed(JSON.stringify([context, present]), placeOf));
  return { seq: last.seq, tokens, parts: inParts(present), records, lastOutbox };
}

/** What the log has written, and what was written before the first record that it still has: that is unchanged since. */
async function presentDocuments(
  documents: DocumentStore,
  context: ResourceContext,
  written: ReadonlyMap<string, DocumentWrite["value"]>,
): Promise<DocumentWrite[]> {
  const all = new Map(written);
  for (const key of documentKeys(context, context.jobs)) {
    if (!all.has(key)) all.set(key, (await documents.get(key))?.value ?? null);
  }
  const present = [...all].flatMap(([key, value]) => (value === null ? [] : [{ key, value }]));
  // One write at least, so that it can be seen how far the documents are. To delete what is not there changes nothing.
  return present.length > 0
    ? present
    : documentKeys(context, [])
        .slice(0, 1)
        .map((key) => ({ key, value: null }));
}

function inParts(documents: readonly DocumentWrite[]): DocumentWrite[][] {
  const parts: DocumentWrite[][] = [];
  let text = 0;
  for (const document of documents) {
    const size = JSON.stringify(document).length;
    const part = parts.at(-1);
    if (part === undefined || text + size > MOST_TEXT) {
      parts.push([document]);
      text = size;
    } else {
      part.push(document);
      text += size;
    }
  }
  return parts;
}
