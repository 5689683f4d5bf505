import { SignalboxError } from "../errors.ts";

/** A router of one of the lab's HA pairs. */
export interface LabRouterPlan {
  readonly name: string;
  /** Management address, as resources name it. */
  readonly address: string;
  readonly role: "primary" | "secondary";
}

/** A switch that the lab's controller manages. */
export interface LabSwitchPlan {
  readonly name: string;
  readonly address: string;
  /** Ports that exist and are up whatever the controller has. */
  readonly ports: readonly string[];
}

/** Two routers that back one another up, and the switch below them. */
export interface LabPairPlan {
  /** 1 for the first. */
  readonly number: number;
  readonly routers: readonly [secondary: LabRouterPlan, primary: LabRouterPlan];
  readonly switch: LabSwitchPlan;
}

/** More would have addresses that are no longer told apart at a glance; each takes two SSH servers and three agents. */
export const MOST_LAB_PAIRS = 100;

/**
 * The devices of a lab with so many pairs. Pair 1 is MX-1, MX-2 and QFX-NW02; pair n has MX-(2n-1), MX-2n and
 * QFX-NW(n+1), in networks of its own: 10.79.(n+4).0/24 and 10.161.(n-1).0/24.
 * @throws SB_CONFIG_INVALID when the number is none from 1 to MOST_LAB_PAIRS
 */
export function labPairPlans(pairs: number): LabPairPlan[] {
  if (!Number.isInteger(pairs) || pairs < 1 || pairs > MOST_LAB_PAIRS) {
    throw new SignalboxError("SB_CONFIG_INVALID", `a lab has 1 to ${MOST_LAB_PAIRS} router pairs, not ${pairs}`);
  }
  return Array.from({ length: pairs }, (_, at) => labPairPlan(at + 1));
}

function labPairPlan(number: number): LabPairPlan {
  const network = `10.79.${number + 4}`;
  return {
    number,
    routers: [
      { name: `MX-${2 * number - 1}`, address: `${network}.184`, role: "secondary" },
      { name: `MX-${2 * number}`, address: `${network}.185`, role: "primary" },
    ],
    switch: {
      name: `QFX-NW${String(number + 1).padStart(2, "0")}`,
      address: `10.161.${number - 1}.34`,
      ports: ["xe-0/0/3", "xe-0/0/4"],
    },
  };
}

/** The SNMP communities of the lab's agents, by the names under which the templates know them. */
export const labCommunities = {
  EDGE_ROUTER_COMMUNITY: "lab-edge-router",
  ESE_NODE_COMMUNITY: "lab-ese-node",
} as const satisfies Record<string, string>;
