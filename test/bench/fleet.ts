import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { GatewayClient } from "../../src/cli/gateway-client.ts";
import { replayScenario } from "../../src/cli/replay-scenario.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import type { FleetWatch } from "./fleet-watch.ts";
import { createGateway, fleetBaseOf, infrastructureOf, RESOURCES_PER_GATEWAY } from "./gateway-fleet.ts";

const DEMO = join(fileURLToPath(new URL("../../", import.meta.url)), "templates/_demo/vpn_gateway.json");
/** Requests under way at once. */
export const CLIENTS = 16;
const TIMEOUT_MS = 3_600_000;

export interface MadeFleet {
  /** All that there are: of the gateways, and what they stand on. */
  readonly resources: number;
  /** Those of the gateways. */
  readonly made: number;
  readonly transitions: number;
  /** From the first request of a gateway until all were requested. */
  readonly requestedSeconds: number;
  /** Until everything was ACTIVE and UP. */
  readonly upSeconds: number;
}

/** What a fleet stands on, made when it is not there. Apart from `addGateways`, so that its commits do not count. */
export async function layGround(client: GatewayClient, { tracker }: FleetWatch): Promise<void> {
  const quiet = { tracker, timeoutMs: 60_000, onRequest: () => {}, onDone: () => {} };
  await replayScenario(client, infrastructureOf(await readScenario(DEMO)), quiet);
}

/**
 * Makes VPN gateways, each with a gw_interface and what that needs, and waits until everything is ACTIVE and UP.
 * @param options.say is told of every hundredth
 */
export async function addGateways(
  client: GatewayClient,
  watch: FleetWatch,
  options: { count: number; say: (line: string) => void },
): Promise<MadeFleet> {
  const { count, say } = options;
  const base = await fleetBaseOf(client);
  const made = count * RESOURCES_PER_GATEWAY;
  const resources = watch.tracker.resources.size + made;
  const transitionsBefore = watch.transitions;
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  let next = 0;
  const requestNext = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await createGateway(client, base, index);
      if (index % 100 === 99) say(`${index + 1} gateways requested after ${elapsed().toFixed(1)} s`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, requestNext));
  const requestedSeconds = elapsed();
  await watch.allUp(resources, TIMEOUT_MS);
  const upSeconds = elapsed();
  say(`all ${resources} resources are UP after ${upSeconds.toFixed(1)} s`);
  return { resources, made, transitions: watch.transitions - transitionsBefore, requestedSeconds, upSeconds };
}

/** Seconds from the start of a process until it answers that it is ready. */
export async function readySeconds(system: { readonly url: string; readonly startedAt: number }): Promise<number> {
  for (;;) {
    const answer = await fetch(`${system.url}/readyz`);
    await answer.arrayBuffer();
    if (answer.status === 200) return (performance.now() - system.startedAt) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
