/** The header that JetStream knows repeated messages by. */
export const messageIdHeader = "Nats-Msg-Id";
/** The id that the caller of an append gave, as a token. */
export const callerIdHeader = "Signalbox-Id";

/** A message as `STREAM.MSG.GET` answers it. */
export interface StoredMessage {
  readonly seq: number;
  /** The log's subject. */
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly text: string;
  /** As a token; undefined when something else than Signalbox has stored it. */
  readonly messageId: string | undefined;
  /** Seq that the subject's last record had to have. */
  readonly expectedSeq: number | undefined;
}

/**
 * The id by which JetStream knows a record: its place, the subject and the seq of the record before it. So it takes one of several records that
 * are appended at the same place at the same time. The place has another `life` after each removal of the subject's records.
 */
export function placeId(append: { subject: string; expectedSeq: number; life: number }): string {
  return `${append.subject}/${append.expectedSeq}/${append.life}`;
}

/** @param prefix in front of the log's subjects */
export function parseStored(
  answer: { message: { seq: number; subject: string; time: string; data?: string; hdrs?: string } },
  prefix: string,
): StoredMessage {
  const { seq, subject, time, data = "", hdrs = "" } = answer.message;
  const headers = Buffer.from(hdrs, "base64").toString();
  const expectedSeq = /^[^/]*\/(\d+)\/\d+$/.exec(headerOf(headers, messageIdHeader) ?? "")?.[1];
  return {
    seq,
    subject: subject.slice(prefix.length),
    time: Math.floor(Date.parse(time)),
    text: Buffer.from(data, "base64").toString(),
    messageId: headerOf(headers, callerIdHeader),
    expectedSeq: expectedSeq === undefined ? undefined : Number(expectedSeq),
  };
}

function headerOf(headers: string, name: string): string | undefined {
  const line = headers.split("\r\n").find((text) => text.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}
