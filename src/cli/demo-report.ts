import { asTable } from "./render-output.ts";
import type { ResourceTiming } from "./replay-scenario.ts";

/** Seconds from a POST to ACTIVE that the original system took, measured in 2017 on two vMX 16.1R1. */
export const originalSeconds: Readonly<Record<string, number>> = {
  ese_device: 3.7,
  edge_router: 1.2,
  ha_router: 1.5,
  ha_interface: 1.6,
  vpn_gateway: 19,
  vpn_interface: 18,
  network: 3.8,
  subnet: 3.7,
  gw_interface: 32,
  static_route: 19,
  internet_gateway: 17,
  public_ip: 10,
  common_function_gateway: 27,
};

/** Seconds from POST to ACTIVE per resource, beside the original's where they are known. */
export function timingSummary(timings: readonly ResourceTiming[]): string {
  const rows = timings.map((timing) => {
    const then = timing.method === "POST" ? originalSeconds[timing.type] : undefined;
    return [
      timing.method === "POST" ? timing.type : `${timing.type} (${timing.method})`,
      timing.name,
      timing.seconds.toFixed(2),
      then === undefined ? "" : then.toFixed(1),
    ];
  });
  const known = timings.filter((timing) => timing.method === "POST" && originalSeconds[timing.type] !== undefined);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0).toFixed(1);
  const total = [
    "of these, in both",
    "",
    sum(known.map((timing) => timing.seconds)),
    sum(known.map((timing) => originalSeconds[timing.type] ?? 0)),
  ];
  return asTable(["RESOURCE", "NAME", "SECONDS", "ORIGINAL"], known.length === 0 ? rows : [...rows, total]);
}
