import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { RecordingLogger } from "./recording-logger.ts";

let gateway: FakeGateway;
let logger: RecordingLogger;
let app: FastifyInstance;

beforeEach(() => {
  gateway = new FakeGateway();
  logger = new RecordingLogger();
  app = createHttpServer({
    api: gateway,
    logger,
    requestId: () => "request-1",
    plugins: [
      (instance, _options, done) => {
        instance.post("/lab/echo", async (request) => ({ got: request.body }));
        done();
      },
    ],
  });
});
afterEach(async () => {
  await app.close();
});

const json = { "content-type": "application/json" };
const post = (url: string, payload: string | object, headers: Record<string, string> = json) =>
  app.inject({
    method: "POST",
    url,
    payload: typeof payload === "string" ? payload : JSON.stringify(payload),
    headers,
  });
const router = { edge_router: { name: "r1", ip: "10.0.0.1", password: "hidden" } };

describe("resources", () => {
  it("creates: 201, the resource in its envelope, its path in Location", async () => {
    const response = await post("/v2.0/edge_routers", router);
    expect(response.statusCode).toBe(201);
    const made = response.json().edge_router;
    expect(made).toMatchObject({ name: "r1", status: "PENDING_CREATE", password: "***", kind: null });
    expect(response.headers.location).toBe(`/v2.0/edge_routers/${made.id}`);
    const shown = await app.inject(response.headers.location as string);
    expect(shown.json().edge_router.id).toBe(made.id);
  });

  it("lists under the plural and filters by repeated query parameters", async () => {
    for (const [name, ip] of [
      ["a", "10.0.0.1"],
      ["b", "10.0.0.2"],
      ["c", "10.0.0.3"],
    ]) {
      await post("/v2.0/edge_routers", { edge_router: { name, ip } });
    }
    const response = await app.inject("/v2.0/edge_routers?name=a&name=c");
    expect(response.json().edge_routers.map((each: { name: string }) => each.name)).toEqual(["a", "c"]);
    expect((await app.inject("/v2.0/edge_routers/")).json().edge_routers).toHaveLength(3);
  });

  it("refuses filters on unknown and on secret fields", async () => {
    for (const name of ["nmae", "password"]) {
      const response = await app.inject(`/v2.0/edge_routers?${name}=x`);
      expect([response.statusCode, response.json().code]).toEqual([400, "SB_MALFORMED_REQUEST"]);
      expect(response.json().detail).toContain(name);
    }
  });

  it("updates with PUT 200, deletes with 204 and then answers 404", async () => {
    const { id } = (await post("/v2.0/edge_routers", router)).json().edge_router;
    const url = `/v2.0/edge_routers/${id}`;
    const changed = await app.inject({ method: "PUT", url, payload: { edge_router: { name: "r2" } } });
    expect([changed.statusCode, changed.json().edge_router.name]).toEqual([200, "r2"]);
    const gone = await app.inject({ method: "DELETE", url, headers: json });
    expect([gone.statusCode, gone.body]).toEqual([204, ""]);
    await new Promise((resolve) => setImmediate(resolve));
    expect((await app.inject(url)).json().code).toBe("SB_NOT_FOUND");
  });

  it("retries a failed resource and refuses to retry another", async () => {
    const { id } = (await post("/v2.0/edge_routers", { edge_router: { name: "broken", ip: "10.0.0.9" } })).json()
      .edge_router;
    const url = `/v2.0/edge_routers/${id}/retry`;
    expect((await app.inject({ method: "POST", url, headers: json })).statusCode).toBe(409);
    while (gateway.log.at(-1)?.status !== "ERROR") await new Promise((resolve) => setImmediate(resolve));
    const again = await app.inject({ method: "POST", url, headers: json });
    expect([again.statusCode, again.json().edge_router.status]).toEqual([200, "PENDING_CREATE"]);
  });

  it("answers HEAD without a body and OPTIONS with the methods", async () => {
    const head = await app.inject({ method: "HEAD", url: "/v2.0/edge_routers" });
    expect([head.statusCode, head.body]).toEqual([200, ""]);
    const options = await app.inject({ method: "OPTIONS", url: "/v2.0/edge_routers" });
    expect([options.statusCode, options.headers.allow]).toEqual([204, "GET, HEAD, OPTIONS, POST"]);
  });
});

describe("errors are problems (RFC 9457)", () => {
  it("names the field by a pointer into the body that was sent", async () => {
    const response = await post("/v2.0/gw_interfaces", { gw_interface: { vird: 20 } });
    expect(response.headers["content-type"]).toContain("application/problem+json");
    expect(response.json()).toEqual({
      type: "/problems/SB_INVALID_BODY",
      title: "The request does not fit the schema",
      status: 400,
      detail: "gw_interface has no such field.",
      instance: "/v2.0/gw_interfaces",
      code: "SB_INVALID_BODY",
      advice: "Correct the named fields; the schema is at /openapi.json.",
      request_id: "request-1",
      errors: [{ pointer: "/gw_interface/vird", detail: "is not a field that can be set" }],
    });
  });

  it.each([
    [
      '{"edge_router": {"name": "a",}}',
      'Line 1, column 30 (position 29): expected a member name in double quotes, found "}".',
    ],
    ['{\n  "edge_router": {"name" "a"}\n}', 'Line 2, column 26 (position 27): expected ":", found "\\"".'],
    ['{"edge_router": {"port": 08}}', 'Line 1, column 26 (position 25): expected a value, found "0".'],
    ['{"edge_router": ', "Line 1, column 17 (position 16): expected a value, found the end."],
    ['{"edge_router": {"n": "a\tb"}}', 'Line 1, column 23 (position 22): expected a well-formed string, found "\\"".'],
    ["{} {}", 'Line 1, column 4 (position 3): expected the end, found "{".'],
  ])("names the place where %j stops being JSON", async (text, detail) => {
    const response = await post("/v2.0/edge_routers", text);
    expect(response.json()).toMatchObject({ status: 400, code: "SB_INVALID_JSON", detail });
  });

  it.each([
    ["[]", ""],
    ["{}", "/edge_router"],
    ['{"edge_routers": {}}', "/edge_router"],
    ['{"edge_router": []}', "/edge_router"],
    ['{"edge_router": {}, "x/y": 1}', "/x~1y"],
  ])("refuses the envelope %s", async (text, pointer) => {
    const response = await post("/v2.0/edge_routers", text);
    expect(response.json()).toMatchObject({ status: 400, code: "SB_INVALID_BODY", errors: [{ pointer }] });
  });

  it("refuses a body that is missing, not UTF-8, hostile or nested too deeply", async () => {
    expect((await post("/v2.0/edge_routers", "")).json().code).toBe("SB_INVALID_JSON");
    const bytes = await app.inject({
      method: "POST",
      url: "/v2.0/edge_routers",
      payload: Buffer.from([0x7b, 0xff]),
      headers: json,
    });
    expect(bytes.json()).toMatchObject({ code: "SB_INVALID_JSON", detail: "The body is not UTF-8 text." });
    const hostile = await post("/v2.0/edge_routers", '{"edge_router": {"__proto__": {"x": 1}}}');
    expect(hostile.json().code).toBe("SB_INVALID_BODY");
    const deep = await post("/v2.0/edge_routers", "[".repeat(100_000) + "]".repeat(100_000));
    expect(deep.json()).toMatchObject({ code: "SB_INVALID_BODY", detail: expect.stringContaining("32 levels") });
  });

  it.each([
    [{ "content-type": "text/plain" }],
    [{ "content-type": "application/x-www-form-urlencoded" }],
    [{ "content-type": "application/json; charset=latin1" }],
    [{ "content-type": "application/json", "content-encoding": "gzip" }],
    [{ "content-type": "nonsense" }],
  ])("takes JSON only, not %j", async (headers) => {
    const response = await post("/v2.0/edge_routers", "x=1", headers as unknown as Record<string, string>);
    expect(response.json()).toMatchObject({ status: 415, code: "SB_UNSUPPORTED_MEDIA_TYPE" });
  });

  it("tells an unknown path (404) from a wrong method (405 with Allow)", async () => {
    for (const url of ["/v2.0/edge_router", "/v2.0", "/nothing", "/v2.0/edge_routers/1/2"]) {
      const response = await app.inject(url);
      expect([url, response.statusCode, response.json().code]).toEqual([url, 404, "SB_NO_SUCH_ROUTE"]);
    }
    const wrong = await app.inject({ method: "PATCH", url: "/v2.0/edge_routers/1" });
    expect([wrong.statusCode, wrong.json().code]).toEqual([405, "SB_METHOD_NOT_ALLOWED"]);
    expect(wrong.headers.allow).toBe("DELETE, GET, HEAD, OPTIONS, PUT");
    const stream = await app.inject({ method: "HEAD", url: "/signalbox/v1/transitions" });
    expect([stream.statusCode, stream.headers.allow]).toEqual([405, "GET, OPTIONS"]);
  });

  it("hides an unexpected error, and logs it under the request id", async () => {
    gateway.failure = new Error("connect ECONNREFUSED db.internal:5432");
    const response = await app.inject({ url: "/v2.0/edge_routers/1", headers: { "x-request-id": "mine-7" } });
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain("db.internal");
    expect(response.body).not.toContain(".ts:");
    expect(response.json()).toMatchObject({ code: "SB_INTERNAL", request_id: "mine-7" });
    expect(response.headers["x-request-id"]).toBe("mine-7");
    const line = logger.lines.find((each) => each.level === "error");
    expect(line?.fields).toMatchObject({ requestId: "mine-7", err: gateway.failure });
  });

  it("gives an id of its own to a request whose id could forge log lines", async () => {
    const response = await app.inject({ url: "/livez", headers: { "x-request-id": "a b" } });
    expect(response.headers["x-request-id"]).toBe("request-1");
  });

  it("answers a URL that cannot be decoded with 400", async () => {
    const response = await app.inject("/v2.0/edge_routers/%zz");
    expect([response.statusCode, response.json().code]).toEqual([400, "SB_MALFORMED_REQUEST"]);
  });

  it("has a page about every error", async () => {
    const text = await app.inject({ url: "/problems/SB_REFERENCED" });
    expect(text.headers["content-type"]).toContain("text/plain");
    expect(text.body).toContain("HTTP status 409");
    const page = await app.inject({ url: "/problems/SB_REFERENCED", headers: { accept: "application/json" } });
    expect(page.json()).toMatchObject({ code: "SB_REFERENCED", exit_code: 4, transient: false });
    expect((await app.inject("/problems/SB_X")).statusCode).toBe(404);
    expect((await app.inject("/problems")).json().problems.length).toBeGreaterThan(30);
  });
});

describe("service", () => {
  it("is alive, and ready when the gateway is", async () => {
    expect((await app.inject("/livez")).statusCode).toBe(200);
    expect((await app.inject("/readyz")).json()).toEqual({ status: "ready", checks: { log: "ok" } });
    gateway.ready = false;
    const response = await app.inject("/readyz");
    expect([response.statusCode, response.json().checks]).toEqual([503, { log: "no connection" }]);
  });

  it("gives plugins parsed bodies and problems", async () => {
    expect((await post("/lab/echo", { a: 1 })).json()).toEqual({ got: { a: 1 } });
    expect((await post("/lab/echo", "{")).json().code).toBe("SB_INVALID_JSON");
    expect((await app.inject({ method: "DELETE", url: "/lab/echo" })).headers.allow).toBe("OPTIONS, POST");
  });

  it("answers the documents of a prefix and refuses parameters it does not know", async () => {
    const { id } = (await post("/v2.0/vpn_services", { vpn_service: { name: "s" } })).json().vpn_service;
    const response = await app.inject("/signalbox/v1/documents?prefix=/config/");
    expect(response.json()).toEqual([
      { key: `/config/v2.0/vpn_services/${id}`, value: { body: { name: "s", id }, version: 1 }, revision: 1 },
    ]);
    for (const query of [
      "documents?perfix=/",
      "transitions?follow=maybe",
      "transitions?from=-1",
      "transitions?from=1&from=2",
    ]) {
      expect((await app.inject(`/signalbox/v1/${query}`)).json().code).toBe("SB_MALFORMED_REQUEST");
    }
  });
});
