import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "../../actors/ports.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { problemOf } from "../api/problem.ts";

/** How records become bytes, and what is sent when there was nothing else for a while. */
export interface StreamFormat<T> {
  readonly contentType: string;
  readonly opening: string;
  readonly heartbeat: string;
  encode(item: T): string;
  /** The last words when the source fails, or the right to it ends. */
  readonly failure: (problem: object) => string;
  /** Whether the connection is cut after them: where a reader could take them for one record more and the end for a good one. */
  readonly cut?: true;
}

/** One JSON text per line; empty lines are heartbeats, which readers of NDJSON skip. `problem` in the last one says why it is the last. */
export function ndjson<T>(): StreamFormat<T> {
  return {
    contentType: "application/x-ndjson; charset=utf-8",
    opening: "",
    heartbeat: "\n",
    encode: (item) => `${JSON.stringify(item)}\n`,
    failure: (problem) => `${JSON.stringify({ problem })}\n`,
    cut: true,
  };
}

/** Server-sent events (WHATWG HTML, section 9.2) of one event name, with an id by which a client resumes. */
export function serverSentEvents<T>(name: string, idOf: (item: T) => number): StreamFormat<T> {
  return {
    contentType: "text/event-stream; charset=utf-8",
    opening: "retry: 2000\n\n",
    heartbeat: ":\n\n",
    encode: (item) => `id: ${idOf(item)}\nevent: ${name}\ndata: ${JSON.stringify(item)}\n\n`,
    failure: (problem) => `event: problem\ndata: ${JSON.stringify(problem)}\n\n`,
  };
}

/**
 * The open streams of a server. A stream ends when its source ends, when its client leaves or when the server closes;
 * in each case the signal that the source was given is aborted. A slow client slows its source down: nothing is buffered
 * beyond the socket.
 */
export class StreamResponses {
  readonly #open = new Set<AbortController>();
  readonly #options: { logger: Logger; most: number; heartbeatMs: number };
  #closing = false;

  constructor(options: { logger: Logger; most: number; heartbeatMs: number }) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Ends all streams, and each new one at once. */
  close(): void {
    this.#closing = true;
    for (const stream of this.#open) stream.abort();
  }

  /**
   * Answers a request with the records of `source`; resolves when the stream has ended, at the latest when its caller's right has.
   * @throws SB_NOT_READY when as many streams are open as the server allows, and what opening one for the caller throws
   */
  async send<T>(
    request: FastifyRequest,
    reply: FastifyReply,
    format: StreamFormat<T>,
    source: (signal: AbortSignal) => AsyncIterable<T>,
  ): Promise<void> {
    if (this.#open.size >= this.#options.most) {
      throw new SignalboxError("SB_NOT_READY", `There are ${this.#open.size} open streams, as many as are allowed.`);
    }
    const permit = request.openStream?.();
    const stream = new AbortController();
    this.#open.add(stream);
    permit?.signal.addEventListener("abort", () => stream.abort(), { once: true });
    if (this.#closing) stream.abort();
    reply.hijack();
    const raw = reply.raw;
    const leave = () => stream.abort();
    raw.once("close", leave);
    raw.once("error", leave);
    request.raw.socket.setKeepAlive?.(true, 30_000);
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) raw.setHeader(name, value);
    }
    raw.writeHead(200, {
      "content-type": format.contentType,
      "cache-control": "no-store",
      // Nothing follows a stream on its connection, and a closing server need not wait for it.
      connection: "close",
    });
    raw.flushHeaders();
    const heartbeat = setInterval(() => {
      if (!raw.writableNeedDrain) raw.write(format.heartbeat);
    }, this.#options.heartbeatMs);
    heartbeat.unref();
    try {
      if (format.opening !== "") await write(raw, format.opening, stream.signal);
      for await (const item of source(stream.signal)) {
        if (stream.signal.aborted) break;
        await write(raw, format.encode(item), stream.signal);
      }
      if (permit?.signal.aborted === true) this.#revoke(permit.signal.reason, request, raw, format);
      else raw.end();
    } catch (thrown) {
      if (permit?.signal.aborted === true) this.#revoke(permit.signal.reason, request, raw, format);
      else this.#fail(thrown, stream.signal, request, raw, format);
    } finally {
      clearInterval(heartbeat);
      permit?.release();
      this.#open.delete(stream);
      stream.abort();
    }
  }

  #revoke(reason: unknown, request: FastifyRequest, raw: ServerResponse, format: LastWords): void {
    const error = asSignalboxError(reason);
    const { name } = request.caller ?? {};
    this.#options.logger.info(
      { requestId: request.id, caller: name, code: error.code },
      `a stream ends: ${error.message}`,
    );
    sayLast(error, request, raw, format);
  }

  #fail(thrown: unknown, signal: AbortSignal, request: FastifyRequest, raw: ServerResponse, format: LastWords): void {
    if (signal.aborted) {
      raw.end();
      return;
    }
    this.#options.logger.error({ requestId: request.id, err: thrown }, "a stream failed");
    sayLast(asSignalboxError(thrown), request, raw, format);
  }
}

type LastWords = Pick<StreamFormat<never>, "failure" | "cut">;

/** Who is slow to take what was sent before hears no last words. */
function sayLast(
  error: SignalboxError,
  request: FastifyRequest,
  raw: ServerResponse,
  { failure, cut }: LastWords,
): void {
  const words = failure(problemOf(error, { instance: request.url, requestId: request.id }));
  if (raw.writableNeedDrain) raw.destroy();
  else if (cut === true) raw.write(words, () => raw.destroy());
  else raw.end(words);
}

async function write(raw: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (!raw.write(text)) await once(raw, "drain", { signal });
}
