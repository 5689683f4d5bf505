import { headers, type MsgHdrs } from "nats";
import type { EventLog, Json, StoredRecord } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { ApiError, apiCode, storeError } from "./api-error.ts";
import { streamInfo } from "./ensure-stream.ts";
import type { JetStream, Task } from "./jetstream.ts";
import { KnownLasts } from "./known-lasts.ts";
import { closedError } from "./link.ts";
import { type FedMessage, FeedBroken, type FeedConfig, PullFeed } from "./pull-feed.ts";
import { messageIdHeader, parseStored, type StoredMessage, stampOf } from "./stored-message.ts";
import { subjectToken } from "./subject-token.ts";

interface PubAck {
  readonly seq: number;
  readonly duplicate?: boolean;
}

/** Deletions of one purge under way at once. */
const deletionsAtOnce = 16;

/**
 * `EventLog` on one JetStream stream, with a subject of the stream per subject of the log.
 *
 * An append carries the expected seq of its subject and a message id. Both together make it safe to send it again after a timeout:
 * if it was stored, either the server knows the id, or the record after the expected one is it.
 *
 * Records are removed one by one, never by a purge of the stream: in servers before 2.9.11 a purge of one subject lets every consumer skip
 * what it has not read of the others.
 */
export class JetStreamEventLog implements EventLog {
  readonly #jetstream: JetStream;
  readonly #stream: string;
  readonly #prefix: string;
  readonly #lasts = new KnownLasts(10_000);

  constructor(jetstream: JetStream, options: { stream: string; prefix: string }) {
    this.#jetstream = jetstream;
    this.#stream = options.stream;
    this.#prefix = options.prefix;
  }

  async append(
    subject: string,
    data: Json,
    options: { expectedSeq: number; messageId: string },
  ): Promise<{ seq: number }> {
    requireSubject(subject);
    const { expectedSeq } = options;
    const messageId = subjectToken(options.messageId);
    const payload = JSON.stringify(data);
    const repeated = await this.#repeated(subject, expectedSeq, messageId);
    if (repeated !== undefined) return { seq: repeated };
    const task = this.#task(`The record of ${subject} was not appended`, { writes: true });
    // Told apart from an earlier life of the subject with the same id, which the server still knows.
    let life = 0;
    const seq = await this.#jetstream
      .persist(task, async (state) => {
        for (;;) {
          const stamp = { subject, expectedSeq, messageId, life };
          try {
            const ack = await this.#jetstream.ask<PubAck>(this.#prefix + subject, payload, appendHeaders(stamp));
            if (ack.duplicate !== true) return ack.seq;
            const stored = await this.#stored(subject, expectedSeq, messageId);
            if (stored !== undefined) return stored;
            life += 1;
          } catch (error) {
            if (!(error instanceof ApiError) || error.errCode !== apiCode.wrongLastSequence) throw error;
            const last = await this.#last(subject);
            if (last?.stamp?.messageId === messageId) return last.seq;
            // Somebody may have appended to what an earlier try of this append has stored.
            const stored = state.inDoubt ? await this.#stored(subject, expectedSeq, messageId) : undefined;
            if (stored !== undefined) return stored;
            if ((last?.seq ?? 0) !== expectedSeq) throw conflict(subject, last?.seq ?? 0, expectedSeq);
          }
        }
      })
      .catch((error: unknown) => {
        throw storeError(task.doing, error);
      });
    this.#lasts.set(subject, { seq, messageId });
    return { seq };
  }

  async last(subject: string): Promise<StoredRecord | undefined> {
    const last = await this.#last(subject);
    if (last === undefined) return undefined;
    if (last.stamp !== undefined) this.#lasts.set(subject, { seq: last.seq, messageId: last.stamp.messageId });
    return { seq: last.seq, subject, time: last.time, data: JSON.parse(last.text) };
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
    const end = follow ? Number.POSITIVE_INFINITY : await this.position();
    if (from > end) return;
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
    requireSubject(subject);
    const task = this.#task(`The history of ${subject} was not read`);
    for await (const message of this.#feed(task, (after) => this.#ofSubject(subject, after)))
      yield this.#record(message);
  }

  async position(): Promise<number> {
    const task = this.#task("The position of the log was not read");
    const info = await streamInfo(this.#jetstream, task);
    if (info === undefined) throw storeError(task.doing, new Error(`the stream ${this.#stream} is gone`));
    return info.state.last_seq;
  }

  async purge(subject: string): Promise<void> {
    requireSubject(subject);
    const task = this.#task(`The records of ${subject} were not removed`);
    for (;;) {
      const seqs: number[] = [];
      const feed = this.#feed(task, (after) => ({ ...this.#ofSubject(subject, after), headers_only: true }));
      for await (const { seq } of feed) seqs.push(seq);
      // The last one stays the last until all others are gone.
      const last = seqs.pop();
      if (last === undefined) break;
      while (seqs.length > 0) {
        await Promise.all(seqs.splice(0, deletionsAtOnce).map((seq) => this.#delete(seq, task)));
      }
      await this.#delete(last, task);
      // Somebody may have appended to what is being removed; a record of the subject's next life expects none before it.
      const next = await this.#last(subject);
      if (next === undefined || next.stamp?.expectedSeq === 0) break;
    }
    this.#lasts.forget(subject);
  }

  /** Answers after an outage too, which a caller does not see. */
  async #delete(seq: number, task: Task): Promise<void> {
    try {
      await this.#jetstream.api(`STREAM.MSG.DELETE.${this.#stream}`, { seq }, task);
    } catch (error) {
      // It was deleted by an earlier try or by somebody else.
      if (!(error instanceof ApiError && error.errCode === apiCode.messageDeleteFailed)) {
        throw storeError(task.doing, error);
      }
    }
  }

  /** The seq of the subject's last record when that carries the id already: the server looks only at its own window of ids. */
  async #repeated(subject: string, expectedSeq: number, messageId: string): Promise<number | undefined> {
    if (expectedSeq === 0) return undefined;
    let known = this.#lasts.get(subject);
    if (known?.seq !== expectedSeq) {
      const last = await this.#last(subject);
      if (last?.stamp?.messageId === messageId) return last.seq;
      if (last?.seq !== expectedSeq) throw conflict(subject, last?.seq ?? 0, expectedSeq);
      known = { seq: last.seq, messageId: last.stamp?.messageId ?? "" };
      this.#lasts.set(subject, known);
    }
    return known.messageId === messageId ? known.seq : undefined;
  }

  /** The seq of the record that an append with this expectation has made, if it has: it comes next after the expected one. */
  async #stored(subject: string, expectedSeq: number, messageId: string): Promise<number | undefined> {
    const next = await this.#get({ seq: expectedSeq + 1, next_by_subj: this.#prefix + subject }, subject);
    return next?.stamp?.messageId === messageId ? next.seq : undefined;
  }

  #last(subject: string): Promise<StoredMessage | undefined> {
    requireSubject(subject);
    return this.#get({ last_by_subj: this.#prefix + subject }, subject);
  }

  /** From the stream's leader: another server of a cluster may be behind. */
  async #get(which: object, subject: string): Promise<StoredMessage | undefined> {
    const task = this.#task(`The records of ${subject} were not read`);
    try {
      return parseStored(await this.#jetstream.api(`STREAM.MSG.GET.${this.#stream}`, which, task));
    } catch (error) {
      if (error instanceof ApiError && error.errCode === apiCode.messageNotFound) return undefined;
      throw storeError(task.doing, error);
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

  #ofSubject(subject: string, after: number): FeedConfig {
    return { deliver_policy: "by_start_sequence", opt_start_seq: after + 1, filter_subject: this.#prefix + subject };
  }

  #record({ seq, subject, time, data }: FedMessage): StoredRecord {
    return { seq, subject: subject.slice(this.#prefix.length), time, data: JSON.parse(Buffer.from(data).toString()) };
  }

  #task(doing: string, more: Partial<Task> = {}): Task {
    return { doing, stream: this.#stream, ...more };
  }
}

function appendHeaders(stamp: Parameters<typeof stampOf>[0]): MsgHdrs {
  const made = headers();
  made.append("Nats-Expected-Last-Subject-Sequence", String(stamp.expectedSeq));
  made.append(messageIdHeader, stampOf(stamp));
  return made;
}

function conflict(subject: string, lastSeq: number, expectedSeq: number): SignalboxError {
  return new SignalboxError("SB_SEQUENCE_CONFLICT", `The last record of ${subject} is ${lastSeq}, not ${expectedSeq}`);
}

function requireSubject(subject: string): void {
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(subject)) {
    throw new SignalboxError("SB_INTERNAL", `"${subject}" is no subject of the event log`);
  }
}
