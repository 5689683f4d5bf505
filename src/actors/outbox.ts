import { setMaxListeners } from "node:events";
import type { ResourceRef } from "../catalogue/resource-view.ts";
import type { ResourceEvent } from "../machines/resource/resource-types.ts";
import { backoffMs, STORE_BACKOFF } from "../outages/backoff.ts";
import { RepeatedFailures } from "../outages/repeated-failures.ts";
import type { Membership } from "./cluster/membership.ts";
import { SHARES, shareOf } from "./cluster/shares.ts";
import { OUTBOX_MARKS } from "./log-identity/log-positions.ts";
import type { Clock, DocumentStore, EventLog, Logger, StoredRecord } from "./ports.ts";
import { type IndexEntry, keyOf, type ResourceIndex } from "./resource-index.ts";
import { type OutboxItem, parseRecord } from "./resource-record.ts";

export interface OutboxOptions {
  readonly log: EventLog;
  readonly documents: DocumentStore;
  readonly index: ResourceIndex;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Identity of the log; it stands beside each mark. */
  readonly identity?: () => string | undefined;
  /** Carries a command to the resource it is for; a repeated one does nothing. */
  readonly command: (to: ResourceRef, event: ResourceEvent, messageId: string) => Promise<void>;
  /** Puts a job into its queue; one that is there, or is done, does nothing. */
  readonly offer: (item: Extract<OutboxItem, { kind: "offer" }>) => Promise<void>;
}

/** What a record asks for and is not handed out yet. */
interface Parcel {
  readonly seq: number;
  readonly items: OutboxItem[];
}

interface Share {
  /** This process hands out what belongs to it. */
  owned: boolean;
  /** What was committed before it was owned is being read. */
  catchingUp: boolean;
  /** Grows each time that it is gained, so that a late catching-up of an earlier time ends. */
  term: number;
  /** Positions of the records in hand. */
  readonly inHand: Set<number>;
  /** All records up to here are handed out, as it is stored. */
  saved: number;
  /** Something was handed out since. */
  moved: boolean;
}

const SAVE_MS = 1_000;
/** A mark that nothing has moved is moved all the same after so many records, so that whoever takes over has little to read. */
const STALE_RECORDS = 1_000;
/** How long nothing may be heard of a job before it is offered once more, milliseconds: at least this, at most twice as long. */
const UNHEARD_MS = 60_000;

/**
 * Hands out what committed records ask for: commands to other resources and jobs. Each share of the resources is looked after by one process,
 * which keeps a mark in the document store: all records up to it are handed out. Whoever takes a share over begins at its mark, so a record's
 * items are handed out at least once whatever crashes, in the order of the resource's records, and every receiver knows repeated ones.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #shares: Share[];
  /** By key of the resource, oldest first. */
  readonly #parcels = new Map<string, Parcel[]>();
  readonly #deliveries = new Map<string, Promise<void>>();
  readonly #drainedListeners = new Set<(ref: ResourceRef) => void>();
  readonly #caughtUpListeners = new Set<(shares: ReadonlySet<number>) => void>();
  readonly #unsubscribe: Array<() => void> = [];
  readonly #catchUps = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #cancelSave = () => {};
  #cancelLook = () => {};
  #saving: Promise<void> = Promise.resolve();

  readonly #failures: Readonly<Record<"shares" | "offers" | "deliveries" | "marks", RepeatedFailures>>;

  constructor(options: OutboxOptions) {
    this.#options = options;
    const { logger } = options;
    this.#failures = {
      shares: new RepeatedFailures({ logger, failed: "shares cannot be taken up yet; trying again" }),
      offers: new RepeatedFailures({ logger, failed: "jobs were not offered again; trying again" }),
      deliveries: new RepeatedFailures({ logger, failed: "hand-out failed; trying again" }),
      marks: new RepeatedFailures({ logger, failed: "marks were not stored; trying again" }),
    };
    // Every delivery that waits listens to it.
    setMaxListeners(0, this.#stopping.signal);
    this.#shares = Array.from({ length: SHARES }, () => ({
      owned: false,
      catchingUp: false,
      term: 0,
      inHand: new Set<number>(),
      saved: 0,
      moved: false,
    }));
  }

  /** Takes up what is this process's to hand out. The index has started. */
  start(): void {
    const { index, membership } = this.#options;
    this.#unsubscribe.push(
      index.onChange(({ stored }) => this.#take(stored)),
      membership.onChange(() => this.#ownershipChanged()),
    );
    this.#ownershipChanged();
    this.#saveLater();
    this.#lookLater(index.seen);
  }

  /** Ends with what is in hand; the rest is whoever's the share is next. */
  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#stopping.abort();
    this.#cancelSave();
    this.#cancelLook();
    await Promise.allSettled([...this.#catchUps, ...this.#deliveries.values()]);
    await this.#saving;
    await this.#save(true).catch(() => {});
  }

  /** True while something that the resource has asked for is not handed out, or may not be. */
  isHandingOut(ref: ResourceRef): boolean {
    const key = keyOf(ref);
    return this.#parcels.has(key) || (this.#share(key)?.catchingUp ?? false);
  }

  /** It is this process that looks after the resource, and knows where it stands. */
  looksAfter(ref: ResourceRef): boolean {
    return this.#share(keyOf(ref))?.owned ?? false;
  }

  /** Calls back when everything that a resource asked for has been handed out. */
  onDrained(listener: (ref: ResourceRef) => void): void {
    this.#drainedListeners.add(listener);
  }

  /** Calls back when this process has come to look after shares. */
  onTaken(listener: (shares: ReadonlySet<number>) => void): void {
    this.#caughtUpListeners.add(listener);
  }

  #share(key: string): Share | undefined {
    return this.#shares[shareOf(key)];
  }

  #ownershipChanged(): void {
    const gained = new Set<number>();
    for (const [number, share] of this.#shares.entries()) {
      const owned = this.#options.membership.owns("actors", number);
      if (owned === share.owned) continue;
      share.owned = owned;
      share.term += 1;
      if (!owned) this.#drop(number, share);
      else {
        share.catchingUp = true;
        gained.add(number);
      }
    }
    if (gained.size === 0) return;
    const catchUp: Promise<void> = this.#catchUp(gained).finally(() => this.#catchUps.delete(catchUp));
    this.#catchUps.add(catchUp);
  }

  #drop(number: number, share: Share): void {
    share.catchingUp = false;
    share.inHand.clear();
    for (const key of this.#parcels.keys()) if (shareOf(key) === number) this.#parcels.delete(key);
  }

  /** Reads what was committed since the marks of shares, up to where the index was when they were gained. */
  async #catchUp(gained: ReadonlySet<number>): Promise<void> {
    const { log, index, clock } = this.#options;
    const terms = new Map([...gained].map((number) => [number, this.#shares[number]?.term]));
    const isCurrent = (number: number) => this.#shares[number]?.term === terms.get(number);
    const upTo = index.seen;
    const { signal } = this.#stopping;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const marks = await this.#marks();
        const from = Math.min(...[...gained].map((number) => marks.get(number) ?? 0)) + 1;
        if (from <= upTo) {
          for await (const stored of log.read(from)) {
            if (signal.aborted) return;
            if (stored.seq > upTo) break;
            const key = keyOfRecord(stored);
            const number = key === undefined ? undefined : shareOf(key);
            if (number === undefined || !gained.has(number) || !isCurrent(number)) continue;
            if (stored.seq > (marks.get(number) ?? 0)) this.#enqueue(stored);
          }
        }
        const taken = new Set([...gained].filter(isCurrent));
        for (const number of taken) {
          const share = this.#shares[number];
          if (share) Object.assign(share, { catchingUp: false, saved: marks.get(number) ?? 0 });
        }
        for (const key of [...this.#parcels.keys()]) if (taken.has(shareOf(key))) this.#deliverSoon(key);
        for (const listener of this.#caughtUpListeners) listener(taken);
        await this.#offerAgain((entry) => taken.has(shareOf(keyOf(entry))));
        this.#failures.shares.succeeded();
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        this.#failures.shares.failed(thrown);
        await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal).catch(() => {});
      }
    }
  }

  /** @param upTo what has not changed since that position of the log until the look is unheard of */
  #lookLater(upTo: number): void {
    const { clock, index } = this.#options;
    this.#cancelLook = clock.after(UNHEARD_MS, () => {
      const { seen } = index;
      const isUnheard = (entry: IndexEntry) => entry.seq <= upTo && this.looksAfter(entry) && !this.isHandingOut(entry);
      const looking: Promise<void> = this.#offerAgain(isUnheard)
        .catch((thrown: unknown) => {
          this.#failures.offers.failed(thrown);
        })
        .finally(() => {
          this.#catchUps.delete(looking);
          if (!this.#stopping.signal.aborted) this.#lookLater(seen);
        });
      this.#catchUps.add(looking);
    });
  }

  /**
   * Offers the jobs that are in the hands of workers once more: where the queues have lost them (a server without its disk, a backup, an
   * earlier version of the program) they would wait for ever.
   */
  async #offerAgain(isWanted: (entry: IndexEntry) => boolean): Promise<void> {
    for (const entry of [...this.#options.index.all()]) {
      if (!isWanted(entry)) continue;
      for (const { id: jobId, handler: queue, phase, devices } of entry.jobs) {
        if (phase !== "ready" && phase !== "working") continue;
        const resource = { type: entry.type, id: entry.id };
        if (this.#stopping.signal.aborted) return;
        await this.#options.offer({ kind: "offer", messageId: jobId, queue, jobId, devices, resource, delayMs: 0 });
      }
    }
  }

  #take(stored: StoredRecord): void {
    const key = keyOfRecord(stored);
    if (key === undefined || !this.#share(key)?.owned) return;
    this.#enqueue(stored);
    if (!this.#share(key)?.catchingUp) this.#deliverSoon(key);
  }

  #enqueue(stored: StoredRecord): void {
    const record = parseRecord(stored);
    const key = keyOfRecord(stored);
    if (record === undefined || key === undefined || record.outbox.length === 0) return;
    const waiting = this.#parcels.get(key) ?? [];
    if (waiting.some(({ seq }) => seq === stored.seq)) return;
    waiting.push({ seq: stored.seq, items: [...record.outbox] });
    waiting.sort((a, b) => a.seq - b.seq);
    this.#parcels.set(key, waiting);
    this.#share(key)?.inHand.add(stored.seq);
  }

  #deliverSoon(key: string): void {
    if (this.#deliveries.has(key) || !this.#parcels.has(key)) return;
    const delivery = this.#deliverAll(key).finally(() => {
      this.#deliveries.delete(key);
      // What came in the very end of the delivery, or was dropped and taken again meanwhile.
      if (!this.#stopping.signal.aborted && !this.#share(key)?.catchingUp) this.#deliverSoon(key);
    });
    this.#deliveries.set(key, delivery);
  }

  async #deliverAll(key: string): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    let attempt = 0;
    for (let parcel = this.#next(key); parcel !== undefined && !signal.aborted; parcel = this.#next(key)) {
      const [item] = parcel.items;
      if (item === undefined) {
        this.#done(key, parcel);
        continue;
      }
      try {
        await this.#deliver(item);
        parcel.items.shift();
        this.#failures.deliveries.succeeded(key);
        attempt = 0;
      } catch (thrown) {
        if (signal.aborted) return;
        this.#failures.deliveries.failed(thrown, key, { resource: key, item: item.kind });
        attempt += 1;
        await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal).catch(() => {});
      }
    }
  }

  #next(key: string): Parcel | undefined {
    return this.#parcels.get(key)?.[0];
  }

  #done(key: string, parcel: Parcel): void {
    const waiting = this.#parcels.get(key);
    if (waiting?.[0] !== parcel) return;
    waiting.shift();
    const share = this.#share(key);
    share?.inHand.delete(parcel.seq);
    if (share !== undefined) share.moved = true;
    if (waiting.length > 0) return;
    this.#parcels.delete(key);
    const slash = key.indexOf("/");
    const ref = { type: key.slice(0, slash), id: key.slice(slash + 1) };
    for (const listener of this.#drainedListeners) listener(ref);
  }

  async #deliver(item: OutboxItem): Promise<void> {
    if (item.kind === "command") await this.#options.command(item.to, item.event, item.messageId);
    else await this.#options.offer(item);
  }

  async #marks(): Promise<Map<number, number>> {
    const stored = await this.#options.documents.range(OUTBOX_MARKS);
    const identity = this.#options.identity?.();
    return new Map(
      stored.map(({ key, value }) => {
        const { seq, log } = value as { seq: number; log?: string };
        // A mark in another log says nothing of this one: its records are handed out from the first on, and every receiver knows repeated ones.
        const isOwn = log === undefined || identity === undefined || log === identity;
        return [Number(key.slice(OUTBOX_MARKS.length)), isOwn ? seq : 0];
      }),
    );
  }

  #saveLater(): void {
    this.#cancelSave = this.#options.clock.after(SAVE_MS, () => {
      this.#saving = this.#save()
        .then(() => this.#failures.marks.succeeded())
        .catch((thrown: unknown) => {
          this.#failures.marks.failed(thrown);
        })
        .finally(() => {
          if (!this.#stopping.signal.aborted) this.#saveLater();
        });
    });
  }

  /** Stores how far the shares are that have moved on; at the end of all of them. */
  async #save(atTheEnd = false): Promise<void> {
    const seen = this.#options.index.seen;
    const moved = [...this.#shares.entries()].flatMap(([number, share]) => {
      if (!share.owned || share.catchingUp) return [];
      const oldest = share.inHand.size === 0 ? seen : Math.min(...share.inHand) - 1;
      const isDue = atTheEnd || share.moved || seen - share.saved >= STALE_RECORDS;
      return isDue && oldest > share.saved ? [{ number, share, mark: oldest }] : [];
    });
    if (moved.length === 0) return;
    for (const { share } of moved) share.moved = false;
    const identity = this.#options.identity?.();
    const log = identity === undefined ? {} : { log: identity };
    await this.#options.documents.transaction({
      writes: moved.map(({ number, mark }) => ({ key: `${OUTBOX_MARKS}${number}`, value: { seq: mark, ...log } })),
    });
    for (const { share, mark } of moved) share.saved = mark;
  }
}

function keyOfRecord(stored: StoredRecord): string | undefined {
  const record = parseRecord(stored);
  return record === undefined ? undefined : keyOf(record.snapshot.context);
}
