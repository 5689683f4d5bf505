import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Controller, ObjectOwner } from "../../../src/actors/ports.ts";

const PROJECT = { kind: "project", fqName: ["default-domain", "admin"] };
const IPAM = ["default-domain", "default-project", "default-network-ipam"];
type Wanted = Parameters<Controller["ensure"]>[0];

const OWNER: ObjectOwner = { type: "network", id: "3f0e4a57-0c53-4f0c-8f0e-0d8f3b1f9a01" };
const OTHER: ObjectOwner = { type: "network", id: "9b8c2d11-7a44-4c1c-9d0a-55f6f1a7b602" };
const SWITCH = ["default-global-system-config", "QFX-NW02"];

export interface ControllerSubject {
  readonly controller: Controller;
  /** A uuid that was not used before. */
  uuid(): string;
  /** Makes an object of the project by other means than the port, so that it has no owner; answers its uuid. */
  makeUnmarked(kind: string, fqName: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** What every Controller does, with objects as the services make them. */
export function controllerContract(name: string, start: () => Promise<ControllerSubject>): void {
  describe(`Controller: ${name}`, () => {
    let subject: ControllerSubject;
    let controller: Controller;
    beforeAll(async () => {
      subject = await start();
      controller = subject.controller;
    });
    afterAll(() => subject.stop());

    const ensure = (wanted: Omit<Wanted, "owner"> & Partial<Pick<Wanted, "owner">>) =>
      controller.ensure({ owner: OWNER, ...wanted });
    const remove = (kind: string, uuid: string) => controller.remove(kind, uuid, OWNER);

    const ipamRef = (prefix: string, length: number, more: object = {}) => ({
      to: IPAM,
      attr: { ipam_subnets: [{ subnet: { ip_prefix: prefix, ip_prefix_len: length }, ...more }] },
    });
    async function network(data: Wanted["data"] = {}) {
      const uuid = subject.uuid();
      const fqName = [...PROJECT.fqName, uuid];
      return ensure({ kind: "virtual-network", uuid, parent: PROJECT, fqName, data });
    }
    async function port(networkName: readonly string[], data: Wanted["data"] = {}) {
      const uuid = subject.uuid();
      return ensure({
        kind: "virtual-machine-interface",
        uuid,
        parent: PROJECT,
        fqName: [...PROJECT.fqName, uuid],
        data: { virtual_network_refs: [{ to: networkName }], ...data },
      });
    }
    const address = (networkName: readonly string[], data: object = {}) =>
      ensure({
        kind: "instance-ip",
        fqName: [subject.uuid()],
        data: { virtual_network_refs: [{ to: [...networkName] }], ...data },
      });

    it("finds what the controller has from the start, by name", async () => {
      const found = await controller.find("physical-router", SWITCH);
      expect(found).toMatchObject({ kind: "physical-router", fqName: SWITCH });
      expect(await controller.get("physical-router", found?.uuid ?? "")).toEqual(found);
    });

    it("finds nothing where nothing is", async () => {
      expect(await controller.find("virtual-network", [...PROJECT.fqName, "nowhere"])).toBeUndefined();
      expect(await controller.get("virtual-network", subject.uuid())).toBeUndefined();
    });

    it("makes a network with the uuid and name it is given", async () => {
      const made = await network({ display_name: "blue" });
      expect(made.fqName).toEqual(["default-domain", "admin", made.uuid]);
      expect(made.data).toMatchObject({ display_name: "blue", parent_type: "project" });
      expect(await controller.find("virtual-network", made.fqName)).toEqual(made);
    });

    it("makes it once, however often it is asked to", async () => {
      const uuid = subject.uuid();
      const wanted = {
        kind: "virtual-network",
        uuid,
        parent: PROJECT,
        fqName: [...PROJECT.fqName, uuid],
        data: { display_name: "twice", network_ipam_refs: [ipamRef("198.51.100.0", 24)] },
      };
      const first = await ensure(wanted);
      expect(await ensure(wanted)).toEqual(first);
      const together = await Promise.all([ensure(wanted), ensure(wanted)]);
      expect(together).toEqual([first, first]);
    });

    it("changes what is different and leaves the rest", async () => {
      const made = await network({ display_name: "before", port_security_enabled: true });
      const { kind, uuid, fqName } = made;
      const changed = await ensure({ kind, uuid, parent: PROJECT, fqName, data: { display_name: "after" } });
      expect(changed.data).toMatchObject({ display_name: "after", port_security_enabled: true });
    });

    it("knows an object without uuid by its name", async () => {
      const fqName = [subject.uuid()];
      const first = await ensure({ kind: "virtual-machine", fqName, data: {} });
      const again = await ensure({ kind: "virtual-machine", fqName, data: { display_name: "vm" } });
      expect(again.uuid).toBe(first.uuid);
      expect(again.data.display_name).toBe("vm");
    });

    it("refuses a name that another uuid holds", async () => {
      const made = await network();
      const { kind, fqName } = made;
      const again = ensure({ kind, uuid: subject.uuid(), parent: PROJECT, fqName, data: {} });
      const error = await again.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SB_CONTROLLER_NOT_OWNED", transient: false });
      expect((error as Error).message).toContain(fqName.join(":"));
    });

    it("refuses a uuid that an object of another kind has, and does not say which", async () => {
      const made = await network();
      const held = await port(made.fqName);
      const fqName = [...PROJECT.fqName, subject.uuid()];
      const again = ensure({ kind: "virtual-network", uuid: held.uuid, parent: PROJECT, fqName, data: {} });
      const error = await again.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SB_CONTROLLER_NOT_OWNED", transient: false });
      expect((error as Error).message).not.toContain(held.fqName.join(":"));
      expect(await controller.remove("virtual-network", held.uuid, OTHER)).toBe("gone");
      expect(await controller.get("virtual-machine-interface", held.uuid)).toEqual(held);
    });

    describe("an object of another owner", () => {
      const named = (uuid?: string) => ({
        kind: "virtual-network",
        ...(uuid === undefined ? {} : { uuid }),
        parent: PROJECT,
        fqName: [...PROJECT.fqName, uuid ?? subject.uuid()],
        data: { display_name: "first" },
      });

      it.each(["with a uuid that is given", "known by its name"])("is neither changed nor removed, %s", async (how) => {
        const wanted = named(how.startsWith("with") ? subject.uuid() : undefined);
        const made = await ensure(wanted);
        const taking = { ...wanted, data: { display_name: "second" }, owner: OTHER };
        const error = await ensure(taking).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: "SB_CONTROLLER_NOT_OWNED", transient: false });
        expect((error as Error).message).toContain(made.fqName.join(":"));
        expect((error as Error).message).not.toContain(OWNER.id);
        // Not even when a record says that it was the other's once.
        await expect(ensure({ ...taking, madeBefore: [made.uuid] })).rejects.toMatchObject({
          code: "SB_CONTROLLER_NOT_OWNED",
        });
        expect(await controller.remove(wanted.kind, made.uuid, OTHER)).toBe("kept");
        expect(await controller.remove(wanted.kind, made.uuid, OTHER, { unmarked: true })).toBe("kept");
        expect(await controller.get(wanted.kind, made.uuid)).toEqual(made);
        expect(await remove(wanted.kind, made.uuid)).toBe("gone");
        expect(await controller.get(wanted.kind, made.uuid)).toBeUndefined();
      });

      it("is one owner's when two make it at the same time, whoever that is", async () => {
        for (let round = 0; round < 10; round += 1) {
          const wanted = named();
          const outcomes = await Promise.allSettled([ensure(wanted), ensure({ ...wanted, owner: OTHER })]);
          expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
          const [first] = outcomes;
          const loser = first?.status === "fulfilled" ? OTHER : OWNER;
          const { uuid = "" } = (await controller.find(wanted.kind, wanted.fqName)) ?? {};
          expect(await controller.remove(wanted.kind, uuid, loser)).toBe("kept");
          await controller.remove(wanted.kind, uuid, loser === OWNER ? OTHER : OWNER);
        }
      });
    });

    describe("an object that carries no mark", () => {
      const unmarked = async () => {
        const uuid = await subject.makeUnmarked("virtual-network", [...PROJECT.fqName, subject.uuid()]);
        const made = await controller.get("virtual-network", uuid);
        if (made === undefined) throw new Error("it was not made");
        return made;
      };
      const asWanted = ({ kind, fqName }: { kind: string; fqName: readonly string[] }) => ({
        kind,
        parent: PROJECT,
        fqName,
        data: { display_name: "mine" },
      });

      it("is neither changed nor removed for somebody whose record does not name it", async () => {
        const made = await unmarked();
        await expect(ensure(asWanted(made))).rejects.toMatchObject({ code: "SB_CONTROLLER_NOT_OWNED" });
        await expect(ensure({ ...asWanted(made), uuid: made.uuid })).rejects.toMatchObject({
          code: "SB_CONTROLLER_NOT_OWNED",
        });
        expect(await remove(made.kind, made.uuid)).toBe("kept");
        expect(await controller.get(made.kind, made.uuid)).toEqual(made);
      });

      it("is the owner's from now on whose record says that it made it", async () => {
        const made = await unmarked();
        const mine = await ensure({ ...asWanted(made), madeBefore: [made.uuid] });
        expect(mine).toMatchObject({ uuid: made.uuid, data: { display_name: "mine" } });
        const taking = ensure({ ...asWanted(made), owner: OTHER, madeBefore: [made.uuid] });
        await expect(taking).rejects.toMatchObject({ code: "SB_CONTROLLER_NOT_OWNED" });
        expect(await remove(made.kind, made.uuid)).toBe("gone");
      });

      it("is removed when it is known to be the owner's", async () => {
        const made = await unmarked();
        expect(await controller.remove(made.kind, made.uuid, OWNER, { unmarked: true })).toBe("gone");
        expect(await controller.get(made.kind, made.uuid)).toBeUndefined();
      });
    });

    it("keeps the annotations that others have made", async () => {
      const notes = { key_value_pair: [{ key: "seen_by", value: "an operator" }] };
      const made = await network({ annotations: notes });
      const { kind, uuid, fqName } = made;
      const changed = await ensure({ kind, uuid, parent: PROJECT, fqName, data: { display_name: "after" } });
      expect(changed.data["annotations"]).toEqual(made.data["annotations"]);
      expect(JSON.stringify(changed.data["annotations"])).toContain("an operator");
    });

    it("refuses a parent that does not exist, with the controller's words and the object's name", async () => {
      const parent = { kind: "project", fqName: ["default-domain", "nobody"] };
      const made = ensure({ kind: "virtual-network", parent, fqName: [...parent.fqName, "net"], data: {} });
      await expect(made).rejects.toMatchObject({
        code: "SB_CONTROLLER_REJECTED",
        transient: false,
        message: expect.stringMatching(/default-domain:nobody:net.*HTTP 4\d\d/),
      });
    });

    it("gives each subnet a uuid that stays", async () => {
      const made = await network();
      const subnets = async () => {
        const held = await controller.get("virtual-network", made.uuid);
        const refs = held?.data.network_ipam_refs as Array<{ attr: { ipam_subnets: Array<{ subnet_uuid: string }> } }>;
        return refs[0]?.attr.ipam_subnets ?? [];
      };
      const ipam = await controller.find("network-ipam", IPAM);
      const change = {
        operation: "ADD" as const,
        from: { kind: "virtual-network", uuid: made.uuid },
        to: { kind: "network-ipam", uuid: ipam?.uuid ?? "", fqName: IPAM },
        attribute: {
          ipam_subnets: [{ subnet: { ip_prefix: "169.254.0.0", ip_prefix_len: 17 }, default_gateway: "0.0.0.0" }],
        },
      };
      await controller.reference(change);
      const [first] = await subnets();
      expect(first?.subnet_uuid).toMatch(/^[0-9a-f-]{36}$/);
      expect(first).toMatchObject({ default_gateway: "0.0.0.0" });
      await controller.reference(change);
      expect(await subnets()).toEqual([first]);
    });

    it("gives a port a MAC address, and keeps the one it is given", async () => {
      const { fqName } = await network();
      const made = await port(fqName);
      expect(made.data.virtual_machine_interface_mac_addresses).toEqual({
        mac_address: [expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)],
      });
      const given = { mac_address: ["52:54:00:12:34:56"] };
      const own = await port(fqName, { virtual_machine_interface_mac_addresses: given });
      expect(own.data.virtual_machine_interface_mac_addresses).toEqual(given);
    });

    it("gives addresses from the network's subnet, each once", async () => {
      const { fqName } = await network({ network_ipam_refs: [ipamRef("192.0.2.0", 29)] });
      const addresses = [await address(fqName), await address(fqName)].map(({ data }) => data.instance_ip_address);
      expect(new Set(addresses).size).toBe(2);
      for (const text of addresses) expect(text).toMatch(/^192\.0\.2\.[1-6]$/);
    });

    it("refuses an address that is taken, and the same address again is no other", async () => {
      const { fqName } = await network({ network_ipam_refs: [ipamRef("192.0.2.0", 24)] });
      const first = await address(fqName, { instance_ip_address: "192.0.2.77" });
      const again = await ensure({
        kind: "instance-ip",
        uuid: first.uuid,
        fqName: first.fqName,
        data: { virtual_network_refs: [{ to: fqName }], instance_ip_address: "192.0.2.77" },
      });
      expect(again).toEqual(first);
      await expect(address(fqName, { instance_ip_address: "192.0.2.77" })).rejects.toMatchObject({
        code: "SB_CONTROLLER_REJECTED",
        message: expect.stringContaining("192.0.2.77"),
      });
    });

    it("makes a switch port with a VLAN and ties it to a network's port", async () => {
      const { fqName } = await network();
      const tied = await port(fqName);
      const physical = [...SWITCH, "xe-0/0/3"];
      await ensure({
        kind: "physical-interface",
        parent: { kind: "physical-router", fqName: SWITCH },
        fqName: physical,
        data: {},
      });
      const logical = {
        kind: "logical-interface",
        parent: { kind: "physical-interface", fqName: physical },
        fqName: [...physical, "xe-0/0/3.1025"],
        data: { logical_interface_vlan_tag: 1025, logical_interface_type: "l2" },
      };
      const made = await ensure(logical);
      const change = {
        from: { kind: "logical-interface", uuid: made.uuid },
        to: { kind: "virtual-machine-interface", uuid: tied.uuid, fqName: tied.fqName },
      };
      await controller.reference({ operation: "ADD", ...change });
      await controller.reference({ operation: "ADD", ...change });
      const held = await ensure(logical);
      expect(held.data.virtual_machine_interface_refs).toMatchObject([{ uuid: tied.uuid, to: tied.fqName }]);
      await expect(remove("virtual-machine-interface", tied.uuid)).rejects.toMatchObject({
        code: "SB_CONTROLLER_REJECTED",
        message: expect.stringContaining(tied.uuid),
      });
      await controller.reference({ operation: "DELETE", ...change });
      await controller.reference({ operation: "DELETE", ...change });
      await remove("logical-interface", made.uuid);
      await remove("virtual-machine-interface", tied.uuid);
      expect(await controller.find("logical-interface", logical.fqName)).toBeUndefined();
      await controller.reference({ operation: "DELETE", ...change });
    });

    it("refuses a reference to what does not exist", async () => {
      const made = await network();
      const uuid = subject.uuid();
      const added = controller.reference({
        operation: "ADD",
        from: { kind: "virtual-network", uuid: made.uuid },
        to: { kind: "network-ipam", uuid, fqName: ["default-domain", "default-project", "none"] },
      });
      await expect(added).rejects.toMatchObject({ code: "SB_CONTROLLER_REJECTED", transient: false });
    });

    it("removes an object, and one that is gone is no error", async () => {
      const made = await network();
      await remove("virtual-network", made.uuid);
      await remove("virtual-network", made.uuid);
      expect(await controller.get("virtual-network", made.uuid)).toBeUndefined();
    });

    it("shows a UVE for a network and an active one for a port, and none for what is not there", async () => {
      const { fqName } = await network();
      const made = await port(fqName);
      expect(await controller.uve("virtual-network", fqName)).toHaveProperty("UveVirtualNetworkConfig");
      expect(await controller.uve("virtual-machine-interface", made.fqName)).toMatchObject({
        UveVMInterfaceAgent: { active: true, virtual_network: fqName.join(":") },
      });
      expect(await controller.uve("virtual-network", [...PROJECT.fqName, "nowhere"])).toBeUndefined();
    });
  });
}
