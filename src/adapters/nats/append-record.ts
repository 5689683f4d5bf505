import { headers, type MsgHdrs } from "nats";
import { SignalboxError } from "../../errors.ts";
import { ApiError, apiCode, storeError } from "./api-error.ts";
import type { JetStream, Task } from "./jetstream.ts";
import { callerIdHeader, messageIdHeader, placeId, type StoredMessage } from "./stored-message.ts";
import type { StreamRecords } from "./stream-records.ts";

export interface Append {
  readonly subject: string;
  /** JSON */
  readonly payload: string;
  readonly expectedSeq: number;
  /** As a token. */
  readonly messageId: string;
  /** How long it is tried over an outage, ms; what the settings say without it. */
  readonly patienceMs?: number;
}

interface PubAck {
  readonly seq: number;
  readonly duplicate?: boolean;
}

/** Times that the server is believed when it says that another append at this place is on its way. */
const triesInProcess = 20;

/**
 * Appends a record to the log's stream, once, however often it has to be sent.
 *
 * The expected seq of the subject goes twice: as such, and as the message id. In a cluster nats-server compares an expected seq with what is
 * stored, not with what is on its way, so that two appends at one place can both be taken; ids it compares with both. And both together
 * make it safe to send an append again after a timeout: if it was stored, it is the record at its place.
 * @returns its seq
 * @throws SB_SEQUENCE_CONFLICT, SB_STORE_IN_DOUBT, SB_STORE_UNREACHABLE, SB_STORE_FULL, SB_STORE_FAILED, SB_STORE_AUTH
 */
export async function appendRecord(
  append: Append,
  log: { jetstream: JetStream; records: StreamRecords; stream: string; prefix: string },
): Promise<number> {
  const { jetstream, records } = log;
  const { subject, payload, patienceMs } = append;
  const task: Task = {
    doing: `The record of ${subject} was not appended`,
    stream: log.stream,
    writes: true,
    ...(patienceMs === undefined ? {} : { patienceMs }),
  };
  let life = 0;
  let inProcess = 0;
  try {
    return await jetstream.persist(task, async ({ inDoubt }) => {
      for (;;) {
        const ack = await jetstream
          .ask<PubAck>(log.prefix + subject, payload, appendHeaders(append, life))
          .catch(refusalOf);
        if (ack === "wrong last sequence") {
          const found = await answeredConflict(append, records, inDoubt);
          if (found !== undefined) return found;
        } else if (ack === "in process" || (ack.duplicate === true && ack.seq === 0)) {
          inProcess += 1;
          if (inProcess <= triesInProcess) await jetstream.link.pause(inProcess);
          else life += 1;
        } else if (ack.duplicate !== true) {
          return ack.seq;
        } else {
          const there = await records.at(ack.seq);
          if (there !== undefined) return await sameRecord(there, append, records, inDoubt);
          // It is gone: the subject's records were removed, and this one begins it anew.
          await requireLast(append, records);
          life += 1;
        }
      }
    });
  } catch (error) {
    throw storeError(task.doing, error);
  }
}

function appendHeaders({ subject, expectedSeq, messageId }: Append, life: number): MsgHdrs {
  const made = headers();
  made.append("Nats-Expected-Last-Subject-Sequence", String(expectedSeq));
  made.append(messageIdHeader, placeId({ subject, expectedSeq, life }));
  made.append(callerIdHeader, messageId);
  return made;
}

function refusalOf(error: unknown): "wrong last sequence" | "in process" {
  if (error instanceof ApiError) {
    if (error.errCode === apiCode.wrongLastSequence) return "wrong last sequence";
    if (error.errCode === apiCode.duplicateInProcess) return "in process";
  }
  throw error;
}

/** The seq of the append's record when it is stored; undefined when the place is free after all and it may be tried again. */
async function answeredConflict(append: Append, records: StreamRecords, inDoubt: boolean): Promise<number | undefined> {
  const { subject, expectedSeq, messageId } = append;
  const last = await records.last(subject);
  if (last?.messageId === messageId) return last.seq;
  // Somebody may have appended to what an earlier try of this append has stored.
  const there = inDoubt ? await records.after(subject, expectedSeq) : undefined;
  if (there?.messageId === messageId) return there.seq;
  if ((last?.seq ?? 0) !== expectedSeq) throw conflict(append, last);
  return undefined;
}

/** The seq of the append's record, when it is the one that is at its place or the subject's last one. */
async function sameRecord(
  there: StoredMessage,
  append: Append,
  records: StreamRecords,
  inDoubt: boolean,
): Promise<number> {
  // One that was sent again here. One that the caller repeats is answered only while it is the last.
  if (inDoubt && there.messageId === append.messageId) return there.seq;
  const last = await records.last(append.subject);
  if (last?.messageId === append.messageId) return last.seq;
  throw conflict(append, last);
}

/** @throws SB_SEQUENCE_CONFLICT when the subject's last record is not the expected one */
export async function requireLast(append: Append, records: StreamRecords): Promise<StoredMessage | undefined> {
  const last = await records.last(append.subject);
  if (last !== undefined && last.messageId === append.messageId) return last;
  if ((last?.seq ?? 0) !== append.expectedSeq) throw conflict(append, last);
  return last;
}

function conflict({ subject, expectedSeq }: Append, last: StoredMessage | undefined): SignalboxError {
  return new SignalboxError(
    "SB_SEQUENCE_CONFLICT",
    `The last record of ${subject} is ${last?.seq ?? 0}, not ${expectedSeq}`,
  );
}
