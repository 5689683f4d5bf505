import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Exclusive } from "../../../../src/actors/cluster/exclusive.ts";
import type { Controller, Json } from "../../../../src/actors/ports.ts";
import { ControllerStack } from "../../../../src/actors/workers/controller-stack.ts";
import { ContrailAdapter } from "../../../../src/adapters/contrail/contrail-adapter.ts";
import type { HandlerTemplate, ObjectTemplate } from "../../../../src/catalogue/type-definition.ts";
import { type LabController, startLabController } from "../../../../src/lab/contrail/lab-controller.ts";
import type { AppliedObject } from "../../../../src/machines/resource/resource-types.ts";
import { silentLogger } from "../../snmp/silent-logger.ts";

const SWITCH = ["default-global-system-config", "QFX-NW02"];
const A = { type: "ese_logical_port", id: "a" };
const B = { type: "ese_logical_port", id: "b" };

const object = (more: Partial<ObjectTemplate> & Pick<ObjectTemplate, "alias" | "kind">): ObjectTemplate => ({
  action: "ensure",
  uuid: undefined,
  fqName: undefined,
  parent: undefined,
  data: undefined,
  each: undefined,
  from: undefined,
  ...more,
});
const template = (...objects: ObjectTemplate[]): HandlerTemplate => ({
  name: "stack",
  handler: "heat_worker",
  params: [],
  routers: undefined,
  objects,
  outputs: [],
  targets: [],
});

/** A switch port, and a VLAN on it whose name is derived, as ese_logical_port makes it. */
const physical = object({
  alias: "port",
  kind: "physical-interface",
  parent: { kind: "physical-router", fqName: SWITCH },
  fqName: [...SWITCH, "$port_name"],
});
const logical = object({
  alias: "interface",
  kind: "logical-interface",
  parent: { kind: "physical-interface", fqName: [...SWITCH, "$port_name"] },
  fqName: [...SWITCH, "$port_name", "$name"],
  data: { display_name: "$label", logical_interface_vlan_tag: "$vlan" },
});
const network = object({
  alias: "network",
  kind: "virtual-network",
  uuid: "$id",
  parent: { kind: "project", fqName: ["default-domain", "$project"] },
  fqName: ["default-domain", "$project", "$id"],
  data: { display_name: "$label" },
});

let lab: LabController;
let controller: Controller;
let stack: ControllerStack;

const alone: Exclusive = (_key, task) => task(() => {});
const stackOn = (port: Controller) => new ControllerStack({ controller: port, project: "admin", exclusive: alone });

beforeEach(async () => {
  lab = await startLabController();
  controller = new ContrailAdapter({ apiUrl: lab.url, analyticsUrl: lab.url, logger: silentLogger });
  stack = stackOn(controller);
  await stack.apply(template(physical), { port_name: "xe-0/0/3" }, { type: "ese_physical_port", id: "p" }, []);
});
afterEach(() => lab.close());

const vlan = (label: string, more: object = {}) => ({
  port_name: "xe-0/0/3",
  name: "xe-0/0/3.100",
  vlan: 100,
  label,
  ...more,
});
const logicals = () =>
  lab.objects("logical-interface").map(({ fqName, data }) => [fqName.at(-1), data["display_name"]]);
/** What an earlier version of this program, or somebody by hand, has made. */
async function unmarked(kind: string, body: { [key: string]: Json }): Promise<string> {
  const answer = await fetch(`${lab.url}/${kind}s`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ [kind]: body }),
  });
  return ((await answer.json()) as Record<string, { uuid: string }>)[kind]?.uuid ?? "";
}
const unmarkedVlan = (name: string) =>
  unmarked("logical-interface", {
    fq_name: [...SWITCH, "xe-0/0/3", name],
    parent_type: "physical-interface",
    logical_interface_vlan_tag: 100,
  });

describe("what another resource has made", () => {
  it("is neither changed by the stack of another nor removed by its deletion", async () => {
    const first = await stack.apply(template(logical), vlan("first"), A, []);
    const made: AppliedObject[] = [];
    const taking = stack.apply(template(logical), vlan("second"), B, [], (each) => made.push(each));
    await expect(taking).rejects.toMatchObject({ code: "SB_CONTROLLER_NOT_OWNED", transient: false });
    await stack.remove(made, B);
    // As a record of an earlier version may say, which had taken it over.
    await stack.remove(first.objects, B);
    expect(logicals()).toEqual([["xe-0/0/3.100", "first"]]);
    await stack.apply(template(logical), vlan("again"), A, first.objects);
    await stack.remove(first.objects, A);
    expect(logicals()).toEqual([]);
  });

  it("stays when the deletion knows it by its name only", async () => {
    await stack.apply(template(logical), vlan("first"), A, []);
    const possible = await stack.possible(template(logical), vlan("second"));
    expect(possible).toEqual([{ action: "named", kind: "logical-interface", fqName: expect.any(Array) }]);
    await stack.remove(possible, B);
    expect(logicals()).toEqual([["xe-0/0/3.100", "first"]]);
    await stack.remove(possible, A);
    expect(logicals()).toEqual([]);
  });

  it("stays when its uuid is the one that another would have given its own", async () => {
    const params = { id: randomUUID(), label: "first" };
    await stack.apply(template(network), params, A, []);
    const made: AppliedObject[] = [];
    const taking = stack.apply(template(network), { ...params, label: "second" }, B, [], (each) => made.push(each));
    await expect(taking).rejects.toMatchObject({ code: "SB_CONTROLLER_NOT_OWNED" });
    expect(made).toEqual([{ action: "ensure", kind: "virtual-network", uuid: params.id, unconfirmed: true }]);
    await stack.remove(made, B);
    expect(lab.objects("virtual-network").map(({ data }) => data["display_name"])).toEqual(["first"]);
  });
});

describe("what nobody has marked", () => {
  it("is neither taken over nor removed when it was there before", async () => {
    const uuid = await unmarkedVlan("xe-0/0/3.100");
    const taking = stack.apply(template(logical), vlan("mine"), A, []);
    await expect(taking).rejects.toMatchObject({ code: "SB_CONTROLLER_NOT_OWNED" });
    await stack.remove([{ action: "ensure", kind: "logical-interface", uuid, unconfirmed: true }], A);
    const fqName = [...SWITCH, "xe-0/0/3", "xe-0/0/3.100"];
    await stack.remove([{ action: "named", kind: "logical-interface", fqName }], A);
    expect(logicals()).toHaveLength(1);
  });

  it("is the resource's when its record says that it made it, and carries its mark from then on", async () => {
    const uuid = await unmarkedVlan("xe-0/0/3.100");
    const former: AppliedObject[] = [{ action: "ensure", kind: "logical-interface", uuid }];
    const { objects } = await stack.apply(template(logical), vlan("mine"), A, former);
    expect(objects).toEqual(former);
    await stack.remove(former, B);
    expect(logicals()).toEqual([["xe-0/0/3.100", "mine"]]);
  });

  it("is removed with the resource whose record says that it made it", async () => {
    const uuid = await unmarkedVlan("xe-0/0/3.100");
    await stack.remove([{ action: "ensure", kind: "logical-interface", uuid }], A);
    expect(logicals()).toEqual([]);
  });

  it("makes room for its successor of another name, which the controller does not take beside it", async () => {
    const uuid = await unmarkedVlan("a name that a tenant chose");
    const former: AppliedObject[] = [{ action: "ensure", kind: "logical-interface", uuid }];
    const { objects } = await stack.apply(template(logical), vlan("mine"), A, former);
    expect(objects).not.toEqual(former);
    expect(logicals()).toEqual([["xe-0/0/3.100", "mine"]]);
  });

  it("makes no room for somebody else's of the same VLAN", async () => {
    await stack.apply(template(logical), vlan("first", { name: "theirs" }), B, []);
    const uuid = await unmarked("virtual-machine", { fq_name: ["vm"] });
    const former: AppliedObject[] = [{ action: "ensure", kind: "virtual-machine", uuid }];
    await expect(stack.apply(template(logical), vlan("mine"), A, former)).rejects.toMatchObject({
      code: "SB_CONTROLLER_REJECTED",
    });
    expect(logicals()).toEqual([["theirs", "first"]]);
    expect(lab.objects("virtual-machine")).toHaveLength(1);
  });
});

describe("an entry of a list that resources share", () => {
  const IPAM = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
  const subnet = object({
    alias: "subnet",
    action: "reference",
    kind: "network-ipam",
    from: { kind: "virtual-network", uuid: "$network" },
    uuid: IPAM,
    data: {
      list: "ipam_subnets",
      key: "subnet_name",
      entry: { subnet_name: "$id", subnet: { ip_prefix: "$prefix", ip_prefix_len: 24 } },
    },
  });
  const names = (uuid: string) => {
    const held = lab.objects("virtual-network").find((each) => each.uuid === uuid);
    const refs = (held?.data["network_ipam_refs"] ?? []) as Array<{
      attr: { ipam_subnets: Array<{ subnet_name: string }> };
    }>;
    return refs.flatMap(({ attr }) => attr.ipam_subnets.map(({ subnet_name: name }) => name)).sort();
  };

  it("survives those that other processes put in and take out at the same time", async () => {
    const id = randomUUID();
    await stack.apply(template(network), { id, label: "n" }, A, []);
    let last: Promise<unknown> = Promise.resolve();
    /** One at a time over both processes, as leases make it. */
    const shared: Exclusive = (_key, task) => {
      const next = last.then(() => task(() => {}));
      last = next.catch(() => {});
      return next;
    };
    const processes = [0, 1].map(() => new ControllerStack({ controller, project: "admin", exclusive: shared }));
    const params = (at: number) => ({ id: `s${at}`, network: id, prefix: `10.0.${at}.0` });
    const applied = await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        processes[at % 2]?.apply(template(subnet), params(at), { type: "subnet", id: `s${at}` }, []),
      ),
    );
    expect(names(id)).toEqual(["s0", "s1", "s2", "s3", "s4", "s5"]);
    await Promise.all(
      [0, 3].map((at) => processes[at % 2]?.remove(applied[at]?.objects ?? [], { type: "subnet", id: `s${at}` })),
    );
    expect(names(id)).toEqual(["s1", "s2", "s4", "s5"]);
  });
});
