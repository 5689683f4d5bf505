import { headers, Match, type Msg, type MsgHdrs } from "nats";
import type { RequestOptions } from "../../actors/gateway-api.ts";
import { SignalboxError } from "../../errors.ts";
import { entityTag, ifMatch } from "../api/if-match.ts";
import { problemOf } from "../api/problem.ts";
import { requestKey } from "../api/request-key.ts";
import { readTraceContext, type TraceContext } from "./trace-context.ts";

/** Headers of requests and answers. They are read whatever their case. */
export const header = {
  error: "Nats-Service-Error",
  errorCode: "Nats-Service-Error-Code",
  retryAfter: "Retry-After",
  contentType: "Content-Type",
  key: "Nats-Msg-Id",
  ifMatch: "If-Match",
  etag: "ETag",
  token: "X-Auth-Token",
  authorization: "Authorization",
  requestId: "X-Request-Id",
  traceparent: "traceparent",
  tracestate: "tracestate",
} as const;

/** Longest text of an error's header: the whole story is in the body. */
const LONGEST = 1024;

/** A request as it came from NATS, and the way to answer it. */
export class ReceivedRequest {
  readonly subject: string;
  readonly requestId: string;
  readonly data: Uint8Array;
  readonly #message: Msg;
  readonly #trace: TraceContext | undefined;
  #version: number | undefined;

  /** @param newId gives an id to a request that brings none */
  constructor(message: Msg, newId: () => string) {
    this.#message = message;
    this.subject = message.subject;
    this.data = message.data;
    const [given] = this.#values(header.requestId);
    // Anything else could forge lines of a log.
    this.requestId = given !== undefined && /^[\x21-\x7e]{1,128}$/.test(given) ? given : newId();
    this.#trace = readTraceContext(this.#values(header.traceparent), this.#values(header.tracestate));
  }

  /** What every line of the log about it carries. */
  get logFields(): Readonly<Record<string, string>> {
    const trace = this.#trace;
    return {
      requestId: this.requestId,
      subject: this.subject,
      ...(trace === undefined ? {} : { traceId: trace.traceId, parentId: trace.parentId }),
      ...(trace?.tracestate === undefined ? {} : { tracestate: trace.tracestate }),
    };
  }

  /** @throws SB_MALFORMED_REQUEST when it has more than one, or one that is not 1 to 255 visible ASCII characters */
  key(): RequestOptions {
    const keys = this.#values(header.key);
    if (keys.length > 1)
      throw new SignalboxError("SB_MALFORMED_REQUEST", `${header.key} is given ${keys.length} times.`);
    return requestKey(header.key, keys[0]);
  }

  /** The versions that its sender has seen, as over HTTP. @throws SB_MALFORMED_REQUEST */
  versions(): Pick<RequestOptions, "onlyVersions"> {
    const given = this.#values(header.ifMatch);
    return ifMatch(given.length === 0 ? undefined : given.join(","));
  }

  /** Says the version of what is answered. */
  tag(version: number | undefined): void {
    this.#version = version;
  }

  /** The token of its sender, as over HTTP. */
  token(): string | undefined {
    const [given] = this.#values(header.token);
    return given || /^Bearer +(\S+)$/i.exec(this.#values(header.authorization)[0] ?? "")?.[1];
  }

  /** Sends the result. Throws what the library throws when it cannot be sent. */
  answer(payload: Uint8Array): void {
    const made = this.#headers("application/json");
    if (this.#version !== undefined) made.set(header.etag, entityTag(this.#version));
    this.#send(payload, made);
  }

  /** Sends the error, as a problem (RFC 9457) and in the headers of NATS micro services. */
  answerError(error: SignalboxError): void {
    const problem = problemOf(error, { instance: this.subject, requestId: this.requestId });
    const made = this.#headers("application/problem+json");
    made.set(header.error, oneLine(`${problem.title}: ${problem.detail}`));
    made.set(header.errorCode, String(problem.status));
    // As over HTTP: seconds after which it may go well.
    if (error.transient && (error.status === 503 || error.status === 429)) made.set(header.retryAfter, "1");
    this.#send(Buffer.from(JSON.stringify(problem)), made);
  }

  #send(payload: Uint8Array, made: MsgHdrs): void {
    // A request without a reply subject wants no answer.
    this.#message.respond(payload, { headers: made });
  }

  #headers(contentType: string): MsgHdrs {
    const made = headers();
    made.set(header.contentType, contentType);
    made.set(header.requestId, this.requestId);
    if (this.#trace !== undefined) made.set(header.traceparent, this.#trace.traceparent);
    if (this.#trace?.tracestate !== undefined) made.set(header.tracestate, this.#trace.tracestate);
    return made;
  }

  #values(name: string): string[] {
    return this.#message.headers?.values(name, Match.IgnoreCase) ?? [];
  }
}

/** Text that a header can carry: a line break would begin another header. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 3)}...`;
}
