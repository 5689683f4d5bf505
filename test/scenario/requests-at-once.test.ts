import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { demoScenario, TestSystem } from "./support/running-system.ts";

type Resource = Record<string, unknown>;

let system: TestSystem;
let order: Resource;

beforeAll(async () => {
  system = await TestSystem.start();
  const { requests } = await readScenario(demoScenario);
  // The devices, the service and the bandwidth that gateways are ordered with.
  await system.replay({ requests: requests.slice(0, 14) });
  const only = async (collection: string) =>
    (await system.get<Record<string, Resource[]>>(`/v2.0/${collection}`))[collection]?.[0]?.["id"];
  const { body } = requests[14] as unknown as { body: { vpn_gateway: Resource } };
  order = {
    ...body.vpn_gateway,
    qos_option_id: await only("qos_options"),
    vpn_service_id: await only("vpn_services"),
  };
});
afterAll(async () => {
  await system.stop();
});

const postGateway = (values: Resource) =>
  system.send("POST", "/v2.0/vpn_gateways", { vpn_gateway: { ...order, ...values } });

async function gateways(): Promise<Resource[]> {
  return (await system.get<{ vpn_gateways: Resource[] }>("/v2.0/vpn_gateways")).vpn_gateways;
}

/** Waits until so many gateways are complete and no job is left. */
const atRest = (count: number, versions = 1) =>
  system.documentsUntil((documents) => {
    const states = [...documents].filter(([key]) => key.startsWith("/state/v2.0/vpn_gateways/"));
    const jobs = [...documents.keys()].filter((key) => key.startsWith("/jobs/"));
    const reached = states.some(([, value]) => (value as { version: number }).version >= versions);
    return states.length === count && jobs.length === 0 && reached;
  });

describe("requests that come at once", () => {
  it("get a VLAN each, the lowest that are free", async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, at) => postGateway({ name: `gw-${at}`, uplink_vlan_id: String(2000 + at) })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(201));
    const vlans = answers.map(({ body }) => Number((body["vpn_gateway"] as Resource)["downlink_vlan_id"]));
    expect(vlans.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, at) => 1025 + at));
    await atRest(12);
    expect((await gateways()).map(({ status }) => status)).toEqual(Array(12).fill("ACTIVE"));
  });

  it("for one VLAN: one gets it, the others are told who has it and leave nothing behind", async () => {
    const before = await gateways();
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, at) => postGateway({ name: `rival-${at}`, uplink_vlan_id: "3000" })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409, 409]);
    for (const { body } of answers.filter(({ status }) => status === 409)) {
      expect(body).toMatchObject({ code: "SB_UNIQUE_TAKEN", errors: [{ pointer: "/vpn_gateway/uplink_vlan_id" }] });
    }
    const documents = await atRest(before.length + 1);
    const named = (await gateways()).filter(({ name }) => String(name).startsWith("rival-"));
    expect(named.length).toBe(1);
    const configs = [...documents.keys()].filter((key) => key.startsWith("/config/v2.0/vpn_gateways/"));
    expect(configs.length).toBe(before.length + 1);
    const lines = (await system.text("/signalbox/v1/transitions"))
      .split("\n")
      .filter((line) => line.includes("rival-"));
    expect(new Set(lines.map((line) => (JSON.parse(line) as Resource)["id"]))).toEqual(new Set([named[0]?.["id"]]));
  });

  it("to change one resource take effect one after the other, with one job of it at a time", async () => {
    const [first] = await gateways();
    const id = String(first?.["id"]);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        system.send("PUT", `/v2.0/vpn_gateways/${id}`, { vpn_gateway: { description: `change ${at}` } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    await atRest((await gateways()).length, 9);
    const transitions = (await system.text("/signalbox/v1/transitions"))
      .split("\n")
      .filter((line) => line.includes(id))
      .map((line) => JSON.parse(line) as { version: number; jobs: Array<{ phase: string }> });
    const versions = transitions.map(({ version }) => version);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(versions)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9]));
    const working = transitions.map(({ jobs }) => jobs.filter(({ phase }) => phase === "working").length);
    expect(Math.max(...working)).toBe(1);
  });
});
