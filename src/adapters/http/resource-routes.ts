import type { FastifyInstance, FastifyRequest } from "fastify";
import type { GatewayApi } from "../../actors/gateway-api.ts";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { SignalboxError } from "../../errors.ts";
import { openEnvelope } from "./envelope.ts";
import { listParameter, onlyParameters, type Query } from "./query.ts";

/** `/v2.0/<collection>`, `/v2.0/<collection>/<id>` and `.../retry` for every resource type, with Gohan's envelopes. */
export function resourceRoutes(app: FastifyInstance, api: GatewayApi): void {
  for (const schema of api.types) routesOfType(app, api, schema);
}

function routesOfType(app: FastifyInstance, api: GatewayApi, schema: TypeSchema): void {
  const { type, collection } = schema;
  const all = `/v2.0/${collection}`;
  const one = `${all}/:id`;

  app.post(all, async (request, reply) => {
    noParameters(request);
    const fields = openEnvelope(request.body, type);
    const options = keyOf(request);
    const resource = await pointingInto(type, () => api.create(type, fields, options));
    reply.code(201).header("location", `${all}/${encodeURIComponent(String(resource.id))}`);
    return { [type]: resource };
  });
  app.get(all, async (request) => {
    const filters = filtersOf(request.query as Query, schema);
    return { [collection]: await api.list(type, filters === undefined ? {} : { filters }) };
  });
  app.get(one, async (request) => {
    noParameters(request);
    return { [type]: await api.get(type, idOf(request)) };
  });
  app.put(one, async (request) => {
    noParameters(request);
    const fields = openEnvelope(request.body, type);
    const options = keyOf(request);
    return { [type]: await pointingInto(type, () => api.update(type, idOf(request), fields, options)) };
  });
  app.delete(one, async (request, reply) => {
    noParameters(request);
    await api.remove(type, idOf(request));
    return reply.code(204).send();
  });
  app.post(`${one}/retry`, async (request) => {
    noParameters(request);
    return { [type]: await api.retry(type, idOf(request)) };
  });
}

/** Who asks for a dry run, or to force something, must not take it for granted. */
function noParameters(request: FastifyRequest): void {
  onlyParameters(request.query as Query, []);
}

/** The API's field pointers are relative to the resource; in an answer they point into the body that the client sent. */
async function pointingInto<T>(type: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    if (!(thrown instanceof SignalboxError) || thrown.fields.length === 0) throw thrown;
    const fields = thrown.fields.map((field) => ({ ...field, pointer: `/${type}${field.pointer}` }));
    throw new SignalboxError(thrown.code, thrown.message, { ...thrown.toJson(), fields, cause: thrown });
  }
}

/** The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a string, quoted or not. */
function keyOf(request: FastifyRequest): { key?: string } {
  const header = request.headers["idempotency-key"];
  if (header === undefined) return {};
  const key = String(header).replace(/^"(.*)"$/, "$1");
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new SignalboxError("SB_MALFORMED_REQUEST", "Idempotency-Key is not 1 to 255 visible ASCII characters.");
  }
  return { key };
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

function filtersOf(query: Query, schema: TypeSchema): Record<string, readonly string[]> | undefined {
  const names = Object.keys(query);
  if (names.length === 0) return undefined;
  // A filter on a secret would be an oracle for it.
  const known = Object.entries(schema.fields).flatMap(([name, field]) => (field.secret === true ? [] : [name]));
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new SignalboxError("SB_MALFORMED_REQUEST", `${schema.collection} cannot be filtered by "${unknown}".`, {
      advice: `Filter by one or more of ${known.join(", ")}.`,
    });
  }
  return Object.fromEntries(names.map((name) => [name, listParameter(query, name)]));
}
