import type { JsonSchema } from "./field-json-schema.ts";
import { failures } from "./openapi-live.ts";

const failure = failures();
const text = { type: "string" };
const whole = { type: "integer" };
const texts = { type: "array", items: text };
const counts = { type: "object", additionalProperties: whole };
const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });
const list = (name: string): JsonSchema => ({ type: "array", items: ref(name) });

/** What the visualiser reads; everybody else may too. */
export function inspectionPaths(): Record<string, JsonSchema> {
  const many = (name: string, description: string) => ({
    ...query(name, { type: "array", items: text }, description),
    explode: true,
  });
  const paging = (limit: number) => [
    query("limit", { ...whole, minimum: 0, maximum: 500, default: limit }, "Rows at most"),
    query("offset", { ...whole, minimum: 0, default: 0 }, "Rows to leave out at the start"),
  ];
  const one = "/signalbox/v1/resources/{type}/{id}";
  const named = {
    parameters: [path("type", "A resource type, such as gw_interface"), { $ref: "#/components/parameters/Id" }],
  };
  return {
    "/signalbox/v1/machines": get("machines", "The state machines, from their own definitions", [], {
      machines: list("Machine"),
    }),
    "/signalbox/v1/fleet": {
      get: operation(
        "fleet",
        "A page of all resources, with counts by state, type and tenant",
        [
          many("type", "Only of these types"),
          many("state", "Only in these states"),
          many("tenant", "Only of these tenants"),
          query("q", text, "Part of a name, an id, a device or an error"),
          query("sort", { ...text, default: "name" }, 'name, type, tenant, state or changed; "-" turns it round'),
          ...paging(100),
        ],
        ref("FleetPage"),
      ),
    },
    "/signalbox/v1/events": {
      get: stream(
        "events",
        "Committed transitions as server-sent events: `transition`, and `position` when there was nothing to tell",
        [
          query("from", { ...whole, minimum: 0, default: 1 }, "Log position of the first one"),
          query("type", text, "With id: only of this resource"),
          query("id", text, "With type: only of this resource"),
          {
            name: "Last-Event-ID",
            in: "header",
            required: false,
            description: "Resume after this position: nothing is missed",
            schema: whole,
          },
        ],
      ),
    },
    [`${one}/history`]: {
      ...named,
      get: operation(
        "resource_history",
        "All transitions of a resource",
        [
          query("after", { ...whole, minimum: 0, default: 0 }, "Only those after this log position"),
          query("limit", { ...whole, minimum: 0, maximum: 5000, default: 1000 }, "The last so many"),
        ],
        ref("ResourceHistory"),
      ),
    },
    [`${one}/documents`]: {
      ...named,
      ...get("resource_documents", "Every write of every document of a resource, secrets masked", [], {
        documents: list("DocumentHistory"),
      }),
    },
    [`${one}/configuration`]: {
      ...named,
      ...get(
        "resource_configuration",
        "What a resource owned on each router, whenever that changed, secrets masked",
        [],
        { versions: list("ConfigurationVersion") },
      ),
    },
    [`${one}/graph`]: {
      ...named,
      get: operation("resource_graph", "What a resource waits for and what waits for it", [], ref("DependencyGraph")),
    },
    "/signalbox/v1/devices": get("devices", "The devices: sessions, lanes, lock holders, commits and jobs", [], {
      devices: list("DeviceReport"),
    }),
    "/signalbox/v1/devices/events": {
      get: stream("device_events", "All devices, then those that change, as server-sent events `devices`", []),
    },
    "/signalbox/v1/monitoring": {
      get: operation(
        "monitoring",
        "A page of monitored resources, the worst first: their targets, last answers and changes",
        [
          many("type", "Only of these types"),
          many("state", "Only with this operational state: up, fail, unavailable or unknown"),
          query("q", text, "Part of a name, an id, a target or a device"),
          ...paging(50),
        ],
        ref("MonitoringPage"),
      ),
    },
  };
}

export function inspectionSchemas(): Record<string, JsonSchema> {
  const laneJob = object({ id: text, type: text, resource: text, name: text });
  return {
    Machine: object({ name: text, root: ref("MachineState") }),
    MachineState: object({
      path: text,
      name: text,
      kind: { enum: ["atomic", "compound", "parallel", "final", "history"] },
      initial: text,
      transitions: { type: "array", items: object({ event: text, targets: texts, guard: text, actions: texts }) },
      states: list("MachineState"),
    }),
    FleetRow: object({
      type: text,
      id: text,
      name: text,
      tenant: text,
      state: text,
      version: whole,
      queued: whole,
      job: { anyOf: [{ type: "null" }, object({ id: text, action: text, handler: text, phase: text })] },
      devices: texts,
      changedAt: whole,
      error: text,
      seq: whole,
    }),
    FleetPage: object({
      total: whole,
      offset: whole,
      rows: list("FleetRow"),
      states: counts,
      types: counts,
      tenants: counts,
      position: { ...whole, description: "Log position up to which the page is true" },
    }),
    ResourceHistory: object({
      resource: object({ type: text, id: text, tenant: text, name: text, deleted: { type: "boolean" } }),
      steps: list("HistoryStep"),
      more: { type: "boolean" },
      last: whole,
    }),
    HistoryStep: object({
      seq: whole,
      time: whole,
      event: text,
      before: text,
      after: text,
      operational: text,
      version: whole,
      action: { type: ["string", "null"] },
      status: { type: ["string", "null"] },
      error: text,
      jobs: list("Job"),
      queued: whole,
    }),
    DocumentHistory: object({
      key: text,
      writes: { type: "array", items: object({ seq: whole, time: whole, version: whole, value: true }) },
    }),
    ConfigurationVersion: object({
      seq: whole,
      time: whole,
      version: whole,
      routers: { type: "array", items: object({ host: text, text }) },
      objects: texts,
    }),
    DependencyGraph: object({
      root: text,
      nodes: { type: "array", items: object({ type: text, id: text, name: text, state: text, error: text }) },
      edges: {
        type: "array",
        items: object({ from: text, to: text, kind: { enum: ["waits", "refers", "belongs"] }, jobs: texts }),
      },
      cut: { type: "boolean" },
    }),
    DeviceReport: object({
      host: text,
      known: { type: "array", items: object({ type: text, id: text, name: text }) },
      session: text,
      error: text,
      lockHolder: text,
      lanes: {
        type: "array",
        items: object({
          id: text,
          hosts: texts,
          process: text,
          phase: text,
          inHand: { type: "array", items: laneJob },
          waiting: { type: "array", items: laneJob },
          lastError: { type: ["object", "null"] },
        }),
      },
      commits: {
        type: "array",
        items: object({
          time: whole,
          tag: text,
          outcome: text,
          durationMs: { type: ["integer", "null"] },
          jobs: { type: "array", items: laneJob },
        }),
      },
      jobs: { type: "array", items: object({ id: text, type: text, resource: text, name: text, phase: text }) },
    }),
    MonitoringPage: object({
      total: whole,
      offset: whole,
      rows: {
        type: "array",
        items: object({
          type: text,
          id: text,
          name: text,
          tenant: text,
          operational: text,
          targets: {
            type: "array",
            items: object({
              name: text,
              kind: text,
              about: text,
              word: text,
              verdict: text,
              reason: text,
              since: whole,
              changes: { type: "array", items: object({ time: whole, verdict: text, word: text }) },
            }),
          },
        }),
      },
      states: counts,
      position: whole,
      now: whole,
    }),
  };
}

function object(properties: Record<string, JsonSchema | true>): JsonSchema {
  return { type: "object", required: Object.keys(properties), properties };
}

function get(id: string, summary: string, parameters: readonly JsonSchema[], members: Record<string, JsonSchema>) {
  return { get: operation(id, summary, parameters, object(members)) };
}

function operation(operationId: string, summary: string, parameters: readonly JsonSchema[], schema: JsonSchema) {
  return {
    tags: ["inspection"],
    operationId,
    summary,
    parameters,
    responses: { 200: { description: summary, content: { "application/json": { schema } } }, ...failure },
  };
}

function stream(operationId: string, summary: string, parameters: readonly JsonSchema[]): JsonSchema {
  return {
    tags: ["inspection"],
    operationId,
    summary,
    parameters,
    responses: { 200: { description: "The events", content: { "text/event-stream": { schema: text } } }, ...failure },
  };
}

function query(name: string, schema: JsonSchema, description: string): JsonSchema {
  return { name, in: "query", required: false, description, schema };
}

function path(name: string, description: string): JsonSchema {
  return { name, in: "path", required: true, description, schema: text };
}
