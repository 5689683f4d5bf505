import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario, withRealIds } from "../../src/cli/scenario-file.ts";
import { demoScenario, TestSystem } from "./support/running-system.ts";

type Resource = Record<string, unknown>;

describe("two resources that would be the same statements on the routers", () => {
  let system: TestSystem;
  beforeAll(async () => {
    system = await TestSystem.start();
    await system.replay(demoScenario);
  });
  afterAll(() => system.stop());

  const list = async (collection: string): Promise<Resource[]> =>
    (await system.get<Record<string, Resource[]>>(`/v2.0/${collection}`))[collection] ?? [];

  /** The demo's request for the only resource of a type, for what there is now. */
  async function requestFor(type: string): Promise<Resource> {
    const { requests } = await readScenario(demoScenario);
    const request = requests.find(({ body }) => type in (body as object));
    const gateway = requests.find(({ body }) => "vpn_gateway" in (body as object))?.creates ?? "";
    const real = String((await list("vpn_gateways"))[0]?.["id"]);
    if (request === undefined) throw new Error(`the demo has no ${type}`);
    return withRealIds(request, new Map([[gateway, real]])).body as Resource;
  }

  it.each([
    ["vpn_interface", "vpn_interfaces", /vpn_gw_id [0-9a-f-]+ is taken by vpn_interface/],
    ["static_route", "static_routes", /vpn_gw_id\+destination .* is taken by static_route/],
  ])("are not there at once: a second %s is refused", async (type, collection, message) => {
    const { status, body } = await system.send("POST", `/v2.0/${collection}`, await requestFor(type));
    expect([status, body["code"]]).toEqual([409, "SB_UNIQUE_TAKEN"]);
    expect(body["detail"]).toMatch(message);
    expect(await list(collection)).toHaveLength(1);
  });

  it("follow one another: what is created as soon as the one before is gone stays on the routers", async () => {
    const [before] = await list("vpn_interfaces");
    const configured = await system.text("/lab/routers/MX-1/configuration");
    const request = await requestFor("vpn_interface");
    expect((await system.send("DELETE", `/v2.0/vpn_interfaces/${before?.["id"]}`)).status).toBe(204);
    let answer = await system.send("POST", "/v2.0/vpn_interfaces", request);
    while (answer.status === 409) answer = await system.send("POST", "/v2.0/vpn_interfaces", request);
    const id = String((answer.body["vpn_interface"] as Resource)["id"]);
    await system.until(id, ({ status }) => status === "ACTIVE");
    expect(sorted(await system.text("/lab/routers/MX-1/configuration"))).toEqual(sorted(configured));
  });
});

/** The lines, whatever the order in which their statements came. */
function sorted(text: string): string[] {
  return text.split("\n").toSorted();
}
