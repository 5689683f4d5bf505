import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import Fastify, {
  type FastifyInstance,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { GatewayApi } from "../../actors/gateway-api.ts";
import type { Logger } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { AllowedMethods } from "./allowed-methods.ts";
import { liveRoutes } from "./live-routes.ts";
import { pageRoutes } from "./page-routes.ts";
import { PROBLEM_TYPE, problemOf } from "./problem.ts";
import { parseJsonBody, readBytes } from "./read-body.ts";
import { resourceRoutes } from "./resource-routes.ts";
import { RunningRequests } from "./running-requests.ts";
import { StreamResponses } from "./stream-response.ts";

export interface HttpLimits {
  /** Largest request body; default 256 KiB. */
  readonly bodyBytes: number;
  /** How much of a body that is too large is read and thrown away, so that its sender can read the answer; 8 MiB. */
  readonly drainBytes: number;
  /** Time for a whole request to come in; 30 s. */
  readonly requestTimeoutMs: number;
  /** Streams open at a time; 512. */
  readonly streams: number;
  /** A stream that has nothing to say sends something empty after this time; 15 s. */
  readonly heartbeatMs: number;
}

export interface HttpServerOptions {
  readonly api: GatewayApi;
  readonly logger: Logger;
  /** Further routes (the visualiser, metrics, a lab), each in a context of its own. They share error answers and limits. */
  readonly plugins?: readonly FastifyPluginCallback[];
  readonly limits?: Partial<HttpLimits>;
  /** Gives an id to a request that brings none; default a random UUID. */
  readonly requestId?: () => string;
}

const defaults = {
  bodyBytes: 256 * 1024,
  drainBytes: 8 * 1024 * 1024,
  requestTimeoutMs: 30_000,
  streams: 512,
  heartbeatMs: 15_000,
} satisfies HttpLimits;

/**
 * The REST transport of the gateway. It only translates: paths and envelopes to calls of the API, results to JSON,
 * errors to RFC 9457 problems. `close()` ends open streams, lets running requests finish and cuts what is left.
 */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { api, logger } = options;
  const limits = { ...defaults, ...options.limits };
  const newId = options.requestId ?? randomUUID;
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    return503OnClosing: false,
    // A connection that has not asked anything yet counts as busy to Node and would keep `close` waiting.
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    genReqId: (request) => givenRequestId(request) ?? newId(),
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) =>
      answer(logger, new SignalboxError("SB_MALFORMED_REQUEST", error.message, { cause: error }), request, reply),
  });
  const allowed = new AllowedMethods();
  const streams = new StreamResponses({ logger, most: limits.streams, heartbeatMs: limits.heartbeatMs });
  const running = new RunningRequests();
  let closing = false;

  app.removeAllContentTypeParsers();
  const sizes = { limitBytes: limits.bodyBytes, drainBytes: limits.drainBytes };
  app.addContentTypeParser("application/json", async (request: FastifyRequest, payload: IncomingMessage) =>
    parseJsonBody(await readBytes(payload, sizes), request.headers),
  );
  app.addContentTypeParser("*", async (request: FastifyRequest, payload: IncomingMessage) => {
    const bytes = await readBytes(payload, sizes);
    if (bytes.length === 0) return undefined;
    const given = request.headers["content-type"];
    throw new SignalboxError(
      "SB_UNSUPPORTED_MEDIA_TYPE",
      given === undefined ? "The request has a body but no content type." : `The content type is "${given}".`,
    );
  });

  app.addHook("onRoute", (route) => allowed.add(route.url, route.method));
  app.addHook("onRequest", async (request, reply) => {
    running.add(reply.raw);
    reply.header("x-request-id", request.id);
    reply.header("x-content-type-options", "nosniff");
    if (closing) {
      reply.header("connection", "close");
      throw new SignalboxError("SB_NOT_READY", "The service is stopping.");
    }
  });
  app.addHook("onResponse", async (request, reply) => {
    const { id: requestId, method, url } = request;
    const fields = { requestId, method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    if (method === "GET" || method === "HEAD") logger.debug(fields, "request");
    else logger.info(fields, "request");
  });
  app.addHook("preClose", async () => {
    closing = true;
    streams.close();
    await running.finished();
  });

  app.setErrorHandler((thrown, request, reply) => answer(logger, signalboxErrorOf(thrown), request, reply));
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request);
    const methods = allowed.of(path);
    if (methods.length === 0) {
      return answer(logger, new SignalboxError("SB_NO_SUCH_ROUTE", `There is nothing at ${path}.`), request, reply);
    }
    reply.header("allow", methods.join(", "));
    if (request.method === "OPTIONS") return reply.code(204).send();
    const message = `${path} does not take ${request.method}, only ${methods.join(", ")}.`;
    return answer(logger, new SignalboxError("SB_METHOD_NOT_ALLOWED", message), request, reply);
  });

  resourceRoutes(app, api);
  liveRoutes(app, api, streams);
  pageRoutes(app, api);
  for (const plugin of options.plugins ?? []) app.register(plugin);
  return app;
}

/** Sends an error as a problem. Only what nobody foresaw is logged as an error, with its cause and request id. */
function answer(logger: Logger, error: SignalboxError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const requestId = request.id;
  if (error.code === "SB_INTERNAL") {
    logger.error({ requestId, method: request.method, url: request.url, err: error.cause ?? error }, error.message);
  } else {
    logger.debug({ requestId, code: error.code, err: error }, error.message);
  }
  // A body that was read to its end leaves the connection usable, whatever was wrong with it.
  if (request.raw.complete) reply.removeHeader("connection");
  if (error.status === 503 && error.transient) reply.header("retry-after", "1");
  return reply
    .code(error.status)
    .type(PROBLEM_TYPE)
    .send(problemOf(error, { instance: pathOf(request), requestId }));
}

function signalboxErrorOf(thrown: unknown): SignalboxError {
  if (thrown instanceof SignalboxError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  if (typeof code === "string" && code.startsWith("FST_ERR_") && typeof statusCode === "number" && statusCode < 500) {
    const kind = statusCode === 415 ? "SB_UNSUPPORTED_MEDIA_TYPE" : "SB_MALFORMED_REQUEST";
    return new SignalboxError(kind, message, { cause: thrown });
  }
  return new SignalboxError("SB_INTERNAL", message, { cause: thrown });
}

function givenRequestId(request: IncomingMessage): string | undefined {
  const given = request.headers["x-request-id"];
  // Anything else could forge lines of a log.
  return typeof given === "string" && /^[\x21-\x7e]{1,128}$/.test(given) ? given : undefined;
}

function pathOf(request: FastifyRequest): string {
  const end = request.url.indexOf("?");
  return end === -1 ? request.url : request.url.slice(0, end);
}

/** A request that Node's parser gave up on: there is no request object, only the socket. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason] =
    error.code === "HPE_HEADER_OVERFLOW"
      ? [431, "Request Header Fields Too Large"]
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? [408, "Request Timeout"]
        : [400, "Bad Request"];
  const problem = problemOf(new SignalboxError("SB_MALFORMED_REQUEST", `${reason}.`), { instance: "", requestId: "" });
  const body = JSON.stringify({ ...problem, status });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}
