import type { FastifyInstance, FastifyRequest } from "fastify";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { openEnvelope } from "../api/envelope.ts";
import { pointingInto } from "../api/pointing-into.ts";
import { requestKey } from "../api/request-key.ts";
import { requireFilterable } from "../api/require-filterable.ts";
import { listParameter, onlyParameters, type Query } from "./query.ts";

/** `/v2.0/<collection>`, `/v2.0/<collection>/<id>` and `.../retry` for every resource type, with Gohan's envelopes. */
export function resourceRoutes(app: FastifyInstance, types: readonly TypeSchema[]): void {
  for (const schema of types) routesOfType(app, schema);
}

function routesOfType(app: FastifyInstance, schema: TypeSchema): void {
  const { type, collection } = schema;
  const all = `/v2.0/${collection}`;
  const one = `${all}/:id`;

  app.post(all, async (request, reply) => {
    noParameters(request);
    const fields = openEnvelope(request.body, type);
    const options = keyOf(request);
    const resource = await pointingInto(type, () => request.api.create(type, fields, options));
    reply.code(201).header("location", `${all}/${encodeURIComponent(String(resource.id))}`);
    return { [type]: resource };
  });
  app.get(all, async (request) => {
    const filters = filtersOf(request.query as Query, schema);
    return { [collection]: await request.api.list(type, filters === undefined ? {} : { filters }) };
  });
  app.get(one, async (request) => {
    noParameters(request);
    return { [type]: await request.api.get(type, idOf(request)) };
  });
  app.put(one, async (request) => {
    noParameters(request);
    const fields = openEnvelope(request.body, type);
    const options = keyOf(request);
    return { [type]: await pointingInto(type, () => request.api.update(type, idOf(request), fields, options)) };
  });
  app.delete(one, async (request, reply) => {
    noParameters(request);
    await request.api.remove(type, idOf(request));
    return reply.code(204).send();
  });
  app.post(`${one}/retry`, async (request) => {
    noParameters(request);
    return { [type]: await request.api.retry(type, idOf(request)) };
  });
}

/** Who asks for a dry run, or to force something, must not take it for granted. */
function noParameters(request: FastifyRequest): void {
  onlyParameters(request.query as Query, []);
}

/** The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a string, quoted or not. */
function keyOf(request: FastifyRequest): { key?: string } {
  const header = request.headers["idempotency-key"];
  if (header === undefined) return {};
  return requestKey("Idempotency-Key", String(header).replace(/^"(.*)"$/, "$1"));
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

function filtersOf(query: Query, schema: TypeSchema): Record<string, readonly string[]> | undefined {
  const names = Object.keys(query);
  if (names.length === 0) return undefined;
  requireFilterable(schema, names);
  return Object.fromEntries(names.map((name) => [name, listParameter(query, name)]));
}
