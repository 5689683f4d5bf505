/** The header that JetStream knows repeated messages by. */
export const messageIdHeader = "Nats-Msg-Id";

/** What a record's message id is made of. */
export interface Stamp {
  readonly expectedSeq: number;
  /** As a token. */
  readonly messageId: string;
}

/** A message as `STREAM.MSG.GET` answers it. */
export interface StoredMessage {
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly text: string;
  /** Undefined when something else than Signalbox has stored it. */
  readonly stamp: Stamp | undefined;
}

/**
 * The message id of a record: unique in the stream for one append, however often it is sent. The same append in a later life of the
 * subject, after a purge, has another `life`.
 * @param append.messageId as a token
 */
export function stampOf(append: { subject: string; expectedSeq: number; messageId: string; life: number }): string {
  const { subject, expectedSeq, messageId, life } = append;
  return `${subject}/${expectedSeq}/${messageId}/${life}`;
}

export function parseStored(answer: {
  message: { seq: number; time: string; data?: string; hdrs?: string };
}): StoredMessage {
  const { seq, time, data = "", hdrs = "" } = answer.message;
  return {
    seq,
    time: Math.floor(Date.parse(time)),
    text: Buffer.from(data, "base64").toString(),
    stamp: parseStamp(Buffer.from(hdrs, "base64").toString()),
  };
}

function parseStamp(headers: string): Stamp | undefined {
  const found = /^Nats-Msg-Id: ?[^/\r\n]*\/(\d+)\/([^/\r\n]*)\/\d+\r?$/m.exec(headers);
  const [, expectedSeq, messageId] = found ?? [];
  return expectedSeq === undefined || messageId === undefined
    ? undefined
    : { expectedSeq: Number(expectedSeq), messageId };
}
