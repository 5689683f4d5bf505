import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { FakeGateway } from "./fake-gateway.ts";

let app: FastifyInstance;
let url: string;

beforeEach(async () => {
  const gateway = new FakeGateway();
  const { id } = await gateway.create("edge_router", { name: "a", ip: "10.0.0.1", tags: { red: "", room: "7" } });
  url = `/v2.0/edge_routers/${id}`;
  app = createHttpServer({ api: gateway, logger: silentLogger });
});
afterEach(() => app.close());

const sdk = { "user-agent": "openstacksdk/0.101.0 keystoneauth1/5.0.0" };
const tags = async (path: string, headers: Record<string, string> = {}) => {
  const [answer] = Object.values((await app.inject({ url: path, headers })).json());
  return (Array.isArray(answer) ? answer[0] : answer).tags;
};

describe("OpenStack's clients", () => {
  it("get tags as Neutron has them, and others as they are", async () => {
    for (const path of [url, "/v2.0/edge_routers"]) {
      expect(await tags(path, sdk)).toEqual(["red", "room=7"]);
      expect(await tags(path)).toEqual({ red: "", room: "7" });
    }
  });

  it("may ask for fields that there are not, and others are told", async () => {
    const path = "/v2.0/edge_routers?fields=name&fields=security_group_ids";
    expect((await app.inject({ url: path, headers: sdk })).json()).toEqual({ edge_routers: [{ name: "a" }] });
    expect((await app.inject({ url: path })).statusCode).toBe(400);
    expect((await app.inject({ url: "/v2.0/edge_routers?colour=red", headers: sdk })).statusCode).toBe(400);
  });

  it("find no extensions, and errors are problems for them too", async () => {
    expect((await app.inject("/v2.0/extensions")).json()).toEqual({ extensions: [] });
    const refused = await app.inject({ url: "/v2.0/edge_routers/none", headers: sdk });
    expect([refused.statusCode, refused.json().code]).toEqual([404, "SB_NOT_FOUND"]);
  });
});
