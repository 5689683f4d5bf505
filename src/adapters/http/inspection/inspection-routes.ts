import type { FastifyInstance, FastifyRequest } from "fastify";
import type { FleetQuery, InspectionApi } from "../../../actors/inspection/inspection-api.ts";
import { SignalboxError } from "../../../errors.ts";
import { countParameter, listParameter, onlyParameters, type Query, textParameter } from "../query.ts";
import type { StreamResponses } from "../stream-response.ts";
import { deviceEvents, fleetEvents } from "./event-formats.ts";

export interface InspectionRoutesOptions {
  readonly inspection: InspectionApi;
  readonly streams: StreamResponses;
}

type Named = { Params: { type: string; id: string } };

const SORTS: Readonly<Record<FleetQuery["sort"], true>> = {
  name: true,
  type: true,
  tenant: true,
  state: true,
  changed: true,
};
const MOST_ROWS = 500;
const MOST_STEPS = 5_000;
/** Tokens of a subject of the log: nothing else was ever a type or an id. */
const TOKEN = /^[A-Za-z0-9_-]{1,200}$/;

/**
 * What the visualiser reads, below `/signalbox/v1`: machines, fleet, events, the past of a resource, devices and monitoring. Nothing here
 * changes anything. Each request is answered with what its sender may see.
 */
export function inspectionRoutes(app: FastifyInstance, options: InspectionRoutesOptions): void {
  const { inspection, streams } = options;
  const streaming = { exposeHeadRoute: false };

  app.get("/signalbox/v1/machines", async (request) => {
    onlyParameters(request.query as Query, []);
    return { machines: inspection.machines };
  });

  app.get("/signalbox/v1/fleet", async (request) => {
    const query = request.query as Query;
    onlyParameters(query, ["type", "state", "tenant", "q", "sort", "limit", "offset"]);
    return inspection.fleet(request.access, {
      types: listParameter(query, "type"),
      states: listParameter(query, "state"),
      tenants: listParameter(query, "tenant"),
      text: textParameter(query, "q") ?? "",
      ...sortOf(textParameter(query, "sort") ?? "name"),
      limit: limitOf(query, 100, MOST_ROWS),
      offset: countParameter(query, "offset") ?? 0,
    });
  });

  app.get("/signalbox/v1/events", streaming, async (request, reply) => {
    const query = request.query as Query;
    onlyParameters(query, ["from", "type", "id"]);
    const resumed = lastEventId(request.headers["last-event-id"]);
    const from = resumed === undefined ? (countParameter(query, "from") ?? 1) : resumed + 1;
    const of = namedResource(textParameter(query, "type"), textParameter(query, "id"));
    const access = request.access;
    await streams.send(request, reply, fleetEvents, (signal) =>
      inspection.events(access, { from, signal, ...(of && { of }) }),
    );
  });

  const one = "/signalbox/v1/resources/:type/:id";
  app.get<Named>(`${one}/history`, async (request) => {
    const query = request.query as Query;
    onlyParameters(query, ["after", "limit"]);
    const after = countParameter(query, "after") ?? 0;
    return await inspection.history(request.access, refOf(request), {
      after,
      limit: limitOf(query, 1_000, MOST_STEPS),
    });
  });
  app.get<Named>(`${one}/documents`, async (request) => {
    onlyParameters(request.query as Query, []);
    return { documents: await inspection.documents(request.access, refOf(request)) };
  });
  app.get<Named>(`${one}/configuration`, async (request) => {
    onlyParameters(request.query as Query, []);
    return { versions: await inspection.configuration(request.access, refOf(request)) };
  });
  app.get<Named>(`${one}/graph`, async (request) => {
    onlyParameters(request.query as Query, []);
    return inspection.graph(request.access, refOf(request));
  });

  app.get("/signalbox/v1/devices", async (request) => {
    onlyParameters(request.query as Query, []);
    return { devices: await inspection.devices(request.access) };
  });
  app.get("/signalbox/v1/devices/events", streaming, async (request, reply) => {
    onlyParameters(request.query as Query, []);
    const access = request.access;
    await streams.send(request, reply, deviceEvents, (signal) => inspection.deviceEvents(access, signal));
  });

  app.get("/signalbox/v1/monitoring", async (request) => {
    const query = request.query as Query;
    onlyParameters(query, ["type", "state", "q", "limit", "offset"]);
    return await inspection.monitoring(request.access, {
      types: listParameter(query, "type"),
      states: listParameter(query, "state"),
      text: textParameter(query, "q") ?? "",
      limit: limitOf(query, 50, MOST_ROWS),
      offset: countParameter(query, "offset") ?? 0,
    });
  });
}

function sortOf(text: string): Pick<FleetQuery, "sort" | "descending"> {
  const name = text.replace(/^-/, "");
  if (!(name in SORTS)) {
    throw new SignalboxError("SB_MALFORMED_REQUEST", `There is no order "${text}".`, {
      advice: `The orders are ${Object.keys(SORTS).join(", ")}; a "-" before one turns it round.`,
    });
  }
  return { sort: name as FleetQuery["sort"], descending: text.startsWith("-") };
}

function limitOf(query: Query, preset: number, most: number): number {
  const limit = countParameter(query, "limit") ?? preset;
  if (limit <= most) return limit;
  throw new SignalboxError("SB_MALFORMED_REQUEST", `The limit is ${limit}; ${most} is the most.`);
}

function refOf(request: FastifyRequest<Named>): { type: string; id: string } {
  const { type, id } = request.params;
  if (TOKEN.test(type) && TOKEN.test(id)) return { type, id };
  throw new SignalboxError("SB_NOT_FOUND", `There is no ${type} ${id}.`);
}

/** @throws SB_MALFORMED_REQUEST when only one of them is given */
function namedResource(type: string | undefined, id: string | undefined): { type: string; id: string } | undefined {
  if (type === undefined && id === undefined) return undefined;
  if (type !== undefined && id !== undefined && TOKEN.test(type) && TOKEN.test(id)) return { type, id };
  throw new SignalboxError("SB_MALFORMED_REQUEST", "A resource is named by its type and its id, both of them.");
}

/** What a browser sends when it resumes; anything else than a position is as if it had not been sent. */
function lastEventId(header: string | string[] | undefined): number | undefined {
  return typeof header === "string" && /^[0-9]{1,15}$/.test(header) ? Number(header) : undefined;
}
