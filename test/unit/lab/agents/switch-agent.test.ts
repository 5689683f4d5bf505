import { afterEach, describe, expect, it } from "vitest";
import { ContrailAdapter } from "../../../../src/adapters/contrail/contrail-adapter.ts";
import { SnmpAdapter } from "../../../../src/adapters/snmp/snmp-adapter.ts";
import { startLabAgent } from "../../../../src/lab/agents/lab-agent.ts";
import { startLabController } from "../../../../src/lab/contrail/lab-controller.ts";
import { silentLogger } from "../../snmp/silent-logger.ts";

const OWNER = { type: "ese_logical_port", id: "p1" };
const SWITCH = ["default-global-system-config", "QFX-NW02"];
const PORT = [...SWITCH, "xe-0/0/3"];
const IF_NAME = "1.3.6.1.2.1.31.1.1.1.1";
const IF_OPER_STATUS = "1.3.6.1.2.1.2.2.1.8";

const cleanup: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of cleanup.splice(0).reverse()) await stop();
});

describe("the agent of a switch that the controller manages", () => {
  it("knows a logical port from when the controller has it until it is removed", async () => {
    const lab = await startLabController();
    cleanup.push(() => lab.close());
    const agent = await startLabAgent({
      name: "QFX-NW02",
      community: "lab",
      interfaces: () => lab.interfacesOf("QFX-NW02").map((name) => ({ name, up: true })),
    });
    cleanup.push(() => agent.close());
    const controller = new ContrailAdapter({ apiUrl: lab.url, analyticsUrl: lab.url, logger: silentLogger });
    const snmp = new SnmpAdapter({
      addressBook: () => ({ host: "127.0.0.1", port: agent.port }),
      communities: { ESE_NODE_COMMUNITY: { version: "2c", community: "lab" } },
      logger: silentLogger,
    });
    cleanup.push(() => snmp.close());
    const state = async (name: string) => {
      const names = await snmp.column("10.79.5.1", "ESE_NODE_COMMUNITY", IF_NAME);
      const index = [...names].find(([, value]) => value === name)?.[0];
      if (index === undefined) return undefined;
      return (await snmp.get("10.79.5.1", "ESE_NODE_COMMUNITY", [`${IF_OPER_STATUS}.${index}`]))[0];
    };

    await controller.ensure({
      kind: "physical-interface",
      parent: { kind: "physical-router", fqName: SWITCH },
      fqName: PORT,
      data: {},
      owner: OWNER,
    });
    expect(await state("xe-0/0/3")).toBe(1);
    expect(await state("xe-0/0/3.1025")).toBeUndefined();
    const made = await controller.ensure({
      kind: "logical-interface",
      parent: { kind: "physical-interface", fqName: PORT },
      fqName: [...PORT, "xe-0/0/3.1025"],
      data: { logical_interface_vlan_tag: 1025 },
      owner: OWNER,
    });
    expect(await state("xe-0/0/3.1025")).toBe(1);
    await controller.remove("logical-interface", made.uuid, OWNER);
    expect(await state("xe-0/0/3.1025")).toBeUndefined();
    expect(await state("xe-0/0/3")).toBe(1);
  });
});
