import { randomUUID } from "node:crypto";
import { type IncomingMessage, maxHeaderSize, type RequestListener } from "node:http";
import Fastify, {
  type FastifyInstance,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Gatekeeper } from "../../actors/access/gatekeeper.ts";
import type { GatewayApi } from "../../actors/gateway-api.ts";
import type { InspectionApi } from "../../actors/inspection/inspection-api.ts";
import type { Logger } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { readBulkItems } from "../api/bulk-items.ts";
import { BytesInFlight, type HeldBytes } from "../api/bytes-in-flight.ts";
import { parseJson } from "../api/parse-json.ts";
import { PROBLEM_TYPE, problemOf } from "../api/problem.ts";
import { readBytes, requireUtf8 } from "../api/read-body.ts";
import { admission, requireOperator } from "./admission.ts";
import { AllowedMethods } from "./allowed-methods.ts";
import { auditRoutes } from "./audit-routes.ts";
import { answerBrokenRequest, checkQuery, urlError } from "./broken-request.ts";
import { bulkRoutes } from "./bulk-routes.ts";
import { answerPreflight, crossOriginAnswers } from "./cross-origin-answers.ts";
import { inspectionRoutes } from "./inspection/inspection-routes.ts";
import { uiFiles } from "./inspection/ui-files.ts";
import { liveRoutes } from "./live-routes.ts";
import { noSuchRoute } from "./no-such-route.ts";
import { OpenConnections } from "./open-connections.ts";
import { openStackClients } from "./openstack-clients.ts";
import { pageRoutes } from "./page-routes.ts";
import { headOf, RequestSource, type RequestSourceOptions } from "./request-source.ts";
import { requireIntent } from "./require-intent.ts";
import { resourceRoutes } from "./resource-routes.ts";
import { secretRoutes } from "./secret-routes.ts";
import { createSecureServer, type HttpTls } from "./secure-server.ts";
import { StreamResponses } from "./stream-response.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Its body, as long as it is not answered. */
    held: HeldBytes;
  }
}

export interface HttpLimits {
  /** Largest request body; default 256 KiB. */
  readonly bodyBytes: number;
  /** How much of a body that is too large is read and thrown away, so that its sender can read the answer; 8 MiB. */
  readonly drainBytes: number;
  /** Bytes of bodies that one caller may have under way, in requests that are not answered; 16 MiB. */
  readonly bytesInFlight: number;
  /** Time for a whole request to come in; 30 s. */
  readonly requestTimeoutMs: number;
  /** Streams open at a time; 512. */
  readonly streams: number;
  /** A stream that has nothing to say sends something empty after this time; 15 s. */
  readonly heartbeatMs: number;
  /** How long a closing server waits for clients to take their answers; 5 s. */
  readonly closeGraceMs: number;
}

export interface HttpServerOptions {
  readonly api: GatewayApi;
  /** Who may do what. Without one everybody has all of the API. */
  readonly gatekeeper?: Gatekeeper;
  /** From where requests are taken; from this machine's own names when nothing is said. */
  readonly source?: RequestSourceOptions;
  /** Without it HTTP is spoken without TLS. */
  readonly tls?: HttpTls;
  readonly logger: Logger;
  /** What the visualiser shows; without it there is no visualiser. */
  readonly inspection?: InspectionApi | undefined;
  /** Further routes for operators (metrics, a lab), each in a context of its own. They share error answers and limits. */
  readonly plugins?: readonly FastifyPluginCallback[];
  readonly limits?: Partial<HttpLimits>;
  /** Gives an id to a request that brings none; default a random UUID. */
  readonly requestId?: () => string;
}

const defaults = {
  bodyBytes: 256 * 1024,
  drainBytes: 8 * 1024 * 1024,
  bytesInFlight: 16 * 1024 * 1024,
  requestTimeoutMs: 30_000,
  streams: 512,
  heartbeatMs: 15_000,
  closeGraceMs: 5_000,
} satisfies HttpLimits;

/** What every answer says to browsers: it is not to be kept, and nobody else's page may embed it or guess what it is. */
const OWN_PAGES_ONLY = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

/** How often within its time limit it is looked whether a request has come in. */
const CHECKS_PER_TIMEOUT = 6;

/**
 * The REST transport of the gateway. It only translates: paths and envelopes to calls of the API, results to JSON,
 * errors to RFC 9457 problems. `close()` ends open streams, lets running requests finish and cuts what is left.
 */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { api, logger } = options;
  const limits = { ...defaults, ...options.limits };
  const newId = options.requestId ?? randomUUID;
  const { tls } = options;
  const serverOptions = {
    requireHostHeader: false,
    connectionsCheckingInterval: Math.max(10, Math.floor(limits.requestTimeoutMs / CHECKS_PER_TIMEOUT)),
  };
  const secure =
    tls === undefined
      ? {}
      : {
          serverFactory: (listener: RequestListener) =>
            createSecureServer(tls, { ...serverOptions, requestTimeout: limits.requestTimeoutMs }, listener),
        };
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    return503OnClosing: false,
    // The length of an id is bounded by that of the request line; the Host header is checked below, with a problem for an answer.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: maxHeaderSize },
    http: serverOptions,
    ...secure,
    genReqId: (request) => givenRequestId(request) ?? newId(),
    clientErrorHandler: answerBrokenRequest,
    // No hook has seen these.
    frameworkErrors: (error, request, reply) =>
      answer(logger, refusalOf(source, request) ?? urlError(error, request.url, error), request, reply),
  });
  const source = new RequestSource(options.source);
  const connections = new OpenConnections(app.server);
  const allowed = new AllowedMethods();
  const admit = admission(app, api, options.gatekeeper);
  const streams = new StreamResponses({ logger, most: limits.streams, heartbeatMs: limits.heartbeatMs });
  let closing = false;

  app.removeAllContentTypeParsers();
  const inFlight = new BytesInFlight(limits.bytesInFlight);
  app.decorateRequest("held");
  // Not for all requests: most have no body.
  app.addHook("preParsing", async (request, reply) => {
    request.held = inFlight.of(request.caller?.name ?? "anonymous");
    reply.raw.once("close", () => request.held.release());
  });
  const sizesOf = ({ routeOptions: { config }, held }: FastifyRequest) => ({
    limitBytes: config.bodyBytes ?? limits.bodyBytes,
    drainBytes: Math.max(limits.drainBytes, 2 * (config.bodyBytes ?? 0)),
    held,
  });
  app.addContentTypeParser("application/json", async (request: FastifyRequest, payload: IncomingMessage) => {
    const bytes = await readBytes(payload, sizesOf(request));
    requireUtf8(request.headers);
    const { bulkOf } = request.routeOptions.config;
    if (bulkOf !== undefined) return readBulkItems(bytes, bulkOf, limits.bodyBytes);
    return bytes.length === 0 ? undefined : parseJson(bytes);
  });
  app.addContentTypeParser("*", async (request: FastifyRequest, payload: IncomingMessage) => {
    const bytes = await readBytes(payload, sizesOf(request));
    if (bytes.length === 0) return undefined;
    const given = request.headers["content-type"];
    throw new SignalboxError(
      "SB_UNSUPPORTED_MEDIA_TYPE",
      given === undefined ? "The request has a body but no content type." : `The content type is "${given}".`,
    );
  });

  app.addHook("onRoute", (route) => allowed.add(route.url, route.method));
  crossOriginAnswers(app, source);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    for (const [name, value] of Object.entries(OWN_PAGES_ONLY)) reply.header(name, value);
    if (tls !== undefined) reply.header("strict-transport-security", "max-age=31536000");
    source.check(headOf(request));
    if (closing) {
      reply.header("connection", "close");
      throw new SignalboxError("SB_NOT_READY", "The service is stopping.");
    }
    checkQuery(request.url);
    // Before the body is read: what is wrong with it does not matter then.
    if (request.is404) return refusePath(request, reply);
    await admit(request);
    requireIntent(request);
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
    connections.close(limits.closeGraceMs);
  });

  const refusePath = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = pathOf(request);
    const methods = allowed.of(path);
    if (methods.length === 0) return answer(logger, noSuchRoute(path, api.types), request, reply);
    reply.header("allow", methods.join(", "));
    if (request.method === "OPTIONS") {
      answerPreflight(request, reply, source, methods);
      return reply.code(204).send();
    }
    const message = `${path} does not take ${request.method}, only ${methods.join(", ")}.`;
    return answer(logger, new SignalboxError("SB_METHOD_NOT_ALLOWED", message), request, reply);
  };
  app.setErrorHandler((thrown, request, reply) => answer(logger, signalboxErrorOf(thrown, request), request, reply));
  app.setNotFoundHandler(refusePath);

  openStackClients(app);
  resourceRoutes(app, api.types);
  bulkRoutes(app, api.types, logger);
  auditRoutes(app, api.types, streams);
  secretRoutes(app);
  liveRoutes(app, streams);
  pageRoutes(app, api);
  const { inspection, gatekeeper } = options;
  if (inspection !== undefined) {
    inspectionRoutes(app, { inspection, streams });
    app.register(uiFiles());
  }
  app.register((pages, _options, done) => {
    if (gatekeeper !== undefined) pages.addHook("onRequest", requireOperator);
    for (const plugin of options.plugins ?? []) pages.register(plugin);
    done();
  });
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
  if ((error.status === 503 || error.status === 429) && error.transient)
    reply.header("retry-after", String(error.retryAfterS ?? 1));
  if (error.status === 401) reply.header("www-authenticate", "Bearer");
  reply.header("x-request-id", requestId);
  return reply
    .code(error.status)
    .type(PROBLEM_TYPE)
    .send(problemOf(error, { instance: pathOf(request), requestId }));
}

function signalboxErrorOf(thrown: unknown, request: FastifyRequest): SignalboxError {
  if (thrown instanceof SignalboxError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  if (typeof code === "string" && code.startsWith("FST_ERR_") && typeof statusCode === "number" && statusCode < 500) {
    if (statusCode !== 415) return new SignalboxError("SB_MALFORMED_REQUEST", message, { cause: thrown });
    const given = `The content type is "${request.headers["content-type"] ?? ""}".`;
    return new SignalboxError("SB_UNSUPPORTED_MEDIA_TYPE", given, { cause: thrown });
  }
  return new SignalboxError("SB_INTERNAL", message, { cause: thrown });
}

function refusalOf(source: RequestSource, request: FastifyRequest): SignalboxError | undefined {
  try {
    source.check(headOf(request));
    return undefined;
  } catch (thrown) {
    return signalboxErrorOf(thrown, request);
  }
}

function givenRequestId(request: IncomingMessage): string | undefined {
  const given = request.headers["x-request-id"];
  // Anything else could forge lines of a log.
  return typeof given === "string" && /^[\x21-\x7e]{1,128}$/.test(given) ? given : undefined;
}

/** The path of the target, which may be in absolute form. */
function pathOf(request: FastifyRequest): string {
  const target = request.url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  const end = target.indexOf("?");
  return end === -1 ? target : target.slice(0, end);
}
