import { afterAll, beforeAll, expect, it } from "vitest";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { demoScenario, TestSystem } from "./support/running-system.ts";

let system: TestSystem;
let network: Record<string, string>;

beforeAll(async () => {
  system = await TestSystem.start();
  const { requests } = await readScenario(demoScenario);
  // Up to the network and its subnet.
  await system.replay({ requests: requests.slice(0, 18) });
  const { networks } = await system.get<{ networks: Array<Record<string, string>> }>("/v2.0/networks");
  network = networks[0] ?? {};
});
afterAll(async () => {
  await system.stop();
});

const objects = async (): Promise<string[]> => {
  const { objects: all } = await system.get<{ objects: Array<{ kind: string; uuid: string }> }>(
    "/lab/controller/objects",
  );
  return all.map(({ kind, uuid }) => `${kind} ${uuid}`).sort();
};

it("a port whose creation failed between two controller objects leaves none of them when it is deleted", async () => {
  const { subnets } = await system.get<{ subnets: Array<Record<string, string>> }>("/v2.0/subnets");
  const before = await objects();
  const fault = await system.send("POST", "/lab/controller/faults", { kind: "reject", object: "instance-ip" });
  expect(fault.status).toBe(201);
  const created = await system.send("POST", "/v2.0/ports", {
    port: {
      network_id: network["id"],
      tenant_id: network["tenant_id"],
      fixed_ips: [{ subnet_id: subnets[0]?.["id"], ip_address: "172.16.101.50" }],
    },
  });
  const { id } = created.body["port"] as { id: string };
  await system.until(id, ({ state, error }) => state === "create_failed" && error.includes("instance-ip"));
  expect((await objects()).length).toBe(before.length + 1);

  await system.send("DELETE", "/lab/controller/faults");
  expect((await system.send("DELETE", `/v2.0/ports/${id}`)).status).toBe(204);
  await system.until(id, ({ state }) => state === "deleted");
  expect(await objects()).toEqual(before);
});
