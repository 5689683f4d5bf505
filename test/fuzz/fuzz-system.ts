import { everyTypeScenario } from "../scenario/support/every-type.ts";
import { TestSystem } from "../scenario/support/running-system.ts";
import { describedBy, type Schema } from "./api-description.ts";
import { generateRequests } from "./generate-requests.ts";
import { type FuzzReport, sendRequests } from "./send-requests.ts";

/**
 * Starts a whole system with a resource of every type and sends it generated requests. Afterwards it must be as ready as before.
 * @param seed the same one makes the same requests
 * @param logLevel of the system, to see why something failed
 */
export async function fuzzSystem(count: number, seed: number, logLevel = "silent"): Promise<FuzzReport> {
  const system = await TestSystem.start({ logLevel });
  try {
    await system.replay(await everyTypeScenario());
    const description = describedBy(await system.get<Schema>("/openapi.json"));
    const report = await sendRequests(system.url, description, generateRequests(description, count, seed));
    const ready = await fetch(`${system.url}/readyz`);
    if (ready.status === 200) return report;
    return { ...report, failures: [...report.failures, `afterwards /readyz answers ${ready.status}`] };
  } finally {
    await system.stop();
  }
}
