import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { RequestSource } from "./request-source.ts";

const EXPOSED = "ETag, Location, Retry-After, X-Request-Id, X-Total-Count";
const ACCEPTED =
  "accept, authorization, content-type, idempotency-key, if-match, last-event-id, x-auth-token, x-request-id";

/**
 * The answers to pages of other origins that are allowed (Fetch standard, CORS protocol): each is told its own origin, never that all may,
 * and no cookie or certificate of a browser counts.
 */
export function crossOriginAnswers(app: FastifyInstance, source: RequestSource): void {
  if (!source.hasOrigins) return;
  app.addHook("onRequest", async (request, reply) => {
    reply.header("vary", "Origin");
    const { origin } = request.headers;
    if (!source.allows(origin)) return;
    reply.header("access-control-allow-origin", origin).header("access-control-expose-headers", EXPOSED);
  });
  // A route may have said what else the answer depends on.
  app.addHook("onSend", async (_request, reply) => {
    const vary = String(reply.getHeader("vary") ?? "");
    if (!/\borigin\b/i.test(vary)) reply.header("vary", vary === "" ? "Origin" : `${vary}, Origin`);
  });
}

/** What a browser asks for before it sends what a form could not. */
export function answerPreflight(
  request: FastifyRequest,
  reply: FastifyReply,
  source: RequestSource,
  methods: readonly string[],
): void {
  if (!source.allows(request.headers.origin)) return;
  if (request.headers["access-control-request-method"] === undefined) return;
  reply
    .header("access-control-allow-methods", methods.join(", "))
    .header("access-control-allow-headers", ACCEPTED)
    .header("access-control-max-age", "600");
}
