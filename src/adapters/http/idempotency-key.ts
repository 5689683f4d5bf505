import type { FastifyRequest } from "fastify";
import { requestKey } from "../api/request-key.ts";

/** The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a string, quoted or not. @throws SB_MALFORMED_REQUEST */
export function idempotencyKey(request: FastifyRequest): { key?: string } {
  const header = request.headers["idempotency-key"];
  if (header === undefined) return {};
  return requestKey("Idempotency-Key", String(header).replace(/^"(.*)"$/, "$1"));
}
