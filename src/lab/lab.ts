import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Logger, Random } from "../actors/ports.ts";
import { SignalboxError } from "../errors.ts";
import { type AddressBook, addressBookOf } from "./address-book.ts";
import { type LabAgent, startLabAgent } from "./agents/lab-agent.ts";
import { type LabController, startLabController } from "./contrail/lab-controller.ts";
import { type AgentFault, agentFaults, type ControllerFault, controllerFaults } from "./device-faults.ts";
import type { FaultList } from "./fault-list.ts";
import { LabNetwork } from "./junos/lab-network.ts";
import { type LabRouter, type RouterEvent, startLabRouter } from "./junos/lab-router.ts";
import { timings } from "./junos/router-timings.ts";
import {
  type LabPairPlan,
  type LabRouterPlan,
  type LabSwitchPlan,
  labCommunities,
  labPairPlans,
} from "./lab-devices.ts";
import { baseOfRouter } from "./pair-configuration.ts";

export interface StartLabOptions {
  /** Directory with the routers' base configurations, `<name>.set`; the product's own when not given. */
  readonly labConfig?: string;
  /** Pairs of routers, each with a switch (1). */
  readonly pairs?: number;
  /** How long the routers take for what they do. */
  readonly timing: keyof typeof timings;
  /** Directory of what survives the process: configurations, host keys and the controller's objects. Made when missing. */
  readonly data?: string;
  /** Where the controller's uuids come from; the system when not given. */
  readonly random?: Pick<Random, "uuid">;
  readonly logger: Logger;
}

/** Running simulated devices. */
export interface Lab {
  readonly pairs: readonly LabPairPlan[];
  readonly routers: ReadonlyMap<string, LabRouter>;
  /** The SNMP agents by the names of their devices: those of the routers and those of the switches. */
  readonly agents: ReadonlyMap<string, LabAgent>;
  readonly controller: LabController;
  readonly faults: {
    /** By the agent's name. */
    readonly agents: ReadonlyMap<string, FaultList<AgentFault>>;
    readonly controller: FaultList<ControllerFault>;
  };
  readonly addressBook: AddressBook;
  /** Of the controller's configuration API and of its analytics. */
  readonly controllerUrl: string;
  /** What stands behind the communities' names (SNMPv2c). */
  readonly communities: Readonly<Record<string, string>>;
  /** Host key fingerprints (`SHA256:...`) of the routers by address, to pin. */
  readonly hostKeys: Readonly<Record<string, string>>;
  /** Ends all devices; a second call waits for the first. */
  stop(): Promise<void>;
}

/**
 * Starts the pairs of routers, the switches' agents and the controller on free ports of 127.0.0.1.
 * @throws SB_CONFIG_INVALID when a base configuration, the data directory or the number of pairs cannot be used,
 *   SB_DATA_VERSION when the data are of another version; nothing is left running then
 */
export async function startLab(options: StartLabOptions): Promise<Lab> {
  const stops: Array<() => Promise<void>> = [];
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= stopAll(stops);
    return stopped;
  };
  try {
    return { ...(await startDevices(options, stops)), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** @param stops takes what ends each device, as soon as it runs */
async function startDevices(options: StartLabOptions, stops: Array<() => Promise<void>>): Promise<Omit<Lab, "stop">> {
  const { data, random, logger } = options;
  const pairs = labPairPlans(options.pairs ?? 1);
  if (data !== undefined) makeDirectory(data);
  const controller = await startLabController({
    physicalRouters: pairs.map((pair) => pair.switch.name),
    ...stateFile(data, "controller"),
    ...(random === undefined ? {} : { random }),
  });
  stops.push(() => controller.close());

  const routers = new Map<string, LabRouter>();
  const agents = new Map<string, LabAgent>();
  for (const pair of pairs) {
    // Routers see the VRRP and BGP of their own pair only.
    const network = new LabNetwork();
    for (const plan of pair.routers) {
      const router = await startRouter(plan, { ...options, pair, network }, stops);
      routers.set(plan.name, router);
      agents.set(plan.name, await startRouterAgent(plan, router, stops));
    }
    agents.set(pair.switch.name, await startSwitchAgent(pair.switch, controller, stops));
  }

  const routerPlans = pairs.flatMap((pair) => pair.routers);
  const book = [...routerPlans, ...pairs.map((pair) => pair.switch)].map(({ name, address }) => {
    const router = routers.get(name);
    const snmp = agents.get(name);
    return {
      name,
      address,
      ...(router === undefined ? {} : { netconf: { host: router.host, port: router.port } }),
      ...(snmp === undefined ? {} : { snmp: { host: "127.0.0.1", port: snmp.port } }),
    };
  });
  for (const device of book) logger.info(device, "lab device is up");
  logger.info({ url: controller.url }, "lab controller is up");
  return {
    pairs,
    routers,
    agents,
    controller,
    faults: {
      agents: new Map([...agents].map(([name, each]) => [name, agentFaults(each)])),
      controller: controllerFaults(controller),
    },
    addressBook: addressBookOf(book),
    controllerUrl: controller.url,
    communities: labCommunities,
    hostKeys: Object.fromEntries(
      routerPlans.map(({ name, address }) => [address, routers.get(name)?.hostKeyFingerprint ?? ""]),
    ),
  };
}

const stateFile = (data: string | undefined, name: string) =>
  data === undefined ? {} : { stateFile: join(data, `${name}.json`) };

async function startRouter(
  { name, address }: LabRouterPlan,
  options: StartLabOptions & { readonly pair: LabPairPlan; readonly network: LabNetwork },
  stops: Array<() => Promise<void>>,
): Promise<LabRouter> {
  const { pair, network, timing, data, labConfig, logger } = options;
  const router = await startLabRouter({
    name,
    network,
    timing: timings[timing],
    ...stateFile(data, name),
    ...baseOfRouter(name, pair, labConfig),
  });
  stops.push(() => router.stop());
  router.subscribe((event) => tell(logger.child({ device: address, router: name }), event));
  return router;
}

async function startRouterAgent(
  { name }: LabRouterPlan,
  router: LabRouter,
  stops: Array<() => Promise<void>>,
): Promise<LabAgent> {
  const agent = await startLabAgent({
    name,
    community: labCommunities.EDGE_ROUTER_COMMUNITY,
    interfaces: remembering(
      () => router.interfaces(),
      (found) => found.map((port) => ({ name: port.name, up: port.up, enabled: port.adminUp })),
    ),
  });
  stops.push(() => agent.close());
  return agent;
}

async function startSwitchAgent(
  { name, ports }: LabSwitchPlan,
  controller: LabController,
  stops: Array<() => Promise<void>>,
): Promise<LabAgent> {
  const agent = await startLabAgent({
    name,
    community: labCommunities.ESE_NODE_COMMUNITY,
    interfaces: remembering(
      () => controller.interfacesOf(name),
      (found) => [...new Set([...ports, ...found])].map((port) => ({ name: port, up: true })),
    ),
  });
  stops.push(() => agent.close());
  return agent;
}

/** Works something out again only when what it is made from is another list than the last time. */
function remembering<T, R>(source: () => readonly T[], make: (found: readonly T[]) => R): () => R {
  let last: { readonly found: readonly T[]; readonly made: R } | undefined;
  return () => {
    const found = source();
    if (last?.found !== found) last = { found, made: make(found) };
    return last.made;
  };
}

/** Ends everything, the last one first, also when one of them fails. @throws the first failure */
async function stopAll(stops: ReadonlyArray<() => Promise<void>>): Promise<void> {
  const outcomes = await Promise.allSettled(stops.toReversed().map((stop) => stop()));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new SignalboxError("SB_CONFIG_INVALID", `the lab's data directory ${directory} cannot be made`, { cause });
  }
}

function tell(logger: Logger, event: RouterEvent): void {
  switch (event.kind) {
    case "commit": {
      const { user, log, comment } = event.commit;
      logger.info({ user, log, comment }, "lab router: commit");
      return;
    }
    case "rollback":
      logger.warn({ log: event.commit.log }, "lab router: rollback");
      return;
    case "violation":
      logger.warn({ violation: event.text }, "lab router: two editors at a time");
      return;
    case "faults":
      logger.info({ faults: event.faults }, "lab router: faults");
      return;
    case "confirmed":
    case "session-opened":
    case "session-closed":
      logger.debug(event, "lab router: session");
      return;
    default:
      event satisfies never;
  }
}
