import { maxHeaderSize } from "node:http";
import type { Socket } from "node:net";
import { SignalboxError } from "../../errors.ts";
import { PROBLEM_TYPE, problemOf } from "../api/problem.ts";

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly error: SignalboxError;
}

/** Answers a request that Node's parser gave up on, and ends its connection: there is no request object, only the socket. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, reason, error: problem } = answerTo(error);
  const body = JSON.stringify({ ...problemOf(problem, { instance: "", requestId: "" }), status });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
  );
}

function answerTo(error: NodeJS.ErrnoException & { readonly reason?: string }): Answer {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return {
        status: 431,
        reason: "Request Header Fields Too Large",
        error: malformed(
          `The request line and the headers are longer than ${maxHeaderSize} bytes.`,
          "Shorten the URL or the headers; a filter with many values can be split over several requests.",
        ),
      };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return {
        status: 408,
        reason: "Request Timeout",
        error: malformed("The request did not come in completely in time.", "Send it again, in one go."),
      };
    default:
      return {
        status: 400,
        reason: "Bad Request",
        error: malformed(`What came is not HTTP: ${error.reason ?? error.message}.`),
      };
  }
}

/** A request that has an object, with a URL that Fastify's router refuses. */
export function urlError(thrown: { readonly code?: unknown }, url: string, cause: unknown): SignalboxError {
  const path = url.length > 100 ? `${url.slice(0, 100)}...` : url;
  const message =
    thrown.code === "FST_ERR_BAD_URL"
      ? `The path ${path} is not UTF-8 in percent-encoding.`
      : `The path ${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`;
  return new SignalboxError("SB_MALFORMED_REQUEST", message, {
    cause,
    advice: "Write a percent sign as %25, and every other special character as the bytes of its UTF-8 (RFC 3986).",
  });
}

/** Checks what Node and Fastify leave unchecked. @throws SB_MALFORMED_REQUEST for a query that cannot be decoded */
export function checkQuery(url: string): void {
  const start = url.indexOf("?");
  if (start === -1) return;
  for (const part of url.slice(start + 1).split("&")) {
    try {
      decodeURIComponent(part.replaceAll("+", " "));
    } catch (cause) {
      const shown = part.length > 100 ? `${part.slice(0, 100)}...` : part;
      throw new SignalboxError("SB_MALFORMED_REQUEST", `The query ${shown} is not UTF-8 in percent-encoding.`, {
        cause,
        advice: "Write a percent sign as %25.",
      });
    }
  }
}

function malformed(message: string, advice?: string): SignalboxError {
  return new SignalboxError("SB_MALFORMED_REQUEST", message, advice === undefined ? {} : { advice });
}
