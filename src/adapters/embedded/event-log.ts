import { setImmediate as othersFirst } from "node:timers/promises";
import type { AppendOptions, Clock, EventLog, Json, StoredRecord } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { keyAfter, numberKey, type OrderedStore, type OrderedWrite, Table } from "./ordered-store.ts";
import { Wakeup } from "./wakeup.ts";

interface KeptRecord {
  readonly subject: string;
  readonly time: number;
  readonly data: Json;
}

/** What an append needs to know of its subject without reading the last record. */
interface LastOfSubject {
  readonly seq: number;
  readonly messageId: string;
  /** Records of the subject that are kept. */
  readonly kept: number;
}

// Records read at once, and old records removed by one append at most (more only after the limit was lowered).
const readAhead = 32;
const removedAtOnce = 64;

/** `EventLog` over an ordered store: records by seq, and indexes from a subject to its last record and its history. */
export class StoredEventLog implements EventLog {
  readonly #store: OrderedStore;
  readonly #clock: Clock;
  readonly #historyPerSubject: number;
  readonly #closing: AbortSignal;
  readonly #appended = new Wakeup();

  // "": seq of the last record ever appended; it does not go back when that record is purged.
  readonly #position: Table<number>;
  readonly #records: Table<KeptRecord>;
  readonly #lasts: Table<LastOfSubject>;
  // Seqs of the last records only, to the subject: what `lastOfEach` follows.
  readonly #lastSeqs: Table<string>;
  // <subject>/<seq>
  readonly #history: Table<1>;

  /** @param options.historyPerSubject records kept per subject; older ones are removed, the last one never */
  constructor(store: OrderedStore, options: { clock: Clock; closing: AbortSignal; historyPerSubject: number }) {
    this.#store = store;
    this.#clock = options.clock;
    this.#closing = options.closing;
    this.#historyPerSubject = Math.max(1, options.historyPerSubject);
    this.#position = new Table(store, "log/position");
    this.#records = new Table(store, "log/record");
    this.#lasts = new Table(store, "log/last");
    this.#lastSeqs = new Table(store, "log/last-seq");
    this.#history = new Table(store, "log/history");
  }

  async append(subject: string, data: Json, options: AppendOptions): Promise<{ seq: number }> {
    requireSubject(subject);
    const { expectedSeq, messageId } = options;
    const answer = await this.#store.commit(() => {
      const last = this.#lasts.get(subject);
      if (last?.messageId === messageId) return { writes: [], result: { seq: last.seq } };
      const lastSeq = last?.seq ?? 0;
      if (lastSeq !== expectedSeq) {
        throw new SignalboxError(
          "SB_SEQUENCE_CONFLICT",
          `The last record of ${subject} is ${lastSeq}, not ${expectedSeq}`,
        );
      }
      const seq = (this.#position.get("") ?? 0) + 1;
      const outdated = this.#outdated(subject, last?.kept ?? 0);
      const writes = [
        this.#position.put("", seq),
        this.#records.put(numberKey(seq), { subject, time: this.#clock.now(), data }),
        this.#history.put(`${subject}/${numberKey(seq)}`, 1),
        this.#lasts.put(subject, { seq, messageId, kept: (last?.kept ?? 0) + 1 - outdated.length }),
        this.#lastSeqs.put(numberKey(seq), subject),
        ...(last === undefined ? [] : [this.#lastSeqs.remove(numberKey(last.seq))]),
        ...outdated.flatMap((key) => this.#removal(key)),
      ];
      return { writes, result: { seq } };
    });
    this.#appended.wake();
    return answer;
  }

  async last(subject: string): Promise<StoredRecord | undefined> {
    const last = this.#lasts.get(subject);
    return last === undefined ? undefined : this.#record(last.seq);
  }

  /**
   * Each subject comes once, with the record that is its last when it is reached. Only seqs and names are held meanwhile;
   * a subject that is written before it was reached comes after the others, so the order of seq holds.
   */
  async *lastOfEach(prefix = ""): AsyncGenerator<StoredRecord> {
    let subjects: string[] = [];
    const reached = new Map<string, number>();
    let looked = 0;
    for (const { key, value } of this.#lastSeqs.scan()) {
      if (!value.startsWith(prefix)) continue;
      subjects.push(value);
      reached.set(value, Number(key));
    }
    // Ends although others write: in each pass at least the first subject is where it was seen.
    while (subjects.length > 0) {
      const moved: string[] = [];
      for (const subject of subjects) {
        const seq = this.#lasts.get(subject)?.seq;
        const record = seq === undefined ? undefined : this.#record(seq);
        if (record === undefined) continue;
        if (record.seq === reached.get(subject)) yield record;
        else moved.push(subject);
        looked += 1;
        if (looked % readAhead === 0) await othersFirst();
      }
      for (const subject of moved) reached.set(subject, this.#lasts.get(subject)?.seq ?? 0);
      subjects = moved.sort((a, b) => (reached.get(a) ?? 0) - (reached.get(b) ?? 0));
    }
  }

  async *read(from: number, options: { follow?: boolean; signal?: AbortSignal } = {}): AsyncGenerator<StoredRecord> {
    const { follow = false, signal } = options;
    const end = follow ? Number.POSITIVE_INFINITY : (this.#position.get("") ?? 0);
    const stopped = () => signal?.aborted === true || this.#closing.aborted;
    let next = Math.max(1, from);
    while (next <= end && !stopped()) {
      const piece = this.#records.range({ from: numberKey(next) }, readAhead);
      for (const { key, value } of piece) {
        const seq = Number(key);
        if (seq > end || stopped()) return;
        next = seq + 1;
        yield { seq, ...value };
      }
      // A store that is in the process answers at once: whoever reads all of it must let others go first now and then.
      if (piece.length === readAhead) await othersFirst();
      if (piece.length > 0) continue;
      if (!follow) return;
      await this.#appended.next([signal, this.#closing]);
    }
  }

  async *history(subject: string): AsyncGenerator<StoredRecord> {
    const prefix = `${subject}/`;
    let from = prefix;
    for (;;) {
      const piece = this.#history.range({ prefix, from }, readAhead);
      for (const { key } of piece) {
        const record = this.#record(Number(key.slice(prefix.length)));
        if (record !== undefined) yield record;
        from = keyAfter(key);
      }
      if (piece.length === 0) return;
      if (piece.length === readAhead) await othersFirst();
    }
  }

  async position(): Promise<number> {
    return this.#position.get("") ?? 0;
  }

  async purge(subject: string, upTo = Number.POSITIVE_INFINITY): Promise<void> {
    await this.#store.commit(() => {
      const last = this.#lasts.get(subject);
      if (last === undefined) return { writes: [], result: undefined };
      const prefix = `${subject}/`;
      const kept = [...this.#history.scan(prefix)].filter(({ key }) => Number(key.slice(prefix.length)) <= upTo);
      const writes = kept.flatMap(({ key }) => this.#removal(key));
      if (last.seq <= upTo) writes.push(this.#lasts.remove(subject), this.#lastSeqs.remove(numberKey(last.seq)));
      return { writes, result: undefined };
    });
  }

  #record(seq: number): StoredRecord | undefined {
    const kept = this.#records.get(numberKey(seq));
    return kept === undefined ? undefined : { seq, ...kept };
  }

  /** History keys of the records that one more record of the subject pushes out. */
  #outdated(subject: string, kept: number): string[] {
    const excess = Math.min(kept + 1 - this.#historyPerSubject, removedAtOnce);
    if (excess <= 0) return [];
    return this.#history.range({ prefix: `${subject}/` }, excess).map(({ key }) => key);
  }

  #removal(historyKey: string): OrderedWrite[] {
    const seqKey = historyKey.slice(historyKey.lastIndexOf("/") + 1);
    return [this.#history.remove(historyKey), this.#records.remove(seqKey)];
  }
}

function requireSubject(subject: string): void {
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(subject)) {
    throw new SignalboxError("SB_INTERNAL", `"${subject}" is no subject of the event log`);
  }
}
