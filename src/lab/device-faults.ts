import type { LabAgent } from "./agents/lab-agent.ts";
import type { LabController } from "./contrail/lab-controller.ts";
import { FaultList } from "./fault-list.ts";

/**
 * What can be made to go wrong with an SNMP agent.
 *
 * - `silent`: no request is answered.
 * - `interface_down`: the agent tells that an interface is down, whatever the device says.
 */
export type AgentFault = { readonly kind: "silent" } | { readonly kind: "interface_down"; readonly interface: string };

/**
 * What can be made to go wrong with the controller.
 *
 * - `refuse`: connections are reset as soon as a request comes in.
 * - `hang`: requests are read and never answered.
 * - `reject`: changes of objects of a kind (`object`, any without it) are refused with an HTTP status (400) and a text.
 */
export type ControllerFault =
  | { readonly kind: "refuse" }
  | { readonly kind: "hang" }
  | { readonly kind: "reject"; readonly object?: string; readonly status?: number; readonly text?: string };

/** The faults of an agent. */
export function agentFaults(agent: LabAgent): FaultList<AgentFault> {
  return new FaultList<AgentFault>(
    (faults) => {
      agent.heal();
      for (const fault of faults) {
        if (fault.kind === "silent") agent.silent = true;
        else agent.interfaceDown(fault.interface);
      }
    },
    ["interface_down"],
  );
}

/** The faults of the controller; it rejects one kind of object, or all, at a time. */
export function controllerFaults({ faults: switches }: LabController): FaultList<ControllerFault> {
  return new FaultList<ControllerFault>((faults) => {
    switches.refuse = faults.some(({ kind }) => kind === "refuse");
    switches.hang = faults.some(({ kind }) => kind === "hang");
    const reject = faults.find((fault) => fault.kind === "reject");
    switches.reject = reject && {
      ...(reject.object === undefined ? {} : { kind: reject.object }),
      ...(reject.status === undefined ? {} : { status: reject.status }),
      ...(reject.text === undefined ? {} : { text: reject.text }),
    };
  });
}
