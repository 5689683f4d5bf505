import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JsonObject, RequestOptions, ResourceView } from "../../../src/actors/gateway-api.ts";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { RecordingLogger } from "./recording-logger.ts";

/** Tells what keys it was given and how many creations were under way at most. */
class CountingGateway extends FakeGateway {
  readonly keys: Array<string | undefined> = [];
  most = 0;
  #now = 0;
  override async create(type: string, fields: JsonObject, options: RequestOptions = {}): Promise<ResourceView> {
    this.keys.push(options.key);
    this.#now += 1;
    this.most = Math.max(this.most, this.#now);
    await new Promise((resolve) => setImmediate(resolve));
    this.#now -= 1;
    if (fields.name === "boom") throw new TypeError("unforeseen");
    return super.create(type, fields);
  }
}

let gateway: CountingGateway;
let logger: RecordingLogger;
let app: FastifyInstance;

beforeEach(() => {
  gateway = new CountingGateway();
  logger = new RecordingLogger();
  app = createHttpServer({ api: gateway, logger, requestId: () => "request-1" });
});
afterEach(() => app.close());

const url = "/v2.0/edge_routers/bulk";
const bulk = (payload: object, headers: Record<string, string> = {}) =>
  app.inject({ method: "POST", url, payload, headers });
const routers = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ name: `r${at}`, ip: `10.0.${at >> 8}.${at & 255}`, password: "hidden" }));

describe("bulk creation", () => {
  it("answers each item in its order: made, or refused with a problem that points at it", async () => {
    const items = [routers(1)[0], { ip: "10.0.0.0" }, { ip: "10.0.0.9", colour: "red" }, 7, { ip: "10.0.0.8" }];
    const response = await bulk({ edge_routers: items });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      results: [
        { status: 201, edge_router: { name: "r0", password: "***", status: "PENDING_CREATE" } },
        { status: 409, error: { code: "SB_UNIQUE_TAKEN", status: 409, instance: url, request_id: "request-1" } },
        { status: 400, error: { errors: [{ pointer: "/edge_routers/2/colour" }] } },
        { status: 400, error: { code: "SB_INVALID_BODY", errors: [{ pointer: "/edge_routers/3" }] } },
        { status: 201, edge_router: { ip: "10.0.0.8" } },
      ],
    });
    expect((await app.inject("/v2.0/edge_routers?limit=0")).headers["x-total-count"]).toBe("2");
  });

  it("makes a thousand, some at a time, from a body that is larger than others may be", async () => {
    const items = routers(1000).map((router) => ({ ...router, tags: { note: "x".repeat(500) } }));
    const response = await bulk({ edge_routers: items });
    const { results } = response.json();
    expect(results.map(({ status }: { status: number }) => status)).toEqual(Array(1000).fill(201));
    expect(results.map((each: { edge_router: { name: string } }) => each.edge_router.name)).toEqual(
      items.map(({ name }) => name),
    );
    expect(gateway.most).toBe(8);
    const refused = await bulk({ edge_routers: routers(1001) });
    expect([refused.statusCode, refused.json().detail]).toEqual([400, expect.stringContaining("1001 resources")]);
    const single = { edge_router: { ip: "10.9.0.1", tags: { note: "x".repeat(300_000) } } };
    expect((await app.inject({ method: "POST", url: "/v2.0/edge_routers", payload: single })).statusCode).toBe(413);
  });

  it("gives each item a key of its own", async () => {
    await bulk({ edge_routers: routers(3) }, { "idempotency-key": '"k"' });
    expect(gateway.keys.toSorted()).toEqual(["k/0", "k/1", "k/2"]);
    expect((await bulk({ edge_routers: [] }, { "idempotency-key": "k".repeat(251) })).statusCode).toBe(400);
  });

  it("shows nothing of an unforeseen error but logs it, and goes on with the others", async () => {
    const { results } = (await bulk({ edge_routers: [{ name: "boom" }, { ip: "10.0.0.1" }] })).json();
    expect(results).toMatchObject([{ status: 500, error: { code: "SB_INTERNAL" } }, { status: 201 }]);
    expect(JSON.stringify(results)).not.toContain("unforeseen");
    expect(logger.lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { requestId: "request-1" } },
    ]);
  });

  it.each([
    [{}, ""],
    [{ edge_routers: {} }, "/edge_routers"],
    [{ edge_router: {} }, ""],
    [{ edge_routers: [], more: 1 }, "/edge_routers"],
    [[], ""],
  ])("refuses %j as a whole", async (body, pointer) => {
    const response = await bulk(body);
    expect(response.json()).toMatchObject({ status: 400, code: "SB_INVALID_BODY", errors: [{ pointer }] });
  });

  it("refuses parameters and a missing body", async () => {
    expect((await app.inject({ method: "POST", url: `${url}?dry_run=true`, payload: {} })).statusCode).toBe(400);
    const headers = { "content-type": "application/json" };
    expect((await app.inject({ method: "POST", url, headers })).json().code).toBe("SB_INVALID_JSON");
    expect((await bulk({ edge_routers: [] })).json()).toEqual({ results: [] });
  });
});
