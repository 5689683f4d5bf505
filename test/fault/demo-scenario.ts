import { fileURLToPath } from "node:url";
import { readScenario, type Scenario } from "../../src/cli/scenario-file.ts";

/** The 20 requests of the demo: from bare devices to a static route. */
export function demoScenario(): Promise<Scenario> {
  return readScenario(fileURLToPath(new URL("../../templates/_demo/vpn_gateway.json", import.meta.url)));
}
