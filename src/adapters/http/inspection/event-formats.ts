import type { DeviceReport, FeedPosition, FleetEvent } from "../../../actors/inspection/inspection-api.ts";
import type { StreamFormat } from "../stream-response.ts";

/** Server-sent events (WHATWG HTML, section 9.2); heartbeats keep proxies from ending a silent stream. */
const sse = {
  contentType: "text/event-stream; charset=utf-8",
  opening: "retry: 1000\n\n",
  heartbeat: ":\n\n",
  failure: (problem: object) => `event: problem\ndata: ${JSON.stringify(problem)}\n\n`,
};

/** `transition` and `position`, each with its position in the log as id: who resumes after it misses nothing. */
export const fleetEvents: StreamFormat<FleetEvent | FeedPosition> = {
  ...sse,
  encode: (event) => `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`,
};

/** `devices`: those that have changed. Without ids: who comes again is told all. */
export const deviceEvents: StreamFormat<DeviceReport[]> = {
  ...sse,
  encode: (devices) => `event: devices\ndata: ${JSON.stringify({ devices })}\n\n`,
};
