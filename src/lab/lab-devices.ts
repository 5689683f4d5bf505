/** A router of the lab's HA pair. */
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

export const labRouterPlans: readonly LabRouterPlan[] = [
  { name: "MX-1", address: "10.79.5.184", role: "secondary" },
  { name: "MX-2", address: "10.79.5.185", role: "primary" },
];

export const labSwitchPlan: LabSwitchPlan = {
  name: "QFX-NW02",
  address: "10.161.0.34",
  ports: ["xe-0/0/3", "xe-0/0/4"],
};

/** The SNMP communities of the lab's agents, by the names under which the templates know them. */
export const labCommunities = {
  EDGE_ROUTER_COMMUNITY: "lab-edge-router",
  ESE_NODE_COMMUNITY: "lab-ese-node",
} as const satisfies Record<string, string>;
