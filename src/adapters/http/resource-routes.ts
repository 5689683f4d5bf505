import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { WriteAction } from "../../actors/audit/audit-view.ts";
import type { DryRunRequest } from "../../actors/dry-run/dry-run.ts";
import type { ResourceView } from "../../actors/gateway-api.ts";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { openEnvelope } from "../api/envelope.ts";
import { entityTag, ifMatch } from "../api/if-match.ts";
import { fieldSelection } from "../api/list-query.ts";
import { pointingInto } from "../api/pointing-into.ts";
import { answerInSlices } from "./answer-in-slices.ts";
import { idempotencyKey } from "./idempotency-key.ts";
import { listParameters } from "./list-parameters.ts";
import { resourceQuery } from "./openstack-clients.ts";
import { flagParameter, listParameter, onlyParameters, type Query } from "./query.ts";

/** `/v2.0/<collection>`, `/v2.0/<collection>/<id>` and `.../retry` for every resource type, with Gohan's envelopes. */
export function resourceRoutes(app: FastifyInstance, types: readonly TypeSchema[]): void {
  for (const schema of types) routesOfType(app, schema);
}

function routesOfType(app: FastifyInstance, schema: TypeSchema): void {
  const { type, collection } = schema;
  const all = `/v2.0/${collection}`;
  const one = `${all}/:id`;
  const does = (action: WriteAction) => ({ config: { does: { type, action } } });
  const dryRun = async (request: FastifyRequest, change: DryRunRequest) => ({
    dry_run: await pointingInto(type, () => request.api.dryRun(type, change, ifMatch(request.headers["if-match"]))),
  });

  app.post(all, does("create"), async (request, reply) => {
    const isDry = isDryRun(request);
    const fields = openEnvelope(request.body, type);
    const options = idempotencyKey(request);
    if (isDry) return dryRun(request, { action: "create", fields });
    const resource = await pointingInto(type, () => request.api.create(type, fields, options));
    tagged(request, reply, resource);
    reply.code(201).header("location", `${all}/${encodeURIComponent(String(resource.id))}`);
    return { [type]: resource };
  });
  app.get(all, async (request, reply) => {
    const { resources, total } = await request.api.list(type, listParameters(schema, resourceQuery(request, schema)));
    reply.header("x-total-count", String(total));
    return answerInSlices(request, reply, { [collection]: resources });
  });
  app.get(one, async (request, reply) => {
    const query = resourceQuery(request, schema);
    onlyParameters(query, ["fields"]);
    const fields = fieldSelection(schema, listParameter(query, "fields"));
    const resource = tagged(request, reply, await request.api.get(type, idOf(request)));
    return { [type]: fields === undefined ? resource : only(resource, fields) };
  });
  app.put(one, does("update"), async (request, reply) => {
    const isDry = isDryRun(request);
    const fields = openEnvelope(request.body, type);
    const options = { ...idempotencyKey(request), ...ifMatch(request.headers["if-match"]) };
    if (isDry) return dryRun(request, { action: "update", id: idOf(request), fields });
    const resource = await pointingInto(type, () => request.api.update(type, idOf(request), fields, options));
    return { [type]: tagged(request, reply, resource) };
  });
  app.delete(one, does("delete"), async (request, reply) => {
    if (isDryRun(request)) return dryRun(request, { action: "delete", id: idOf(request) });
    await request.api.remove(type, idOf(request), ifMatch(request.headers["if-match"]));
    return reply.code(204).send();
  });
  app.post(`${one}/retry`, does("retry"), async (request, reply) => {
    if (isDryRun(request)) return dryRun(request, { action: "retry", id: idOf(request) });
    const options = ifMatch(request.headers["if-match"]);
    return { [type]: tagged(request, reply, await request.api.retry(type, idOf(request), options)) };
  });
}

/** The answer's version goes with it, for a change of just that version. */
function tagged(request: FastifyRequest, reply: FastifyReply, resource: ResourceView): ResourceView {
  const version = request.api.versionOf(resource);
  if (version !== undefined) reply.header("etag", entityTag(version));
  return resource;
}

/** Nothing else is to be had: who asks to force something must not take it for granted. */
function isDryRun(request: FastifyRequest): boolean {
  onlyParameters(request.query as Query, ["dry_run"]);
  return flagParameter(request.query as Query, "dry_run");
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

function only(resource: ResourceView, fields: readonly string[]): ResourceView {
  return Object.fromEntries(Object.entries(resource).filter(([name]) => fields.includes(name)));
}
