import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  DependencyGraph,
  DocumentHistory,
  FleetEvent,
  FleetPage,
  MonitoringPage,
  ResourceHistory,
} from "../../../src/actors/inspection/inspection-api.ts";
import { openApiDocument } from "../../../src/adapters/api/openapi.ts";
import { SignalboxError } from "../../../src/errors.ts";
import type { MachineDescription } from "../../../src/machines/describe-machine.ts";
import { InspectionServer } from "./inspection-server.ts";

let server: InspectionServer;
let site: string;
let good: string;
let bad: string;

beforeAll(async () => {
  server = await InspectionServer.start();
  const { system } = server;
  const gateway = system.gateway();
  site = String((await gateway.create("site", { name: "north" })).id);
  good = String((await gateway.create("link", { name: "alpha", site_id: site })).id);
  await system.until(good, ({ state }) => state === "create_completed");
  system.controller.error = new SignalboxError("SB_CONTROLLER_REJECTED", "no such project", { device: "10.0.0.9" });
  bad = String((await gateway.create("link", { name: "beta", site_id: site })).id);
  await system.until(bad, ({ state }) => state === "create_failed");
  system.controller.error = undefined;
});
afterAll(() => server.stop());

const document = openApiDocument([]) as {
  paths: Record<string, { get: { responses: { 200: { content: Record<string, { schema: object }> } } } }>;
  components: { schemas: object };
};
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: "signalbox:/openapi", components: { schemas: document.components.schemas } });

/** What is wrong with an answer by the documented schema of its path. */
function mistakes(path: string, body: unknown): unknown {
  const schema = document.paths[path]?.get.responses[200].content["application/json"]?.schema;
  if (schema === undefined) throw new Error(`${path} is not documented`);
  const text = JSON.stringify(schema).replaceAll("#/components", "signalbox:/openapi#/components");
  const validate = ajv.compile(JSON.parse(text) as object);
  validate(body);
  return validate.errors;
}

async function fleet(query = ""): Promise<FleetPage> {
  const { status, body } = await server.get(`fleet${query}`);
  expect(status).toBe(200);
  return body as FleetPage;
}

describe("the fleet over HTTP", () => {
  it("lists resources with counts by state, type and tenant", async () => {
    const page = await fleet();
    expect(page.rows.map(({ name, state }) => [name, state])).toEqual([
      ["alpha", "unwatched"],
      ["beta", "create_failed"],
      ["north", "unwatched"],
    ]);
    expect(page).toMatchObject({ total: 3, types: { site: 1, link: 2 }, states: { unwatched: 2, create_failed: 1 } });
  });

  it("shows the error and the job of what failed", async () => {
    const [row] = (await fleet("?state=create_failed")).rows;
    expect(row?.error).toContain("no such project");
    expect(row?.job).toMatchObject({ action: "create", handler: "heat_worker", phase: "failed" });
  });

  it("counts the states of what matches the other filters, so that a count is what its filter would show", async () => {
    const page = await fleet("?type=link&state=create_failed");
    expect(page).toMatchObject({ total: 1, states: { unwatched: 1, create_failed: 1 } });
    expect(page.types).toEqual({ link: 1 });
  });

  it("finds by parts of names and errors in any case", async () => {
    expect((await fleet("?q=ALPH")).rows.map(({ name }) => name)).toEqual(["alpha"]);
    expect((await fleet("?q=Such%20Project")).rows.map(({ name }) => name)).toEqual(["beta"]);
  });

  it("orders and pages", async () => {
    expect((await fleet("?sort=-name&limit=1&offset=1")).rows.map(({ name }) => name)).toEqual(["beta"]);
    expect((await fleet("?sort=state")).rows[0]?.name).toBe("beta");
    expect((await fleet("?sort=changed")).rows[0]?.name).toBe("beta");
  });

  it("refuses orders, limits and parameters that there are not", async () => {
    for (const query of ["?sort=colour", "?limit=501", "?state_=up"]) {
      expect(await server.get(`fleet${query}`)).toMatchObject({ status: 400, body: { code: "SB_MALFORMED_REQUEST" } });
    }
  });
});

describe("the events", () => {
  const transitions = (events: readonly { name: string; data: unknown }[]) =>
    events.filter(({ name }) => name === "transition").map(({ data }) => data as FleetEvent);

  it("tell every transition of the log from a position on, and go on live", async () => {
    const page = await fleet();
    const coming = server.events(`events?from=1`, (events) =>
      transitions(events).some(({ row }) => row.name === "gamma"),
    );
    await server.system.gateway().create("link", { name: "gamma", site_id: site });
    const seen = transitions(await coming);
    const seqs = seen.map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    const told: number[] = [];
    for await (const { seq } of server.system
      .gateway()
      .transitions({ from: 1, follow: false, signal: new AbortController().signal }))
      told.push(seq);
    expect(seqs).toEqual(told.slice(0, seqs.length));
    expect(seqs.filter((seq) => seq <= page.position)).toHaveLength(told.filter((seq) => seq <= page.position).length);
  });

  it("resume after the last one that was seen: none twice, none missing", async () => {
    const all = transitions(await server.events(`events?from=1`, (events) => transitions(events).length >= 8));
    const seen = all[3];
    const rest = await server.events("events?from=1", (events) => transitions(events).length >= 4, {
      "last-event-id": String(seen?.seq),
    });
    expect(transitions(rest).map(({ seq }) => seq)).toEqual(all.slice(4, 8).map(({ seq }) => seq));
  });

  it("are of one resource when it is named", async () => {
    const events = await server.events(`events?type=link&id=${bad}`, (all) => transitions(all).length >= 3);
    expect(new Set(transitions(events).map(({ row }) => row.id))).toEqual(new Set([bad]));
    expect(
      transitions(events)
        .map(({ before, after }) => [before, after])
        .at(-1),
    ).toEqual(["pending_create", "create_failed"]);
  });
});

describe("what the visualiser reads of a resource", () => {
  const of = async <T>(path: string) => (await server.get(`resources/link/${path}`)).body as T;

  it("is its whole history, and what came after a step", async () => {
    const history = await of<ResourceHistory>(`${bad}/history`);
    expect(history.steps.map(({ event, before, after }) => [event, before, after])).toEqual([
      ["PROPOSE", "absent", "proposed"],
      ["ADMIT", "proposed", "pending_create"],
      ["JOB_STARTED", "pending_create", "pending_create"],
      ["JOB_FAILED", "pending_create", "create_failed"],
    ]);
    expect(history.steps.at(-1)?.error).toContain("[device 10.0.0.9]");
    const later = await of<ResourceHistory>(`${bad}/history?after=${history.steps[1]?.seq}`);
    expect(later.steps).toEqual(history.steps.slice(2));
    const short = await of<ResourceHistory>(`${bad}/history?limit=1`);
    expect(short).toMatchObject({ more: true, steps: [{ event: "JOB_FAILED" }] });
  });

  it("is every write of its documents", async () => {
    const { documents } = await of<{ documents: DocumentHistory[] }>(`${good}/documents`);
    const config = documents.find(({ key }) => key === `/config/v2.0/links/${good}`);
    expect(config?.writes).toMatchObject([{ version: 1, value: { body: { name: "alpha" } } }]);
    const job = documents.find(({ key }) => key.startsWith("/jobs/working/"));
    expect(job?.writes.map(({ value }) => value)).toEqual(["p0-heat_worker", null]);
  });

  it("is what it owned on the controller", async () => {
    const { versions } = await of<{ versions: object[] }>(`${good}/configuration`);
    expect(versions).toMatchObject([{ routers: [], objects: [`link ${good}`] }]);
  });

  it("is a graph of what it stands on and what waits for it", async () => {
    const release = server.system.controller.hold();
    const arrival = server.system.controller.arrival();
    const gateway = server.system.gateway();
    await gateway.update("link", good, { name: "alpha-2" });
    await arrival;
    const graph = await of<DependencyGraph>(`${good}/graph`);
    expect(graph.root).toBe(`link/${good}`);
    expect(graph.edges).toContainEqual({ from: `link/${good}`, to: `site/${site}`, kind: "refers", jobs: [] });
    release();
    await server.system.until(good, ({ state, version }) => state === "create_completed" && version === 2);
  });

  it("is SB_NOT_FOUND of what never was", async () => {
    for (const what of ["history", "documents", "configuration", "graph"]) {
      expect(await server.get(`resources/link/nobody/${what}`)).toMatchObject({
        status: 404,
        body: { code: "SB_NOT_FOUND" },
      });
      expect(await server.get(`resources/link/a.b/${what}`)).toMatchObject({ status: 404 });
    }
  });
});

describe("machines, devices and monitoring", () => {
  it("describe the machines from their own definitions", async () => {
    const { machines } = (await server.get("machines")).body as { machines: MachineDescription[] };
    expect(machines.map(({ name }) => name)).toEqual(["resource", "device-session", "monitoring-target"]);
    const lifecycle = machines[0]?.root.states.find(({ name }) => name === "lifecycle");
    const proposed = lifecycle?.states.find(({ name }) => name === "proposed");
    expect(proposed?.transitions).toContainEqual({
      event: "ADMIT",
      targets: ["lifecycle.create_completed"],
      guard: "hasNoJobs",
      actions: ["admit"],
    });
  });

  it("answer nothing where there is nothing", async () => {
    expect((await server.get("devices")).body).toEqual({ devices: [] });
    expect((await server.get("monitoring")).body as MonitoringPage).toMatchObject({ total: 0, rows: [] });
  });

  it("send all devices first on the stream", async () => {
    const [first] = await server.events("devices/events", (events) => events.length > 0);
    expect(first).toMatchObject({ name: "devices", data: { devices: [] } });
  });
});

describe("every answer", () => {
  it("is as the OpenAPI document says", async () => {
    const one = "/signalbox/v1/resources/{type}/{id}";
    const paths: ReadonlyArray<readonly [string, string]> = [
      ["machines", "/signalbox/v1/machines"],
      ["fleet", "/signalbox/v1/fleet"],
      [`resources/link/${bad}/history`, `${one}/history`],
      [`resources/link/${bad}/documents`, `${one}/documents`],
      [`resources/link/${good}/configuration`, `${one}/configuration`],
      [`resources/link/${good}/graph`, `${one}/graph`],
      ["devices", "/signalbox/v1/devices"],
      ["monitoring", "/signalbox/v1/monitoring"],
    ];
    for (const [path, documented] of paths) {
      const { status, body } = await server.get(path);
      expect([path, status, mistakes(documented, body)]).toEqual([path, 200, null]);
    }
  });
});

describe("a reader who may not see a resource", () => {
  it("finds it nowhere", async () => {
    const narrow = await InspectionServer.start({ everything: false, mayRead: (type) => type === "site" });
    try {
      const gateway = narrow.system.gateway();
      const hall = String((await gateway.create("site", { name: "hall" })).id);
      const link = String((await gateway.create("link", { name: "hidden", site_id: hall })).id);
      await narrow.system.until(link, ({ state }) => state === "create_completed");
      const page = (await narrow.get("fleet")).body as FleetPage;
      expect(page).toMatchObject({ total: 1, types: { site: 1 } });
      expect(JSON.stringify(page)).not.toContain(link);
      for (const what of ["history", "documents", "configuration", "graph"]) {
        expect(await narrow.get(`resources/link/${link}/${what}`)).toMatchObject({ status: 404 });
      }
      const graph = (await narrow.get(`resources/site/${hall}/graph`)).body as DependencyGraph;
      expect(graph.nodes.map(({ id }) => id)).toEqual([hall]);
      await gateway.create("site", { name: "last" });
      const events = await narrow.events("events?from=1", (all) => JSON.stringify(all).includes('"last"'));
      expect(JSON.stringify(events)).not.toContain(link);
    } finally {
      await narrow.stop();
    }
  });
});
