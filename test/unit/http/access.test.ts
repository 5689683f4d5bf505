import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AccessRole } from "../../../src/actors/access/caller.ts";
import { TokenGatekeeper } from "../../../src/actors/access/gatekeeper.ts";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { ListedJournal } from "../actors/audit/listed-journal.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { RecordingLogger } from "./recording-logger.ts";

const clock = new VirtualClock(0);
let app: FastifyInstance;
beforeEach(() => {
  const api = new FakeGateway();
  const authenticator = {
    authenticate: async (token: string | undefined) => {
      if (token === undefined) throw new SignalboxError("SB_UNAUTHENTICATED", "the request brings no token");
      return { name: token, role: token as AccessRole, tenant: undefined };
    },
  };
  const gatekeeper = new TokenGatekeeper({
    api,
    authenticator,
    clock,
    rate: { perSecond: 1, burst: 4 },
    journal: new ListedJournal(),
  });
  app = createHttpServer({
    api,
    gatekeeper,
    logger: new RecordingLogger(),
    plugins: [
      (instance, _options, done) => {
        instance.get("/lab/secret", async () => ({ told: true }));
        done();
      },
    ],
  });
});
afterEach(() => app.close());

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });

describe("a gateway that wants tokens", () => {
  it("takes them as OpenStack's clients and as RFC 6750 have them", async () => {
    for (const headers of [
      { "x-auth-token": "admin" },
      { authorization: "Bearer admin" },
      { authorization: "bearer  admin" },
    ])
      expect((await get("/v2.0/edge_routers", headers)).statusCode).toBe(200);
  });

  it("asks for one where there is none, in a problem that says what to do", async () => {
    const response = await get("/v2.0/edge_routers", { authorization: "Basic YWRtaW46" });
    expect(response.statusCode).toBe(401);
    expect(response.headers["www-authenticate"]).toBe("Bearer");
    expect(response.json()).toMatchObject({
      code: "SB_UNAUTHENTICATED",
      advice: expect.stringContaining("X-Auth-Token"),
    });
  });

  it("tells everybody how it is and what it takes, and nothing else", async () => {
    for (const path of [
      "/livez",
      "/readyz",
      "/openapi.json",
      "/problems",
      "/problems/SB_FORBIDDEN",
      "/gohan/v0.1/schemas",
    ])
      expect([path, (await get(path)).statusCode]).toEqual([path, 200]);
    for (const path of [
      "/v2.0/edge_routers/x",
      "/signalbox/v1/transitions",
      "/signalbox/v1/documents",
      "/signalbox/v1/documents/watch",
      "/lab/secret",
    ])
      expect([path, (await get(path)).statusCode]).toEqual([path, 401]);
  });

  it("shows what is stored, and the pages of others, to operators only", async () => {
    for (const path of ["/signalbox/v1/documents", "/lab/secret"]) {
      expect([path, (await get(path, { "x-auth-token": "member" })).statusCode]).toEqual([path, 403]);
      expect([path, (await get(path, { "x-auth-token": "operator" })).statusCode]).toEqual([path, 200]);
    }
  });

  it("slows down a token that asks too often, and no other", async () => {
    const statuses = async (token: string, times: number) => {
      const seen: number[] = [];
      for (let at = 0; at < times; at += 1)
        seen.push((await get("/v2.0/edge_routers", { "x-auth-token": token })).statusCode);
      return seen;
    };
    expect(await statuses("admin", 5)).toEqual([200, 200, 200, 200, 429]);
    const refused = await get("/v2.0/edge_routers", { "x-auth-token": "admin" });
    expect(refused.headers["retry-after"]).toBe("1");
    expect(refused.json()).toMatchObject({ code: "SB_RATE_LIMITED" });
    expect(await statuses("operator", 1)).toEqual([200]);
    await clock.advance(1_000);
    expect(await statuses("admin", 2)).toEqual([200, 429]);
  });
});
