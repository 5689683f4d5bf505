import type { FastifyInstance } from "fastify";
import type { TransitionView } from "../../actors/gateway-api.ts";
import type { DocumentChange } from "../../actors/ports.ts";
import { answerInSlices } from "./answer-in-slices.ts";
import { countParameter, flagParameter, onlyParameters, type Query, textParameter } from "./query.ts";
import { ndjson, type StreamResponses, serverSentEvents } from "./stream-response.ts";

const transitionEvents = serverSentEvents<TransitionView>("transition", (transition) => transition.seq);
const transitionLines = ndjson<TransitionView>();
const documentLines = ndjson<DocumentChange>();

/**
 * What happens and what is stored, as it is committed and written:
 * `/signalbox/v1/transitions`, `/signalbox/v1/documents` and `/signalbox/v1/documents/watch`.
 */
export function liveRoutes(app: FastifyInstance, streams: StreamResponses): void {
  // HEAD of a stream would have to open it.
  const streaming = { exposeHeadRoute: false };

  app.get("/signalbox/v1/transitions", streaming, async (request, reply) => {
    const query = request.query as Query;
    onlyParameters(query, ["from", "follow"]);
    const asEvents = (request.headers.accept ?? "").includes("text/event-stream");
    const follow = flagParameter(query, "follow");
    const lastSeen = asEvents ? lastEventId(request.headers["last-event-id"]) : undefined;
    const from = lastSeen === undefined ? (countParameter(query, "from") ?? 1) : lastSeen + 1;
    await streams.send(request, reply, asEvents ? transitionEvents : transitionLines, (signal) =>
      request.api.transitions({ from, follow, signal }),
    );
  });

  app.get("/signalbox/v1/documents", async (request, reply) => {
    const query = request.query as Query;
    onlyParameters(query, ["prefix"]);
    return answerInSlices(request, reply, await request.api.documents(textParameter(query, "prefix") ?? ""));
  });

  app.get("/signalbox/v1/documents/watch", streaming, async (request, reply) => {
    const query = request.query as Query;
    onlyParameters(query, ["prefix", "from_start"]);
    const prefix = textParameter(query, "prefix") ?? "";
    const fromStart = flagParameter(query, "from_start");
    await streams.send(request, reply, documentLines, (signal) =>
      request.api.watchDocuments(prefix, { fromStart, signal }),
    );
  });
}

/** What a browser sends when it resumes; anything else than a position is as if it had not been sent. */
function lastEventId(header: string | string[] | undefined): number | undefined {
  return typeof header === "string" && /^[0-9]{1,15}$/.test(header) ? Number(header) : undefined;
}
