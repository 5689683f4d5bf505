import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { open } from "./admission.ts";
import type { Query } from "./query.ts";

/**
 * What OpenStack's own clients need to work as they are with networks, subnets and ports. They are known by their User-Agent: where
 * Neutron's API is another than this one, they are answered as Neutron would, and nobody else is.
 */
export function openStackClients(app: FastifyInstance): void {
  // The client asks which extensions there are before it makes a port.
  app.get("/v2.0/extensions", open, async () => ({ extensions: [] }));
  app.addHook("preSerialization", async (request, reply, payload) => {
    if (!isOpenStackClient(request) || reply.statusCode >= 300) return payload;
    reply.header("vary", "user-agent");
    return withTagLists(payload);
  });
}

/** What that hook makes of an answer that is written before it would come to it. */
export function openStackAnswer(request: FastifyRequest, reply: FastifyReply, payload: object): object {
  if (!isOpenStackClient(request)) return payload;
  reply.header("vary", "user-agent");
  return withTagLists(payload) as object;
}

function isOpenStackClient({ headers }: FastifyRequest): boolean {
  return /\b(openstacksdk|python-neutronclient)\b/.test(headers["user-agent"] ?? "");
}

/** The query of a list or of one resource: Neutron passes over fields that it does not have, and its clients ask for such. */
export function resourceQuery(request: FastifyRequest, schema: TypeSchema): Query {
  const query = request.query as Query;
  if (query.fields === undefined || !isOpenStackClient(request)) return query;
  const fields = [query.fields].flat().filter((name) => Object.hasOwn(schema.fields, name));
  return { ...query, fields };
}

/** Neutron's tags are a list of texts, here they are names with values. */
function withTagLists(payload: unknown): unknown {
  if (!isObject(payload)) return payload;
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [name, Array.isArray(value) ? value.map(tagList) : tagList(value)]),
  );
}

function tagList(resource: unknown): unknown {
  if (!isObject(resource) || !isObject(resource["tags"])) return resource;
  const tags = Object.entries(resource["tags"]).map(([name, value]) => (value === "" ? name : `${name}=${value}`));
  return { ...resource, tags };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
