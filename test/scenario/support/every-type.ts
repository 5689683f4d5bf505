import { fileURLToPath } from "node:url";
import type { Json } from "../../../src/actors/ports.ts";
import { readScenario, type Scenario, type ScenarioRequest } from "../../../src/cli/scenario-file.ts";
import { atRest } from "./at-rest.ts";
import { TENANT, uplinkServiceRequests } from "./gateway-services.ts";
import { internetRequests } from "./internet-requests.ts";
import { demoScenario } from "./running-system.ts";

const FUNCTIONS = fileURLToPath(new URL("../../../templates/_demo/common_function_gateway.json", import.meta.url));

/** The path and the name of what a request creates: the two demos have the same devices under other ids. */
const nameOf = ({ path, body }: ScenarioRequest) =>
  `${path} ${Object.values(body as Record<string, Record<string, unknown>>).map((fields) => JSON.stringify([fields["name"], fields["device_id"]]))}`;

/** The demos on one set of devices: at least one resource of every type that they know. */
export async function everyTypeScenario(): Promise<Scenario> {
  const [base, added] = await Promise.all([readScenario(demoScenario), readScenario(FUNCTIONS)]);
  const ids = new Map(base.requests.map((request) => [nameOf(request), request.creates]));
  let text = JSON.stringify(added.requests);
  const own: ScenarioRequest[] = [];
  for (let at = 0; at < added.requests.length; at += 1) {
    // As its references are by now.
    const request = (JSON.parse(text) as ScenarioRequest[])[at];
    const same = request && ids.get(nameOf(request));
    if (request?.creates !== undefined && same !== undefined) text = text.replaceAll(request.creates, same);
    else if (request !== undefined) own.push(request);
  }
  return {
    ...base,
    requests: [...base.requests, ...own, ...uplinkServices(base), ...internet(base), ...physicalPort(base)],
  };
}

/** What the demo calls a resource. */
function named(base: Scenario, path: string, part = ""): string {
  const found = base.requests.find((each) => each.path === path && JSON.stringify(each.body).includes(part));
  return found?.creates ?? "";
}

/** The services whose gateways have an uplink, on the demo's interfaces. */
function uplinkServices(base: Scenario): ScenarioRequest[] {
  const pair = (link: string) => named(base, "/v2.0/ha_interfaces", `"link_type":"${link}"`);
  return uplinkServiceRequests({ uplink: pair("uplink"), downlink: pair("downlink") });
}

/** The Internet service, on the demo's interface and router pair. */
function internet(base: Scenario): ScenarioRequest[] {
  return internetRequests({
    router: named(base, "/v2.0/ha_routers"),
    downlink: named(base, "/v2.0/ha_interfaces", '"link_type":"downlink"'),
  });
}

/** A port of a server, plugged into the demo's switch. */
function physicalPort(base: Scenario): ScenarioRequest[] {
  const id = "00000005-0000-4000-8000-000000000000";
  const post = (type: string, fields: { readonly [name: string]: Json }): ScenarioRequest => ({
    method: "POST",
    path: `/v2.0/${type}s`,
    body: { [type]: { tenant_id: TENANT, ...fields } },
    ...(type === "physical_port" ? { creates: id } : {}),
  });
  return [
    post("physical_port", { name: "eth0 of a server", service_owner: "server", service_id: "a-server" }),
    post("ese_physical_port", {
      name: "xe-0/0/10",
      ese_device_id: named(base, "/v2.0/ese_devices"),
      connected_port_id: id,
      connected_port_owner: "physical_port",
    }),
    post("port", { name: "of a server", network_id: named(base, "/v2.0/networks"), device_id: id }),
  ];
}

/** It is built and nothing is under way. */
export function everyTypeAtRest(documents: ReadonlyMap<string, unknown>): boolean {
  // The demos, four services with an uplink, a port of a server.
  return atRest(documents, { resources: 37 + 4 * 14 + 16 + 4, monitored: 22 + 4 * 7 + 6 + 3 });
}
