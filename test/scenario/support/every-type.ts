import { fileURLToPath } from "node:url";
import { readScenario, type Scenario, type ScenarioRequest } from "../../../src/cli/scenario-file.ts";
import { atRest } from "./at-rest.ts";
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
  return { ...base, requests: [...base.requests, ...own] };
}

/** It is built and nothing is under way. */
export function everyTypeAtRest(documents: ReadonlyMap<string, unknown>): boolean {
  return atRest(documents, { resources: 37, monitored: 22 });
}
