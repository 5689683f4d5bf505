import { asSignalboxError, type ErrorCode } from "../../errors.ts";
import type { Caller } from "../access/caller.ts";
import type { Clock, EventLog, Json, Logger, Random } from "../ports.ts";
import { callerOf, entryDocument, type UnlinkedEntry } from "./audit-entry.ts";
import { placeOfFirst } from "./audit-keys.ts";
import { AUDIT_SUBJECTS, type AuditRecord } from "./audit-record.ts";
import type { AuditAction } from "./audit-view.ts";

/** Who asked, as far as it is known; `role` is null where no token told it. */
export type AuditedCaller = Omit<Caller, "role"> & { readonly role: Caller["role"] | null };

/** A request that makes no record of a resource. */
export interface JournalledRequest {
  readonly action: AuditAction;
  readonly by: AuditedCaller;
  readonly type?: string;
  readonly id?: string;
  /** What else it is about: a prefix of documents, a path. */
  readonly target?: string;
}

export interface AuditJournalOptions {
  readonly log: Pick<EventLog, "append">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How long entries are gathered before they are written, milliseconds. */
const FLUSH_MS = 1_000;
/** Requests that are alike within this time are one entry with a count, milliseconds. */
const WINDOW_MS = 60_000;
/** Different requests of one window that get entries of their own: a flood from many addresses does not fill the log. */
const MAX_DIFFERENT = 1_000;
/** Texts of a client that stand in an entry, characters. */
const MAX_TEXT = 200;
/** Entries of one record. */
const PER_RECORD = 40;

interface Gathered {
  /** The first one; `count` is how many more there were since the last entry was written. */
  readonly entry: UnlinkedEntry;
  count: number;
}

/** Where requests that make no record of a resource are kept. */
export interface RequestJournal {
  /** Takes in a request that was refused. */
  refused(request: JournalledRequest, error: ErrorCode): void;
  /** Takes in what was read. */
  read(request: JournalledRequest): void;
  /**
   * Keeps what is about to be done. Resolves when that is committed.
   * @throws what the log throws: it must not be done then
   */
  act(request: JournalledRequest): Promise<void>;
}

/**
 * Keeps what no record of a resource tells: refused requests and what operators read, gathered and counted, and what operators do beside
 * resources, before it is done. Records go to subjects of their own in the log; the projector makes documents of them.
 *
 * What is gathered is lost when the process is killed within `FLUSH_MS`, and counts of repetitions within `WINDOW_MS`.
 */
export class AuditJournal implements RequestJournal {
  readonly #options: AuditJournalOptions;
  /** By what makes requests alike. */
  #gathered = new Map<string, Gathered>();
  #toWrite: UnlinkedEntry[] = [];
  #cancelFlush: (() => void) | undefined;
  #cancelWindow: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failing = false;
  #stopped = false;

  constructor(options: AuditJournalOptions) {
    this.#options = options;
  }

  refused(request: JournalledRequest, error: ErrorCode): void {
    this.#gather(this.#entry(request, error));
  }

  read(request: JournalledRequest): void {
    this.#gather(this.#entry(request, null));
  }

  async act(request: JournalledRequest): Promise<void> {
    await this.#append([this.#entry(request, null)]);
  }

  /** Writes what is gathered and takes in no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#closeWindow();
    await this.#flush();
  }

  #gather(entry: UnlinkedEntry): void {
    if (this.#stopped) return;
    const key = likeness(entry);
    const known = this.#gathered.get(key);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    if (this.#gathered.size >= MAX_DIFFERENT) {
      this.#gatherOthers(entry);
      return;
    }
    this.#gathered.set(key, { entry, count: 0 });
    this.#write(entry);
  }

  /** One entry for all the rest of the window that ended alike, without who and what it was. */
  #gatherOthers(entry: UnlinkedEntry): void {
    const { time, action, outcome, error } = entry;
    const others: UnlinkedEntry = {
      ...entry,
      time,
      name: "",
      type: null,
      id: null,
      target: null,
      tenant: null,
      by: null,
    };
    const key = JSON.stringify([action, outcome, error]);
    const known = this.#gathered.get(key);
    if (known === undefined) this.#gathered.set(key, { entry: others, count: 1 });
    else known.count += 1;
  }

  #write(entry: UnlinkedEntry): void {
    const { clock } = this.#options;
    this.#toWrite.push(entry);
    this.#cancelFlush ??= clock.after(FLUSH_MS, () => void this.#flush());
    this.#cancelWindow ??= clock.after(WINDOW_MS, () => {
      this.#closeWindow();
      void this.#flush();
    });
  }

  /** The counts of the window become entries; the next request of each kind has one of its own again. */
  #closeWindow(): void {
    this.#cancelWindow?.();
    this.#cancelWindow = undefined;
    const time = this.#options.clock.now();
    for (const { entry, count } of this.#gathered.values()) {
      if (count > 0) this.#toWrite.push({ ...entry, time, count });
    }
    this.#gathered = new Map();
  }

  #flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#writing = this.#writing.then(() => this.#writeAll());
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    const { clock, logger } = this.#options;
    while (this.#toWrite.length > 0) {
      const entries = this.#toWrite.slice(0, PER_RECORD);
      try {
        await this.#append(entries);
      } catch (thrown) {
        const { code, message } = asSignalboxError(thrown);
        if (!this.#failing) logger.error({ code, error: message }, "the audit cannot be written; trying again");
        this.#failing = true;
        const lost = Math.max(0, this.#toWrite.length - MAX_DIFFERENT);
        if (lost > 0) {
          this.#toWrite.splice(0, lost);
          logger.warn({ entries: lost }, "entries of the audit were dropped: the log has taken none for long");
        }
        if (this.#stopped) return;
        this.#cancelFlush ??= clock.after(WINDOW_MS / 6, () => void this.#flush());
        return;
      }
      this.#toWrite.splice(0, entries.length);
      if (this.#failing) logger.info({}, "the audit is written again");
      this.#failing = false;
    }
  }

  async #append(entries: readonly UnlinkedEntry[]): Promise<void> {
    const { log, random } = this.#options;
    const id = random.uuid();
    const documents = entries.map((entry, at) => entryDocument(placeOfFirst(entry.time, `${id}/${at}`), entry));
    const record: AuditRecord = { v: 1, documents };
    await log.append(`${AUDIT_SUBJECTS}${id}`, record as unknown as Json, { expectedSeq: 0, messageId: id });
  }

  #entry({ action, by, type, id, target }: JournalledRequest, error: ErrorCode | null): UnlinkedEntry {
    return {
      time: this.#options.clock.now(),
      action,
      outcome: error === null ? "accepted" : "refused",
      error,
      count: 1,
      type: type === undefined ? null : bounded(type),
      id: id === undefined ? null : bounded(id),
      name: "",
      target: target === undefined ? null : bounded(target),
      tenant: by.tenant ?? null,
      shared: false,
      version: null,
      by: callerOf(by),
      changes: {},
    };
  }
}

/** Equal for requests of one caller that differ in time and request id only. */
function likeness({ action, error, type, id, target, by }: UnlinkedEntry): string {
  return JSON.stringify([action, error, type, id, target, by?.name, by?.tenant, by?.from, by?.via]);
}

function bounded(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}...`;
}
