import { setImmediate as othersFirst } from "node:timers/promises";
import { SignalboxError } from "../../errors.ts";
import { tenantKey } from "../access/caller.ts";
import { PROJECTOR_POSITION } from "../log-identity/log-positions.ts";
import type { Clock, DocumentStore, DocumentWrite, StoredDocument, StoredRecord } from "../ports.ts";
import type { StoredPosition } from "../projector-position.ts";
import type { IndexListener } from "../resource-index.ts";
import { type AuditHead, type AuditLink, EMPTY_CHAIN } from "./audit-chain.ts";
import { entryOf } from "./audit-entry.ts";
import { BY_TIME, isPlace, placeBefore, resourceKey, resourcePrefix, SWEPT } from "./audit-keys.ts";
import { parseAuditRecord } from "./audit-record.ts";
import type { AuditPage, AuditQuery, AuditView } from "./audit-view.ts";
import type { AuditExport, ExportedEntry } from "./verify-audit.ts";

const DEFAULT_LIMIT = 100;
const MOST_ENTRIES = 1_000;
/** Entries that are read at once. */
const CHUNK = 200;
/** Entries that are looked at for one page: with a filter that fits few there may be fewer on it than asked for. */
const MOST_LOOKED_AT = 10_000;
/** How long an answer waits for the documents of a write that this process has seen committed, milliseconds. */
const PATIENCE_MS = 2_000;
const LOOK_MS = 10;

interface Placed {
  readonly place: string;
  readonly entry: AuditView;
}

/** Reads who did what. An entry that this process has seen committed is waited for: who has just written finds it. */
export class AuditTrail {
  readonly #documents: DocumentStore;
  readonly #clock: Clock;
  /** Key of the last entry in the log that may not be a document yet; those before it are when it is. */
  #newest: { readonly key: string; readonly readAt: number } | undefined;

  constructor({ documents, clock }: { documents: DocumentStore; clock: Clock }) {
    this.#documents = documents;
    this.#clock = clock;
  }

  /** Takes in what the index reads. */
  readonly note: IndexListener = ({ record }) => {
    this.#note(record.documents);
  };

  /** The same for what is no record of a resource. */
  noteOther(stored: StoredRecord): void {
    this.#note(parseAuditRecord(stored)?.documents ?? []);
  }

  #note(documents: readonly DocumentWrite[]): void {
    const write = documents.findLast(({ key }) => key.startsWith(BY_TIME));
    if (write !== undefined) this.#newest = { key: write.key, readAt: this.#clock.monotonic() };
  }

  /**
   * A page of what fits the query, the newest first.
   * @throws SB_MALFORMED_REQUEST when `after` or `limit` is none
   */
  async read(query: AuditQuery): Promise<AuditPage> {
    const { limit = DEFAULT_LIMIT, after } = query;
    if (limit < 1 || limit > MOST_ENTRIES) throw malformed(`"limit" must be from 1 to ${MOST_ENTRIES}`);
    if (after !== undefined && !isPlace(after)) throw malformed('"after" is no "next" of another page');
    await this.#caughtUp();
    const entries: AuditView[] = [];
    let last: string | undefined;
    let lookedAt = 0;
    for await (const { place, entry } of this.#placed(query)) {
      if (entries.length === limit || lookedAt === MOST_LOOKED_AT) return { entries, next: last ?? null };
      last = place;
      lookedAt += 1;
      if (fits(query, entry)) entries.push(entry);
    }
    return { entries, next: null };
  }

  /** All entries, the newest first, with what is needed to check that they are all and as they were written. */
  async export(): Promise<AuditExport> {
    await this.#caughtUp();
    // First the head: what is written later is beyond it.
    const [position, swept] = await Promise.all([this.#documents.get(PROJECTOR_POSITION), this.#documents.get(SWEPT)]);
    const { audit: head = EMPTY_CHAIN } = (position?.value ?? {}) as Partial<StoredPosition>;
    const { index: sweptTo = 0 } = (swept?.value ?? {}) as { index?: number };
    return { begin: { head, sweptTo }, entries: this.#exported(head) };
  }

  async *#exported(head: AuditHead): AsyncGenerator<ExportedEntry> {
    for await (const found of this.#ranges(BY_TIME, undefined)) {
      for (const { key, value } of found) {
        const { chain = null, ...content } = value as unknown as { readonly chain?: AuditLink | null };
        if (chain !== null && chain.index > head.index) continue;
        yield { place: key.slice(BY_TIME.length), ...content, chain };
      }
    }
  }

  /** From where the query begins to where it ends in time. */
  async *#placed(query: AuditQuery): AsyncGenerator<Placed> {
    const { resource, since = 0 } = query;
    const from = query.after ?? (query.until === undefined ? undefined : placeBefore(query.until));
    const chunks = resource === undefined ? this.#byTime(from) : this.#ofResource(resource, query.after);
    for await (const chunk of chunks) {
      for (const placed of chunk) {
        // In the order of a resource's records the times of different processes may cross.
        if (placed.entry.time >= since) yield placed;
        else if (resource === undefined) return;
      }
    }
  }

  async *#byTime(from: string | undefined): AsyncGenerator<Placed[]> {
    for await (const found of this.#ranges(BY_TIME, from === undefined ? undefined : `${BY_TIME}${from}`)) {
      yield found.map((document) => ({ place: document.key.slice(BY_TIME.length), entry: entryOf(document) }));
    }
  }

  async *#ofResource(resource: { type: string; id: string }, after: string | undefined): AsyncGenerator<Placed[]> {
    const from = after === undefined ? undefined : resourceKey(resource, after);
    for await (const found of this.#ranges(resourcePrefix(resource), from)) {
      const placed = found.map(async ({ value }): Promise<Placed[]> => {
        const place = String(value);
        const document = await this.#documents.get(`${BY_TIME}${place}`);
        return document === undefined ? [] : [{ place, entry: entryOf(document) }];
      });
      yield (await Promise.all(placed)).flat();
    }
  }

  async *#ranges(prefix: string, from: string | undefined): AsyncGenerator<StoredDocument[]> {
    for (let after = from; ; ) {
      const found = await this.#documents.range(prefix, { limit: CHUNK, ...(after === undefined ? {} : { after }) });
      if (found.length > 0) yield found;
      if (found.length < CHUNK) return;
      after = found.at(-1)?.key;
      // Whoever finds nothing that is for him goes through all there is.
      await othersFirst();
    }
  }

  async #caughtUp(): Promise<void> {
    const newest = this.#newest;
    if (newest === undefined) return;
    const deadline = newest.readAt + PATIENCE_MS;
    while ((await this.#documents.get(newest.key)) === undefined) {
      // Documents that cannot be written now are no reason to tell nothing.
      if (this.#clock.monotonic() >= deadline) return;
      await this.#clock.sleep(LOOK_MS);
    }
    if (this.#newest === newest) this.#newest = undefined;
  }
}

function fits(query: AuditQuery, entry: AuditView): boolean {
  const { tenant, type, who, action, outcome, until = Number.POSITIVE_INFINITY, visible = () => true } = query;
  return (
    (tenant === undefined || tenantKey(entry.tenant) === tenantKey(tenant)) &&
    (type === undefined || entry.type === type) &&
    (who === undefined || entry.by?.name === who) &&
    (action === undefined || entry.action === action) &&
    (outcome === undefined || entry.outcome === outcome) &&
    entry.time <= until &&
    visible(entry)
  );
}

function malformed(message: string): SignalboxError {
  return new SignalboxError("SB_MALFORMED_REQUEST", message);
}
