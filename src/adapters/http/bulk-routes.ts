import type { FastifyInstance } from "fastify";
import type { Json, Logger } from "../../actors/ports.ts";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import type { SignalboxError } from "../../errors.ts";
import { bulkCreate } from "../api/bulk-create.ts";
import { openBulk } from "../api/bulk-items.ts";
import { problemOf } from "../api/problem.ts";
import { answerInSlices } from "./answer-in-slices.ts";
import { idempotencyKey } from "./idempotency-key.ts";
import { onlyParameters, type Query } from "./query.ts";

/** Room for a thousand resources of some kilobytes each. */
const BODY_BYTES = 8 * 1024 * 1024;

/** `POST /v2.0/<collection>/bulk` for every resource type: up to 1,000 creations in one request, with a result for each. It costs as much of a rate as they would. */
export function bulkRoutes(app: FastifyInstance, types: readonly TypeSchema[], logger: Logger): void {
  for (const schema of types) {
    const path = `/v2.0/${schema.collection}/bulk`;
    const does = { type: schema.type, action: "create" } as const;
    const config = { does, bodyBytes: BODY_BYTES, bulkOf: schema.collection };
    app.post(path, { bodyLimit: BODY_BYTES, config }, async (request, reply) => {
      onlyParameters(request.query as Query, []);
      // The body was read as items already: without one there is nothing to read.
      const items = (request.body as readonly Json[] | undefined) ?? openBulk(undefined, schema.collection);
      // One was paid with the request.
      if (items.length > 1) request.charge(items.length - 1);
      const problem = (error: SignalboxError) => {
        const requestId = request.id;
        if (error.code === "SB_INTERNAL") logger.error({ requestId, err: error.cause ?? error }, error.message);
        return problemOf(error, { instance: path, requestId });
      };
      const results = await bulkCreate(request.api, schema, items, { ...idempotencyKey(request), problem });
      return answerInSlices(request, reply, { results });
    });
  }
}
