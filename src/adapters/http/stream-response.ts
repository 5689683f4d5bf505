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
  /** The last words when the source fails; without it the connection is cut, which a client cannot take for an end. */
  readonly failure?: (problem: object) => string;
}

/** One JSON text per line; empty lines are heartbeats, which readers of NDJSON skip. */
export function ndjson<T>(): StreamFormat<T> {
  return {
    contentType: "application/x-ndjson; charset=utf-8",
    opening: "",
    heartbeat: "\n",
    encode: (item) => `${JSON.stringify(item)}\n`,
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
   * Answers a request with the records of `source`; resolves when the stream has ended.
   * @throws SB_NOT_READY when as many streams are open as the server allows
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
    const stream = new AbortController();
    this.#open.add(stream);
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
      raw.end();
    } catch (thrown) {
      this.#fail(thrown, stream.signal, request, raw, format.failure);
    } finally {
      clearInterval(heartbeat);
      this.#open.delete(stream);
      stream.abort();
    }
  }

  #fail(
    thrown: unknown,
    signal: AbortSignal,
    request: FastifyRequest,
    raw: ServerResponse,
    lastWords: ((problem: object) => string) | undefined,
  ): void {
    if (signal.aborted) {
      raw.end();
      return;
    }
    const error = asSignalboxError(thrown);
    this.#options.logger.error({ requestId: request.id, err: thrown }, "a stream failed");
    if (lastWords === undefined) raw.destroy();
    else raw.end(lastWords(problemOf(error, { instance: request.url, requestId: request.id })));
  }
}

async function write(raw: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (!raw.write(text)) await once(raw, "drain", { signal });
}
