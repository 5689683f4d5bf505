import type { AppendOptions, EventLog, Json, StoredRecord } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { storeError } from "./api-error.ts";
import { type Append, appendRecord, requireLast } from "./append-record.ts";
import type { JetStream, Task } from "./jetstream.ts";
import { KnownLasts } from "./known-lasts.ts";
import { closedError } from "./link.ts";
import { LiveTail } from "./live-tail.ts";
import { type FedMessage, FeedBroken, type FeedConfig, PullFeed } from "./pull-feed.ts";
import type { StoredMessage } from "./stored-message.ts";
import { StreamRecords } from "./stream-records.ts";
import { subjectToken } from "./subject-token.ts";

/** Deletions of one purge under way at once. */
const deletionsAtOnce = 16;

/**
 * `EventLog` on one JetStream stream, with a subject of the stream per subject of the log.
 *
 * Records are removed one by one, never by a purge of the stream: a purge of one subject lets every consumer of nats-server 2.9.10 skip what
 * it has not read of the others.
 */
export class JetStreamEventLog implements EventLog {
  readonly #jetstream: JetStream;
  readonly #stream: string;
  readonly #prefix: string;
  readonly #records: StreamRecords;
  readonly #lasts = new KnownLasts(10_000);
  /** Shared by all who follow the log. */
  readonly #tail: LiveTail;

  /** @param options.prefix in front of the log's subjects */
  constructor(jetstream: JetStream, options: { stream: string; prefix: string }) {
    this.#jetstream = jetstream;
    this.#stream = options.stream;
    this.#prefix = options.prefix;
    this.#records = new StreamRecords(jetstream, options);
    this.#tail = new LiveTail({
      position: (signal) => this.#records.position({ patienceMs: Number.POSITIVE_INFINITY, signal }),
      read: (from, signal) => this.#read(from, Number.POSITIVE_INFINITY, { follow: true, signal }),
    });
  }

  async append(subject: string, data: Json, options: AppendOptions): Promise<{ seq: number }> {
    requireSubject(subject);
    const { expectedSeq, patienceMs } = options;
    const append: Append = {
      subject,
      payload: JSON.stringify(data),
      expectedSeq,
      messageId: subjectToken(options.messageId),
      ...(patienceMs === undefined ? {} : { patienceMs }),
    };
    const log = {
      jetstream: this.#jetstream,
      records: this.#records,
      stream: this.#stream,
      prefix: this.#prefix,
    };
    const seq = (await this.#repeated(append)) ?? (await appendRecord(append, log));
    this.#lasts.set(subject, { seq, messageId: append.messageId });
    return { seq };
  }

  async last(subject: string): Promise<StoredRecord | undefined> {
    requireSubject(subject);
    const last = await this.#records.last(subject);
    if (last === undefined) return undefined;
    this.#lasts.set(subject, { seq: last.seq, messageId: last.messageId ?? "" });
    return recordOf(last);
  }

  /**
   * Each subject comes once, with the record that was its last when this began. When that one is removed meanwhile because of a later
   * one, the later one comes, after the others.
   */
  async *lastOfEach(prefix = ""): AsyncGenerator<StoredRecord> {
    const whole = prefix.slice(0, prefix.lastIndexOf(".") + 1);
    const filter = `${this.#prefix}${whole}>`;
    const reached = new Set<string>();
    const task = this.#task("The last records were not read");
    let end: number | undefined;
    let caughtUp = false;
    for await (const message of this.#feed(task, () => ({
      deliver_policy: "last_per_subject",
      filter_subject: filter,
    }))) {
      // Later than the last records that the feed began with: what was removed before it came is known by now.
      end ??= await this.position();
      if (message.seq > end) {
        if (caughtUp) return;
        caughtUp = true;
        end = await this.position();
        if (message.seq > end) return;
      }
      const record = this.#record(message);
      if (!record.subject.startsWith(prefix) || reached.has(record.subject)) continue;
      reached.add(record.subject);
      yield record;
    }
  }

  async *read(from: number, options: { follow?: boolean; signal?: AbortSignal } = {}): AsyncGenerator<StoredRecord> {
    const { follow = false, signal } = options;
    if (signal?.aborted === true) return;
    if (follow) yield* this.#follow(from, signal);
    else yield* this.#read(from, await this.position(), { follow, signal });
  }

  /** What is there it reads for itself, and what comes then together with all others who follow the log in this process. */
  async *#follow(start: number, signal: AbortSignal | undefined): AsyncGenerator<StoredRecord> {
    const { closing } = this.#jetstream.link;
    const isOver = () => signal?.aborted === true || closing.aborted;
    let from = start;
    while (!isOver()) {
      const tail = this.#tail.join();
      const wake = () => tail.wake();
      for (const each of [signal, closing]) each?.addEventListener("abort", wake);
      try {
        await tail.begun(isOver);
        for await (const record of this.#catchUp(from, signal, isOver)) {
          yield record;
          from = record.seq + 1;
        }
        for (;;) {
          const records = await tail.next(isOver);
          if (records === "over") return;
          if (records === "left behind") break;
          for (const record of records) {
            if (isOver()) return;
            if (record.seq < from) continue;
            yield record;
            from = record.seq + 1;
          }
        }
      } finally {
        for (const each of [signal, closing]) each?.removeEventListener("abort", wake);
        tail.leave();
      }
    }
  }

  /** Up to where the log is now, however long it takes until that can be read. */
  async *#catchUp(from: number, signal: AbortSignal | undefined, isOver: () => boolean): AsyncGenerator<StoredRecord> {
    let end: number;
    try {
      end = await this.#records.position({
        patienceMs: Number.POSITIVE_INFINITY,
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (isOver()) return;
      throw error;
    }
    yield* this.#read(from, end, { follow: true, signal });
  }

  /**
   * @param end position of the last record to read
   * @param options.follow wait for what is not there yet, and for as long as it cannot be read
   */
  async *#read(
    from: number,
    end: number,
    options: { follow: boolean; signal: AbortSignal | undefined },
  ): AsyncGenerator<StoredRecord> {
    if (from > end) return;
    const { follow, signal } = options;
    const filter = `${this.#prefix}>`;
    const task = this.#task("The log was not read", {
      ...(follow ? { patienceMs: Number.POSITIVE_INFINITY } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    const start = (after: number): FeedConfig => ({
      deliver_policy: "by_start_sequence",
      opt_start_seq: Math.max(1, from, after + 1),
      filter_subject: filter,
    });
    for await (const message of this.#feed(task, start, { follow, signal })) {
      // A start beyond the end of the stream is taken for its end.
      if (message.seq < from) continue;
      if (message.seq > end) return;
      yield this.#record(message);
      if (message.seq === end) return;
    }
  }

  async *history(subject: string): AsyncGenerator<StoredRecord> {
    for await (const stored of this.#ofSubject(subject)) yield recordOf(stored);
  }

  position(): Promise<number> {
    return this.#records.position();
  }

  async purge(subject: string, upTo = Number.POSITIVE_INFINITY): Promise<void> {
    const seqs: number[] = [];
    for await (const { seq } of this.#ofSubject(subject)) if (seq <= upTo) seqs.push(seq);
    // The last one stays the last until all others are gone.
    const last = seqs.pop();
    if (last === undefined) return;
    while (seqs.length > 0) {
      await Promise.all(seqs.splice(0, deletionsAtOnce).map((seq) => this.#records.remove(seq)));
    }
    await this.#records.remove(last);
    this.#lasts.forget(subject);
  }

  /** The seq of the subject's last record when that carries the id already: the server looks only at its own window of ids. */
  async #repeated(append: Append): Promise<number | undefined> {
    const { subject, expectedSeq, messageId } = append;
    if (expectedSeq === 0) return undefined;
    const known = this.#lasts.get(subject);
    // The usual case: whoever expects a record has just read or appended it, and appends something else.
    if (known?.seq === expectedSeq && known.messageId !== messageId) return undefined;
    const last = await requireLast(append, this.#records);
    return last?.messageId === messageId ? last.seq : undefined;
  }

  /** The records of a subject, asked for one by one: cheaper than a consumer for the few that there usually are. */
  async *#ofSubject(subject: string): AsyncGenerator<StoredMessage> {
    requireSubject(subject);
    let stored = await this.#records.after(subject, 0);
    while (stored !== undefined) {
      yield stored;
      stored = await this.#records.after(subject, stored.seq);
    }
  }

  /**
   * The messages of feeds that are opened one after the other as often as one breaks.
   * @param start configuration of a feed that comes after the message with that seq
   */
  async *#feed(
    task: Task,
    start: (after: number) => FeedConfig,
    options: { follow?: boolean; signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<FedMessage> {
    const { follow = false, signal } = options;
    const { link } = this.#jetstream;
    const aborted = () => signal?.aborted === true || link.closing.aborted;
    let after = 0;
    for (let tries = 1; ; tries += 1) {
      let feed: PullFeed;
      try {
        feed = await PullFeed.open(this.#jetstream, start(after), { task, follow, signal });
      } catch (error) {
        if (aborted() && follow) return;
        throw storeError(task.doing, error);
      }
      try {
        for (;;) {
          const messages = await feed.next(aborted);
          if (messages.length === 0) break;
          for (const message of messages) {
            if (aborted()) break;
            // What a new feed repeats of an earlier one.
            if (message.seq <= after) continue;
            after = message.seq;
            tries = 1;
            yield message;
          }
        }
        if (link.closing.aborted && !follow) throw closedError();
        return;
      } catch (error) {
        if (!(error instanceof FeedBroken)) throw error;
        link.logger.debug(
          { stream: this.#stream, after, reason: error.message },
          "the log is read by another consumer",
        );
      } finally {
        feed.close();
      }
      if (link.up) await link.pause(tries, signal);
    }
  }

  #record({ seq, subject, time, data }: FedMessage): StoredRecord {
    return { seq, subject: subject.slice(this.#prefix.length), time, data: JSON.parse(Buffer.from(data).toString()) };
  }

  #task(doing: string, more: Partial<Task> = {}): Task {
    return { doing, stream: this.#stream, ...more };
  }
}

function recordOf({ seq, subject, time, text }: StoredMessage): StoredRecord {
  return { seq, subject, time, data: JSON.parse(text) };
}

function requireSubject(subject: string): void {
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(subject)) {
    throw new SignalboxError("SB_INTERNAL", `"${subject}" is no subject of the event log`);
  }
}
