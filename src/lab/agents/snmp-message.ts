import { BerError, BerReader, encode, encodeInteger, encodeOid, encodeSequence, TAG } from "./ber.ts";

/** PDU tags of RFC 3416 section 3. */
export const PDU = { get: 0xa0, getNext: 0xa1, response: 0xa2, set: 0xa3, getBulk: 0xa5 } as const;

/** Values of error-status that the agent uses (RFC 3416 section 3). */
export const ERROR_STATUS = { none: 0, tooBig: 1, notWritable: 17 } as const;

/** A request as far as an agent needs it. */
export interface SnmpRequest {
  readonly community: string;
  readonly pdu: number;
  readonly requestId: number;
  /** error-status, or non-repeaters of a GETBULK. */
  readonly nonRepeaters: number;
  /** error-index, or max-repetitions of a GETBULK. */
  readonly maxRepetitions: number;
  readonly oids: ReadonlyArray<readonly number[]>;
}

/** A value as it stands in a variable binding: its tag and its encoding. */
export interface MibValue {
  readonly tag: number;
  readonly encoded: Buffer;
}

/** A name and its value. */
export interface Binding {
  readonly oid: readonly number[];
  readonly value: MibValue;
}

const VERSION_2C = 1;

export const integerValue = (value: number): MibValue => ({ tag: TAG.integer, encoded: encodeInteger(value) });
export const gauge32 = (value: number): MibValue => ({
  tag: TAG.gauge32,
  encoded: encodeInteger(value, TAG.gauge32),
});
/** Wraps around as the type does after 497 days. */
export const timeTicks = (hundredths: number): MibValue => ({
  tag: TAG.timeTicks,
  encoded: encodeInteger(hundredths % 2 ** 32, TAG.timeTicks),
});
export const counter64 = (value: bigint): MibValue => ({
  tag: TAG.counter64,
  encoded: encodeInteger(BigInt.asUintN(64, value), TAG.counter64),
});
export const octets = (text: string): MibValue => ({
  tag: TAG.octetString,
  encoded: encode(TAG.octetString, Buffer.from(text, "utf8")),
});
export const oidValue = (oid: readonly number[]): MibValue => ({
  tag: TAG.objectIdentifier,
  encoded: encodeOid(oid),
});
const marker = (tag: number): MibValue => ({ tag, encoded: encode(tag, Buffer.alloc(0)) });
export const UNSPECIFIED = marker(TAG.null);
export const NO_SUCH_OBJECT = marker(TAG.noSuchObject);
export const NO_SUCH_INSTANCE = marker(TAG.noSuchInstance);
export const END_OF_MIB_VIEW = marker(TAG.endOfMibView);

/**
 * Parses an SNMPv2c message (RFC 1901 section 3).
 * @throws BerError when it is none
 */
export function parseRequest(datagram: Buffer): SnmpRequest {
  const message = new BerReader(new BerReader(datagram).expect(TAG.sequence));
  if (message.integer() !== VERSION_2C) throw new BerError("the version is not SNMPv2c");
  const community = message.expect(TAG.octetString).toString("latin1");
  const { tag: pdu, content } = message.element();
  const body = new BerReader(content);
  const requestId = body.integer();
  const nonRepeaters = body.integer();
  const maxRepetitions = body.integer();
  const bindings = new BerReader(body.expect(TAG.sequence));
  const oids: number[][] = [];
  while (!bindings.atEnd) {
    const binding = new BerReader(bindings.expect(TAG.sequence));
    oids.push(binding.objectIdentifier());
    binding.element();
  }
  return { community, pdu, requestId, nonRepeaters, maxRepetitions, oids };
}

/** The Response-PDU to a request. `errorIndex` counts from 1. */
export function encodeResponse(
  request: SnmpRequest,
  bindings: readonly Binding[],
  errorStatus: number = ERROR_STATUS.none,
  errorIndex = 0,
): Buffer {
  return encodeSequence([
    encodeInteger(VERSION_2C),
    encode(TAG.octetString, Buffer.from(request.community, "latin1")),
    encodeSequence(
      [
        encodeInteger(request.requestId),
        encodeInteger(errorStatus),
        encodeInteger(errorIndex),
        encodeSequence(bindings.map(({ oid, value }) => encodeSequence([encodeOid(oid), value.encoded]))),
      ],
      PDU.response,
    ),
  ]);
}
