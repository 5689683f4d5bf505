import { fileURLToPath } from "node:url";
import { readScenario, type Scenario } from "../../src/cli/scenario-file.ts";

/** The 20 requests of the demo: from bare devices to a static route. */
export function demoScenario(): Promise<Scenario> {
  return readScenario(fileURLToPath(new URL("../../templates/_demo/vpn_gateway.json", import.meta.url)));
}

/** All 25 resources of the demo are projected, 16 of them with monitoring, and no job is left. */
export function demoAtRest(documents: ReadonlyMap<string, unknown>): boolean {
  const keys = [...documents.keys()];
  const count = (prefix: string) => keys.filter((key) => key.startsWith(prefix)).length;
  return (
    count("/state/") === 25 &&
    count("/jobs/") === 0 &&
    count("/esi-worker/job_state/") === 0 &&
    count("/monitoring/") === 16
  );
}
