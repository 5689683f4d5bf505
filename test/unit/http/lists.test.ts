import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { FakeGateway } from "./fake-gateway.ts";

let app: FastifyInstance;

beforeEach(async () => {
  const gateway = new FakeGateway();
  for (const [name, ssh_port] of [
    ["b", 2],
    ["a", 1],
    ["c", 2],
  ] as const) {
    await gateway.create("edge_router", { name, ssh_port, ip: `10.0.0.${name}`, enabled: name !== "b" });
  }
  app = createHttpServer({ api: gateway, logger: silentLogger });
});
afterEach(() => app.close());

async function list(query: string) {
  const response = await app.inject(`/v2.0/edge_routers?${query}`);
  const { edge_routers: routers, ...problem } = response.json();
  return { status: response.statusCode, total: response.headers["x-total-count"], routers, problem };
}
const names = async (query: string) => (await list(query)).routers.map(({ name }: { name: string }) => name);

describe("a list over HTTP", () => {
  it("says in X-Total-Count how many match, on whatever page", async () => {
    expect(await list("sort_key=name&limit=1&offset=1&fields=name")).toMatchObject({
      status: 200,
      total: "3",
      routers: [{ name: "b" }],
    });
    expect(await list("ssh_port=2&limit=0")).toMatchObject({ total: "2", routers: [] });
  });

  it("sorts by one key or several, each with its order or all with one", async () => {
    expect(await names("sort_key=name&sort_order=desc")).toEqual(["c", "b", "a"]);
    expect(await names("sort_key=name&sort_dir=desc")).toEqual(["c", "b", "a"]);
    expect(await names("sort_key=ssh_port&sort_key=name&sort_order=desc&sort_order=asc")).toEqual(["b", "c", "a"]);
  });

  it("selects fields given one by one or with commas, of one resource too", async () => {
    for (const query of ["fields=id&fields=name", "fields=id,name"]) {
      const { routers } = await list(query);
      expect(Object.keys(routers[0])).toEqual(["id", "name"]);
      const one = await app.inject(`/v2.0/edge_routers/${routers[0].id}?${query}`);
      expect(one.json()).toEqual({ edge_router: routers[0] });
    }
  });

  it("takes True and False as Python's clients write them", async () => {
    expect(await names("enabled=True&sort_key=name")).toEqual(["a", "c"]);
    expect(await names("enabled=False")).toEqual(["b"]);
  });

  it.each([
    ["nmae=x&colour=y", '"nmae", "colour"'],
    ["fields=name,nmae", '"nmae"'],
    ["sort_key=nmae", '"nmae"'],
    ["sort_key=password", '"password"'],
    ["password=hidden", '"password"'],
    ["sort_key=name&sort_order=up", '"up"'],
    ["sort_key=name&sort_order=asc&sort_order=desc", "1 sort keys and 2 sort orders"],
    ["limit=-1", '"-1"'],
    ["limit=ten", '"ten"'],
    ["offset=1.5", '"1.5"'],
    ["limit=1&limit=2", '"limit" is given 2 times'],
  ])("refuses %s, naming what is wrong", async (query, named) => {
    const { status, problem } = await list(query);
    expect([status, problem.code]).toEqual([400, "SB_MALFORMED_REQUEST"]);
    expect(problem.detail).toContain(named);
  });
});
