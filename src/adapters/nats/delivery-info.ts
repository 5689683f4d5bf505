/** What the reply subject of a delivered message says of it. */
export interface DeliveryInfo {
  /** Deliveries of the message so far, this one included. */
  readonly delivered: number;
  /** Its seq in the stream. */
  readonly streamSeq: number;
  /** Its number among the deliveries of the consumer. */
  readonly consumerSeq: number;
  /** When it was stored, milliseconds since the epoch. */
  readonly time: number;
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<nanoseconds>.<pending>`; with a domain and an account
 * before the stream in newer servers (ADR-15 of NATS). Undefined for anything else.
 */
export function deliveryInfo(reply: string | undefined): DeliveryInfo | undefined {
  const tokens = reply?.split(".") ?? [];
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) return undefined;
  const at = tokens.length === 9 ? 4 : 6;
  const [delivered, streamSeq, consumerSeq, nanos] = tokens.slice(at, at + 4);
  if (delivered === undefined || streamSeq === undefined || consumerSeq === undefined || nanos === undefined) {
    return undefined;
  }
  return {
    delivered: Number(delivered),
    streamSeq: Number(streamSeq),
    consumerSeq: Number(consumerSeq),
    // Nanoseconds are more than a number holds exactly.
    time: Number(nanos.slice(0, -6)),
  };
}
