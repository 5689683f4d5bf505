import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ifMatch } from "../../../src/adapters/api/if-match.ts";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { FakeGateway } from "./fake-gateway.ts";

let app: FastifyInstance;
let url: string;

beforeEach(async () => {
  app = createHttpServer({ api: new FakeGateway(), logger: silentLogger });
  const payload = { edge_router: { name: "r1", ip: "10.0.0.1" } };
  const made = await app.inject({ method: "POST", url: "/v2.0/edge_routers", payload });
  expect(made.headers.etag).toBe('"1"');
  url = String(made.headers.location);
});
afterEach(() => app.close());

const put = (name: string, headers: Record<string, string> = {}) =>
  app.inject({ method: "PUT", url, payload: { edge_router: { name } }, headers });

describe("ETag and If-Match", () => {
  it("let a change through when the version is the one that was seen", async () => {
    const changed = await put("r2", { "if-match": '"1"' });
    expect([changed.statusCode, changed.headers.etag]).toEqual([200, '"2"']);
    expect((await app.inject(url)).headers.etag).toBe('"2"');
    expect((await put("r3", { "if-match": "*" })).headers.etag).toBe('"3"');
    expect((await put("r4", { "if-match": '"1", "3"' })).headers.etag).toBe('"4"');
  });

  it("answer 412 for an old version, for a deletion and a retry too, and change nothing", async () => {
    await put("r2");
    const refused = await put("r3", { "if-match": '"1"' });
    expect([refused.statusCode, refused.json().code]).toEqual([412, "SB_VERSION_CONFLICT"]);
    expect(refused.json().detail).toContain("at version 2, not 1");
    const headers = { "content-type": "application/json", "if-match": '"1"' };
    expect((await app.inject({ method: "DELETE", url, headers })).statusCode).toBe(412);
    expect((await app.inject({ method: "POST", url: `${url}/retry`, headers })).statusCode).toBe(412);
    expect((await app.inject(url)).json().edge_router.name).toBe("r2");
    const gone = await app.inject({ method: "DELETE", url, headers: { "if-match": '"2"' } });
    expect(gone.statusCode).toBe(204);
  });

  it("are not taken for granted when the header is malformed", async () => {
    const refused = await put("r3", { "if-match": '"1' });
    expect([refused.statusCode, refused.json().code]).toEqual([400, "SB_MALFORMED_REQUEST"]);
  });
});

describe("the versions that If-Match names", () => {
  it.each([
    [undefined, {}],
    ["*", {}],
    ['"3"', { onlyVersions: ["3"] }],
    ["3", { onlyVersions: ["3"] }],
    ['"3" , "4"', { onlyVersions: ["3", "4"] }],
    // Weak tags never match (RFC 9110 section 13.1.1).
    ['W/"3"', { onlyVersions: ['W/"3"'] }],
    ['"abc"', { onlyVersions: ["abc"] }],
  ])("of %s", (header, wanted) => {
    expect(ifMatch(header)).toEqual(wanted);
  });

  it.each(["", "abc", '"3", ', '3"', "revision_number=3"])("are not in %j", (header) => {
    expect(() => ifMatch(header)).toThrow("no list of entity tags");
  });
});
