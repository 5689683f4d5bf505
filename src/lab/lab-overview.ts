import type { Lab } from "./lab.ts";
import { faultKinds } from "./read-fault.ts";

/** What GET /lab shows of a lab: plain data, as it is now. */
export function labOverview(lab: Lab) {
  const plans = lab.pairs.flatMap(({ number, routers }) => routers.map((router) => ({ ...router, pair: number })));
  const switches = lab.pairs.map((pair) => pair.switch);
  return {
    routers: plans.flatMap(({ name, address, role, pair }) => {
      const router = lab.routers.get(name);
      if (!router) return [];
      return {
        name,
        address,
        role,
        pair,
        listens: { host: router.host, port: router.port },
        host_key: router.hostKeyFingerprint,
        at_base: router.isAtBase(),
        /** Milliseconds since the epoch. */
        pending_deadline: router.pendingDeadline() ?? null,
        interfaces: router.interfaces(),
        vrrp: router.vrrp(),
        bgp: router.bgp(),
        faults: router.faults(),
        statistics: { ...router.statistics(), lockHolder: router.statistics().lockHolder ?? null },
      };
    }),
    agents: [...plans, ...switches].flatMap(({ name, address }) => {
      const listens = lab.addressBook.snmp(address);
      if (!listens) return [];
      return {
        name,
        address,
        listens,
        requests: lab.agents.get(name)?.requests ?? 0,
        faults: lab.faults.agents.get(name)?.list() ?? [],
      };
    }),
    controller: {
      url: lab.controllerUrl,
      objects: lab.controller.objectsBesidesDefaults().length,
      faults: lab.faults.controller.list(),
    },
    fault_kinds: faultKinds,
  };
}
