import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { type ResourceTiming, replayScenario, settle } from "../../src/cli/replay-scenario.ts";
import type { Scenario } from "../../src/cli/scenario-file.ts";
import { startSystem } from "../../src/cli/start-system.ts";
import type { Timing } from "../../src/cli/system-options.ts";
import { FleetWatch } from "./fleet-watch.ts";

export interface ScenarioRun {
  readonly timings: readonly ResourceTiming[];
  /** From the first request until the resource of the last one was ACTIVE. */
  readonly requestsSeconds: number;
  /** Until everything, what the requests brought along included, was ACTIVE and UP. */
  readonly settledSeconds: number;
}

/** Longest wait for one resource. */
const TIMEOUT_MS = 120_000;

/**
 * Replays a scenario once over HTTP on a fresh system with a fresh lab, whose devices are reached over SSH, SNMP and HTTP.
 * @param labConfig directory with the base configurations of the routers; the product's own when undefined
 * @throws when a request is refused or does not succeed
 */
export async function runScenario(
  scenario: Scenario,
  timing: Timing,
  labConfig: string | undefined,
): Promise<ScenarioRun> {
  const data = await mkdtemp(join(tmpdir(), "signalbox-bench-"));
  const system = await startSystem({
    data,
    http: { host: "127.0.0.1", port: 0 },
    lab: true,
    timing,
    plainSecrets: false,
    logLevel: "silent",
    ...(labConfig === undefined ? {} : { labConfig }),
  });
  const client = new GatewayClient(system.url);
  const watch = new FleetWatch(client);
  const timings: ResourceTiming[] = [];
  try {
    await client.types();
    const start = performance.now();
    const onDone = (each: ResourceTiming) => void timings.push(each);
    await replayScenario(client, scenario, {
      tracker: watch.tracker,
      timeoutMs: TIMEOUT_MS,
      onRequest: () => {},
      onDone,
    });
    const requestsSeconds = (performance.now() - start) / 1000;
    const short = await settle(watch.tracker, TIMEOUT_MS);
    if (short.length > 0) throw new Error(`not there: ${short.join("; ")}`);
    return { timings, requestsSeconds, settledSeconds: (performance.now() - start) / 1000 };
  } finally {
    await watch.stop();
    await system.stop();
    await rm(data, { recursive: true, force: true });
  }
}
