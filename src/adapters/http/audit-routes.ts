import type { FastifyInstance } from "fastify";
import type { AuditQuery } from "../../actors/audit/audit-view.ts";
import type { AuditExport, AuditExportHead, ExportedEntry } from "../../actors/audit/verify-audit.ts";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { openAction, openOutcome, openTime } from "../api/audit-query.ts";
import { countParameter, onlyParameters, type Query, textParameter } from "./query.ts";
import { ndjson, type StreamResponses } from "./stream-response.ts";

const ofBoth = ["who", "action", "since", "until", "after", "limit"] as const;

/**
 * Who did what: `/v2.0/<collection>/<id>/history` of one resource, whether it is still there or not, `/signalbox/v1/audit` of all, and below it
 * `/export` with everything that is kept as lines.
 */
export function auditRoutes(app: FastifyInstance, types: readonly TypeSchema[], streams: StreamResponses): void {
  for (const { type, collection } of types) {
    app.get<{ Params: { id: string } }>(`/v2.0/${collection}/:id/history`, async (request) => {
      const query = request.query as Query;
      onlyParameters(query, ofBoth);
      const resource = { type, id: request.params.id };
      const { entries, next } = await request.api.audit({ ...queryOf(query), resource });
      return { history: entries, next };
    });
  }
  app.get("/signalbox/v1/audit/export", { exposeHeadRoute: false }, async (request, reply) => {
    onlyParameters(request.query as Query, []);
    const { begin, entries } = await request.api.auditExport();
    await streams.send(request, reply, exportLines, () => linesOf(begin, entries));
  });
  app.get("/signalbox/v1/audit", async (request) => {
    const query = request.query as Query;
    onlyParameters(query, ["tenant", "type", "outcome", ...ofBoth]);
    const { entries, next } = await request.api.audit(queryOf(query));
    return { audit: entries, next };
  });
}

function queryOf(query: Query): AuditQuery {
  const given = <T>(name: string, open: (text: string) => T): Record<string, T> => {
    const text = textParameter(query, name);
    return text === undefined ? {} : { [name]: open(text) };
  };
  const asItIs = (text: string) => text;
  const limit = countParameter(query, "limit");
  return {
    ...given("tenant", asItIs),
    ...given("type", asItIs),
    ...given("who", asItIs),
    ...given("action", openAction),
    ...given("outcome", openOutcome),
    ...given("since", (text) => openTime("since", text)),
    ...given("until", (text) => openTime("until", text)),
    ...given("after", asItIs),
    ...(limit === undefined ? {} : { limit }),
  };
}

const exportLines = ndjson<AuditExportHead | ExportedEntry>();

async function* linesOf(
  begin: AuditExportHead,
  entries: AuditExport["entries"],
): AsyncGenerator<AuditExportHead | ExportedEntry> {
  yield begin;
  yield* entries;
}
