import { asTexts, isObject, type JsonObject } from "./json-value.ts";
import type { ObjectStore, StoredObject } from "./object-store.ts";

/**
 * The analytics view of an object (`GET /analytics/uves/<kind>/<name>?flat`): there as soon as the object is, as if
 * agent and control node had reported at once. Undefined for kinds without a view.
 */
export function uveOf(store: ObjectStore, object: StoredObject): JsonObject | undefined {
  const elements = { fq_name: JSON.stringify(object.fqName), uuid: JSON.stringify(object.uuid) };
  if (object.kind === "virtual-network") {
    const ports = store.backRefs(object.uuid).filter(({ kind }) => kind === "virtual-machine-interface");
    return {
      ContrailConfig: { elements, deleted: false },
      UveVirtualNetworkConfig: { connected_networks: [], total_acl_rules: 0 },
      UveVirtualNetworkAgent: { interface_list: ports.map(({ fqName }) => fqName.join(":")), acl: null },
    };
  }
  if (object.kind === "virtual-machine-interface") {
    const network = object.refs.find(({ kind }) => kind === "virtual-network");
    const macs = object.properties.virtual_machine_interface_mac_addresses;
    const address = store.backRefs(object.uuid).find(({ kind }) => kind === "instance-ip")
      ?.properties.instance_ip_address;
    return {
      ContrailConfig: { elements, deleted: false },
      UveVMInterfaceAgent: {
        active: true,
        admin_state: true,
        name: object.fqName.at(-1) ?? "",
        uuid: object.uuid,
        virtual_network: network ? (store.byUuid(network.uuid)?.fqName.join(":") ?? "") : "",
        mac_address: (isObject(macs) ? asTexts(macs.mac_address)?.[0] : undefined) ?? "",
        ip_address: address ?? "0.0.0.0",
      },
    };
  }
  return undefined;
}
