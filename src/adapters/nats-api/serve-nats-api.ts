import { randomUUID } from "node:crypto";
import type { Msg, NatsConnection, Subscription } from "nats";
import type { Gatekeeper } from "../../actors/access/gatekeeper.ts";
import type { GatewayApi } from "../../actors/gateway-api.ts";
import type { Clock, Logger } from "../../actors/ports.ts";
import { EndpointStats } from "./endpoint-stats.ts";
import { endpointsOf } from "./endpoints.ts";
import { RequestHandler } from "./request-handler.ts";
import { Subjects } from "./subjects.ts";
import { unknownSubject } from "./unknown-subject.ts";

export interface NatsApiOptions {
  /** Stays the caller's: it is neither made nor closed here. */
  readonly connection: NatsConnection;
  readonly api: GatewayApi;
  /** Who may do what. Without one everybody has all of the API. */
  readonly gatekeeper?: Gatekeeper;
  readonly logger: Logger;
  /** Without it neither the log nor the statistics say how long requests took, and `stop` waits for the last answer however long. */
  readonly clock?: Clock;
  /** Where clients reach the REST gateway, whose schemas the endpoints' metadata point to. */
  readonly publicUrl: string;
  /** First token of all subjects and name of the service, default "signalbox". */
  readonly namespace?: string;
  readonly limits?: Partial<NatsApiLimits>;
  /** Gives an id to a request that brings none; default a random UUID. */
  readonly requestId?: () => string;
}

export interface NatsApiLimits {
  /** Largest request body, as over HTTP; default 256 KiB. */
  readonly bodyBytes: number;
  /** Bytes of bodies that one caller may have under way, as over HTTP; 16 MiB. */
  readonly bytesInFlight: number;
  /** How long `stop` waits for requests in hand; 30 s. */
  readonly graceMs: number;
}

export interface NatsApi {
  /** No new requests; those in hand are answered. Resolves when their answers are with the server. */
  stop(): Promise<void>;
}

/** Version of the API, as `$SRV.PING` tells it. */
const VERSION = "2.0.0";
const defaults = { bodyBytes: 256 * 1024, bytesInFlight: 16 * 1024 * 1024, graceMs: 30_000 } satisfies NatsApiLimits;

/**
 * The NATS transport of the gateway: a micro service (NATS ADR-32) with one endpoint per collection and verb. It only translates, as the
 * REST transport does. Services of several processes share the requests. Resolves when the server knows the subscriptions.
 */
export async function serveNatsApi(options: NatsApiOptions): Promise<NatsApi> {
  const { connection, api, logger, clock, publicUrl } = options;
  const limits = { ...defaults, ...options.limits };
  const subjects = new Subjects(options.namespace);
  const endpoints = endpointsOf(api.types, subjects, publicUrl);
  const handler = new RequestHandler({
    connection,
    api,
    ...(options.gatekeeper === undefined ? {} : { gatekeeper: options.gatekeeper }),
    logger,
    requestId: options.requestId ?? randomUUID,
    bodyBytes: limits.bodyBytes,
    bytesInFlight: limits.bytesInFlight,
    ...(clock === undefined ? {} : { clock }),
  });
  const stats = new Map(endpoints.map(({ subject }) => [subject, new EndpointStats()]));
  const queue = `${subjects.namespace}-gateway`;
  const service = await connection.services.add({
    name: subjects.namespace,
    version: VERSION,
    description: "Small JSON resources in; router pairs, switches and controllers configured, watched and documented",
    queue,
    metadata: { openapi: `${publicUrl.replace(/\/+$/, "")}/openapi.json`, events: subjects.event("*", "*") },
    statsHandler: async ({ subject }) => stats.get(subject)?.data ?? null,
  });
  for (const endpoint of endpoints) {
    const { name, subject, metadata } = endpoint;
    service.addEndpoint(name, {
      subject,
      metadata: { ...metadata },
      // An error ends the service, which is told below.
      handler: (error, message) => {
        if (error === null) handler.take(message, endpoint, stats.get(subject));
      },
    });
  }
  const others = serveOthers(connection, { queue: `${queue}-unknown`, subjects, handler, known: stats, api });
  let stopping = false;
  void service.stopped.then((error) => {
    if (!stopping)
      logger.error({ err: error }, "the service on NATS ended: requests over NATS are not answered any more");
  });
  await connection.flush();
  const { name, id } = service.info();
  logger.info({ service: name, id, endpoints: endpoints.length }, "the gateway answers on NATS");

  const drained = async () => {
    await Promise.all([service.stop(), drain(others)]);
    await handler.finished();
    if (!connection.isClosed()) await connection.flush();
  };
  let stopped: Promise<void> | undefined;
  return {
    stop: () => {
      stopping = true;
      stopped ??= atMost(limits.graceMs, clock, drained(), connection, logger);
      return stopped;
    },
  };
}

/**
 * Answers what is sent to no endpoint, where it would else seem that no gateway runs. The group is another one than the endpoints', so
 * it sees their requests too and leaves them alone.
 */
function serveOthers(
  connection: NatsConnection,
  own: {
    queue: string;
    subjects: Subjects;
    handler: RequestHandler;
    known: ReadonlyMap<string, unknown>;
    api: GatewayApi;
  },
): Subscription {
  const collections = new Set(own.api.types.map(({ collection }) => collection));
  return connection.subscribe(own.subjects.requests, {
    queue: own.queue,
    callback: (error, message: Msg) => {
      if (error !== null || own.known.has(message.subject)) return;
      own.handler.take(message, {
        call: async () => {
          throw unknownSubject(message.subject, own.subjects, collections);
        },
      });
    },
  });
}

async function drain(subscription: Subscription): Promise<void> {
  if (!subscription.isClosed()) await subscription.drain().catch(() => undefined);
}

/** Waits for the end, but neither longer than allowed nor beyond the connection's. */
async function atMost(
  ms: number,
  clock: Clock | undefined,
  end: Promise<void>,
  connection: NatsConnection,
  logger: Logger,
): Promise<void> {
  let cancel = () => {};
  const late = new Promise<"late">((resolve) => {
    cancel = clock?.after(ms, () => resolve("late")) ?? cancel;
  });
  const how = await Promise.race([end.catch(() => undefined), connection.closed().then(() => undefined), late]);
  cancel();
  if (how === "late") logger.warn({ ms }, "requests over NATS were not answered in time before the end");
}
