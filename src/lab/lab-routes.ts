import type { FastifyInstance, FastifyPluginCallback, FastifyReply } from "fastify";
import { SignalboxError } from "../errors.ts";
import type { LabRouter } from "./junos/lab-router.ts";
import type { Lab } from "./lab.ts";
import { labOverview } from "./lab-overview.ts";
import { readAgentFault, readControllerFault, readRouterFault } from "./read-fault.ts";

interface FaultsOfDevice {
  /** For messages: "the router MX-1". */
  readonly of: string;
  list(): ReadonlyArray<{ readonly id: string }>;
  /** Reads a request body and sets the fault. @throws SB_INVALID_BODY */
  set(body: unknown): string;
  clear(which?: string): number;
  /** Resolves when the next request of a client meets the faults as they are. */
  applied(): Promise<void>;
}

type Named = { Params: { name: string } };
type NamedFault = { Params: { name: string; id: string } };

/**
 * The lab over HTTP: what the devices hold, and what is to go wrong with them. Everything that is not known or not
 * valid is thrown as a SignalboxError, for the server that hosts the routes to answer.
 */
export function labRoutes(lab: Lab): FastifyPluginCallback {
  return (app, _options, done) => {
    app.get("/lab", async () => labOverview(lab));
    routerPages(app, lab);
    app.get("/lab/controller/objects", async () => ({ objects: lab.controller.objectsBesidesDefaults() }));
    faultRoutes(app, "/lab/routers/:name/faults", (name) => routerFaults(routerOf(lab, name)));
    faultRoutes(app, "/lab/agents/:name/faults", (name) => agentFaultsOf(lab, name));
    faultRoutes(app, "/lab/controller/faults", () => controllerFaultsOf(lab));
    done();
  };
}

function routerPages(app: FastifyInstance, lab: Lab): void {
  const page = (path: string, textOf: (router: LabRouter) => string) =>
    app.get<Named>(`/lab/routers/:name/${path}`, async (request, reply) =>
      plain(reply, textOf(routerOf(lab, request.params.name))),
    );
  page("compare", (router) => router.compareWithBase());
  page("set", (router) => router.setWithBase());
  page("configuration", (router) => router.runningSet());
  app.get<Named>("/lab/routers/:name/commits", async (request) => ({
    commits: routerOf(lab, request.params.name).commits(),
  }));
}

/** @param path ends in /faults; with a `:name` when there are several such devices */
function faultRoutes(app: FastifyInstance, path: string, faultsOf: (name: string) => FaultsOfDevice): void {
  app.get<Named>(path, async (request) => ({ faults: faultsOf(request.params.name).list() }));

  app.post<Named>(path, async (request, reply) => {
    const faults = faultsOf(request.params.name);
    const id = faults.set(request.body);
    await faults.applied();
    return reply.code(201).send(faults.list().find((each) => each.id === id) ?? { id });
  });

  app.delete<Named>(path, async (request) => {
    const faults = faultsOf(request.params.name);
    const cleared = faults.clear();
    await faults.applied();
    return { cleared };
  });

  // A kind in place of an id means all faults of that kind.
  app.delete<NamedFault>(`${path}/:id`, async (request) => {
    const { name, id } = request.params;
    const faults = faultsOf(name);
    const cleared = faults.clear(id);
    if (cleared === 0) throw noSuchFault(faults, id);
    await faults.applied();
    return { cleared };
  });

  app.get<NamedFault>(`${path}/:id`, async (request) => {
    const { name, id } = request.params;
    const faults = faultsOf(name);
    const found = faults.list().find((each) => each.id === id);
    if (found) return found;
    throw noSuchFault(faults, id);
  });
}

function routerFaults(router: LabRouter): FaultsOfDevice {
  return {
    of: `the router ${router.name}`,
    list: () => router.faults(),
    set: (body) => router.setFault(readRouterFault(body)),
    clear: (which) => router.clearFault(which),
    applied: () => router.faultsApplied(),
  };
}

function agentFaultsOf(lab: Lab, name: string): FaultsOfDevice {
  const faults = lab.faults.agents.get(name);
  if (!faults) throw notFound(`The lab has no agent "${name}".`, `Its agents are ${namesOf(lab.faults.agents)}.`);
  return {
    of: `the agent of ${name}`,
    list: () => faults.list(),
    set: (body) => faults.set(readAgentFault(body)),
    clear: (which) => faults.clear(which),
    applied: async () => undefined,
  };
}

function controllerFaultsOf(lab: Lab): FaultsOfDevice {
  const faults = lab.faults.controller;
  return {
    of: "the controller",
    list: () => faults.list(),
    set: (body) => faults.set(readControllerFault(body)),
    clear: (which) => faults.clear(which),
    applied: async () => undefined,
  };
}

function routerOf(lab: Lab, name: string): LabRouter {
  const router = lab.routers.get(name);
  if (!router) throw notFound(`The lab has no router "${name}".`, `Its routers are ${namesOf(lab.routers)}.`);
  return router;
}

function noSuchFault(faults: FaultsOfDevice, id: string): SignalboxError {
  const ids = faults.list().map((each) => each.id);
  return notFound(`There is no fault "${id}" on ${faults.of}.`, `Faults in force: ${ids.join(", ") || "none"}.`);
}

const namesOf = (devices: ReadonlyMap<string, unknown>): string => [...devices.keys()].join(", ");

const notFound = (message: string, advice: string): SignalboxError =>
  new SignalboxError("SB_NOT_FOUND", message, { advice });

const plain = (reply: FastifyReply, text: string): FastifyReply => reply.type("text/plain; charset=utf-8").send(text);
