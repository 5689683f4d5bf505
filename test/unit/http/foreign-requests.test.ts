import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../../src/adapters/http/listen-http.ts";
import { exchange } from "../../scenario/support/raw-http.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { RecordingLogger } from "./recording-logger.ts";

const portal = "https://portal.example";
let gateway: FakeGateway;
let app: FastifyInstance;
let url: string;
let host: string;
/** Every route that there is, with something in place of its parameters. */
let routes: Array<{ method: string; path: string }>;

beforeEach(async () => {
  gateway = new FakeGateway();
  const logger = new RecordingLogger();
  app = createHttpServer({ api: gateway, logger, source: { origins: [portal] } });
  ({ url } = await listenHttp(app, { host: "127.0.0.1", port: 0 }));
  host = new URL(url).host;
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
  routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      .filter((method) => /^(get|put|post|delete|patch)$/.test(method))
      .map((method) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, "x") })),
  );
});
afterEach(() => app.close());

async function send(method: string, path: string, headers: Record<string, string>, body = "") {
  const lines = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  return exchange(url, `${method} ${path} HTTP/1.1\r\n${lines.join("")}${length}Connection: close\r\n\r\n${body}`);
}

describe("a request from elsewhere", () => {
  it("is refused on every path, whatever it would do", async () => {
    const others = ["/nothing", "/ui/", "/ui/assets/x.js", "/lab", "/v2.0/edge_routers/%zz", "/livez?x=%zz", "/"];
    const all = [...routes, ...others.flatMap((path) => ["GET", "POST", "HEAD"].map((method) => ({ method, path })))];
    expect(routes.length).toBeGreaterThan(30);
    for (const { method, path } of all) {
      const rebound = await send(method, path, {
        Host: "attacker.example:9091",
        Origin: "http://attacker.example:9091",
      });
      expect([method, path, rebound.status]).toEqual([method, path, 421]);
      const foreign = await send(method, path, { Origin: "http://attacker.example" });
      expect([method, path, foreign.status]).toEqual([method, path, 403]);
      const silent = await send(method, path, { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" });
      expect([method, path, silent.status]).toEqual([method, path, 403]);
      for (const { head, body } of [rebound, foreign, silent]) {
        expect(head.toLowerCase()).not.toContain("access-control-allow");
        if (method !== "HEAD")
          expect(JSON.parse(body)).toMatchObject({ code: expect.stringMatching(/^SB_(MISD|FOREIGN)/) });
      }
    }
    expect(gateway.log).toEqual([]);
  });

  it("changes nothing when a form could have sent it, even by a browser that says nothing about it", async () => {
    const { id } = await gateway.create("edge_router", { name: "broken", ip: "10.0.0.9" });
    const before = gateway.log.length;
    const posts = [
      `/v2.0/edge_routers/${id}/retry`,
      "/v2.0/edge_routers",
      "/v2.0/edge_routers/bulk",
      "/signalbox/v1/secrets/reseal?purge=true",
    ];
    const body = '{"edge_router": {"name": "x", "ip": "10.0.0.1"}}';
    for (const path of posts) {
      for (const [headers, sent] of [
        [{}, ""],
        [{ "Content-Type": "text/plain" }, ""],
        [{ "Content-Type": "text/plain" }, body],
        [{ "Content-Type": "text/plain;application/json" }, body],
        [{ "Content-Type": " TEXT/plain ; x=application/json" }, body],
        [{ "Content-Type": "application/x-www-form-urlencoded" }, body],
        [{ "Content-Type": "multipart/form-data; boundary=application/json" }, body],
        [{ Accept: "application/json", "Content-Language": "en" }, body],
      ] as const) {
        const answer = await send("POST", path, headers, sent);
        expect([path, headers, answer.status]).toEqual([path, headers, 415]);
        expect(JSON.parse(answer.body).advice).toContain("application/json");
      }
    }
    expect(gateway.log.slice(before).filter(({ event }) => event === "CREATE")).toEqual([]);
    for (const allowed of [
      { "Content-Type": "application/json" },
      { "X-Auth-Token": "any" },
      { Authorization: "Bearer x" },
    ])
      expect((await send("POST", posts[0] ?? "", allowed)).status).not.toBe(415);
  });
});

describe("a page that the configuration allows", () => {
  it("is told its own origin and what it may send, never that all may", async () => {
    const asked = await send("OPTIONS", "/v2.0/edge_routers/x", {
      Origin: portal,
      "Sec-Fetch-Site": "cross-site",
      "Access-Control-Request-Method": "PUT",
      "Access-Control-Request-Headers": "x-auth-token, content-type",
    });
    expect(asked.status).toBe(204);
    expect(asked.head).toContain(`access-control-allow-origin: ${portal}`);
    expect(asked.head).toMatch(/access-control-allow-methods: .*PUT/);
    expect(asked.head).toMatch(/access-control-allow-headers: .*x-auth-token/);
    const read = await send("GET", "/v2.0/edge_routers", { Origin: portal, "Sec-Fetch-Site": "cross-site" });
    expect([read.status, read.head.includes(`access-control-allow-origin: ${portal}`)]).toEqual([200, true]);
    const streamed = await send("GET", "/signalbox/v1/transitions", { Origin: portal });
    expect(streamed.head).toContain(`access-control-allow-origin: ${portal}`);
    const tool = await send("GET", "/v2.0/edge_routers", { "User-Agent": "openstacksdk/4" });
    for (const { head } of [asked, read, streamed, tool]) {
      expect(head).not.toMatch(/access-control-allow-(origin: \*|credentials)/);
      expect(head).toMatch(/^vary: .*Origin/im);
    }
    expect(tool.head).not.toContain("access-control");
  });

  it("and no other is told anything", async () => {
    for (const Origin of ["http://portal.example", "https://portal.example:444", "null", "*"]) {
      const asked = await send("OPTIONS", "/v2.0/edge_routers", { Origin, "Access-Control-Request-Method": "POST" });
      expect([Origin, asked.status, /access-control/i.test(asked.head)]).toEqual([Origin, 403, false]);
    }
  });
});

it("an answer is not kept by anybody, and no page may embed it", async () => {
  for (const path of ["/livez", "/v2.0/edge_routers", "/nothing", "/openapi.json", "/signalbox/v1/transitions"]) {
    const { head } = await send("GET", path, {});
    for (const line of [
      "cache-control: no-store",
      "cross-origin-resource-policy: same-origin",
      "x-frame-options: DENY",
    ])
      expect([path, head]).toEqual([path, expect.stringContaining(line)]);
  }
});
