import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../../src/actors/access/caller.ts";
import { CallersGateway } from "../../../src/actors/access/callers-gateway.ts";
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

const edge_router = { name: "r1", ip: "10.0.0.1" };
const all = "/v2.0/edge_routers";

describe("?dry_run=true", () => {
  it("of every write answers 200 with what it would do, and does nothing", async () => {
    const shown = await app.inject({ method: "POST", url: `${all}?dry_run=true`, payload: { edge_router } });
    expect([shown.statusCode, shown.json().dry_run.resource]).toEqual([200, edge_router]);
    expect(shown.headers.location).toBeUndefined();
    expect(gateway.log).toEqual([]);
    const { id } = await gateway.create("edge_router", edge_router);
    const before = gateway.log.length;
    for (const [method, path, payload] of [
      ["PUT", "", { edge_router: { name: "r2" } }],
      ["DELETE", "", undefined],
      ["POST", "/retry", undefined],
    ] as const) {
      const url = `${all}/${id}${path}?dry_run`;
      const json = { "content-type": "application/json" };
      const answer = await app.inject({ method, url, headers: json, ...(payload === undefined ? {} : { payload }) });
      expect([method, answer.statusCode, answer.json().dry_run.jobs]).toEqual([method, 200, []]);
      const old = await app.inject({
        method,
        url,
        headers: { ...json, "if-match": '"7"' },
        ...(payload ? { payload } : {}),
      });
      expect([method, old.statusCode]).toEqual([method, 412]);
    }
    expect(gateway.log.slice(before).map(({ event }) => event)).not.toContain("UPDATE");
    expect((await app.inject(`${all}/${id}`)).json().edge_router.name).toBe("r1");
  });

  it("is done when the flag says false, and refused when it says something else", async () => {
    const post = (query: string) =>
      app.inject({ method: "POST", url: `${all}?${query}`, payload: { edge_router } }).then((each) => each.statusCode);
    expect(await post("dry_run=yes")).toBe(400);
    expect(await post("dry_run=true&dry_run=false")).toBe(400);
    expect(await post("force=true")).toBe(400);
    expect(await post("dry_run=false")).toBe(201);
  });

  it("needs the right to make the change", async () => {
    const reader: Caller = { name: "r", role: "reader", tenant: "t", from: "test", via: "http", requestId: "1" };
    const { id } = await gateway.create("edge_router", edge_router);
    const theirs = new CallersGateway(gateway, reader);
    const dryRun = (request: Parameters<FakeGateway["dryRun"]>[1]) => theirs.dryRun("edge_router", request);
    await expect(dryRun({ action: "create", fields: { tenant_id: "t" } })).rejects.toThrow("may not create");
    await expect(dryRun({ action: "delete", id: String(id) })).rejects.toMatchObject({ code: "SB_NOT_FOUND" });
    const admin = new CallersGateway(gateway, { ...reader, role: "admin" });
    expect(await admin.dryRun("edge_router", { action: "delete", id: String(id) })).toMatchObject({ jobs: [] });
  });
});
