import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { FakeGateway } from "./fake-gateway.ts";

let gateway: FakeGateway;
let app: FastifyInstance;
beforeEach(() => {
  gateway = new FakeGateway();
  app = createHttpServer({ api: gateway, logger: silentLogger });
});
afterEach(() => app.close());

it("a question about who did what is handed on as it is meant", async () => {
  const all =
    "tenant=t&type=edge_router&who=ann&action=update&since=2026-11-21T18:05:05.250%2B01:00&until=5&after=x&limit=7";
  expect((await app.inject(`/signalbox/v1/audit?${all}`)).json()).toEqual({ audit: [], next: null });
  expect((await app.inject("/v2.0/edge_routers/r1/history?since=2026-11-21")).json()).toEqual({
    history: [],
    next: null,
  });
  expect(gateway.audited).toEqual([
    {
      tenant: "t",
      type: "edge_router",
      who: "ann",
      action: "update",
      since: Date.UTC(2026, 10, 21, 17, 5, 5, 250),
      until: 5,
      after: "x",
      limit: 7,
    },
    { resource: { type: "edge_router", id: "r1" }, since: Date.UTC(2026, 10, 21) },
  ]);
});

it.each(["2026-13-01T00:00:00Z", "2026-11-21T18:05", "-5", "1e3", "now", ""])("%j is no time", async (time) => {
  const { statusCode } = await app.inject(`/signalbox/v1/audit?since=${encodeURIComponent(time)}`);
  expect(statusCode).toBe(400);
  expect(gateway.audited).toEqual([]);
});

it("a history takes no other resource's type or tenant", async () => {
  for (const name of ["type", "tenant"]) {
    expect((await app.inject(`/v2.0/edge_routers/r1/history?${name}=x`)).statusCode).toBe(400);
  }
});
