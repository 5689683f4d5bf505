/** What the controller's schema says of a kind of object. */
export interface KindSchema {
  /** Kinds that may be its parent; none for objects of the root. */
  readonly parents: readonly string[];
  /** Kinds that it may refer to. */
  readonly refs: readonly string[];
  /** Its own properties, besides those that every object has. */
  readonly properties: readonly string[];
}

/** Properties of every object, in the request or filled in by the controller. */
export const COMMON_PROPERTIES: ReadonlySet<string> = new Set([
  "uuid",
  "fq_name",
  "name",
  "display_name",
  "id_perms",
  "perms2",
  "annotations",
  "parent_type",
  "parent_uuid",
  "parent_href",
  "href",
]);

/** The part of the OpenContrail schema (vnc_cfg.xsd) that the services use. */
export const KINDS: Readonly<Record<string, KindSchema>> = {
  "global-system-config": {
    parents: [],
    refs: [],
    properties: ["autonomous_system", "config_version", "ip_fabric_subnets", "ibgp_auto_mesh", "mac_limit_control"],
  },
  domain: { parents: [], refs: [], properties: ["domain_limits"] },
  project: { parents: ["domain"], refs: [], properties: ["quota", "vxlan_routing", "alarm_enable"] },
  "network-ipam": {
    parents: ["project"],
    refs: [],
    properties: ["network_ipam_mgmt", "ipam_subnet_method", "ipam_subnets"],
  },
  "virtual-network": {
    parents: ["project"],
    refs: ["network-ipam", "virtual-network"],
    properties: [
      "virtual_network_properties",
      "virtual_network_category",
      "virtual_network_network_id",
      "provider_properties",
      "is_provider_network",
      "ecmp_hashing_include_fields",
      "port_security_enabled",
      "fabric_snat",
      "route_target_list",
      "import_route_target_list",
      "export_route_target_list",
      "router_external",
      "is_shared",
      "external_ipam",
      "flood_unknown_unicast",
      "multi_policy_service_chains_enabled",
      "address_allocation_mode",
      "mac_learning_enabled",
      "mac_limit_control",
      "mac_move_control",
      "mac_aging_time",
      "pbb_evpn_enable",
      "pbb_etree_enable",
      "layer2_control_word",
      "igmp_enable",
    ],
  },
  "virtual-machine": { parents: [], refs: [], properties: ["server_type"] },
  "virtual-machine-interface": {
    parents: ["project", "virtual-machine"],
    refs: ["virtual-network", "virtual-machine", "virtual-machine-interface", "physical-interface"],
    properties: [
      "virtual_machine_interface_mac_addresses",
      "virtual_machine_interface_allowed_address_pairs",
      "virtual_machine_interface_device_owner",
      "virtual_machine_interface_properties",
      "virtual_machine_interface_bindings",
      "virtual_machine_interface_dhcp_option_list",
      "virtual_machine_interface_host_routes",
      "virtual_machine_interface_disable_policy",
      "virtual_machine_interface_fat_flow_protocols",
      "ecmp_hashing_include_fields",
      "port_security_enabled",
      "vrf_assign_table",
      "vlan_tag_based_bridge_domain",
      "igmp_enable",
    ],
  },
  "instance-ip": {
    parents: [],
    refs: ["virtual-network", "network-ipam", "virtual-machine-interface", "physical-router"],
    properties: [
      "instance_ip_address",
      "instance_ip_family",
      "instance_ip_mode",
      "instance_ip_secondary",
      "instance_ip_local_ip",
      "secondary_ip_tracking_ip",
      "service_instance_ip",
      "service_health_check_ip",
      "subnet_uuid",
    ],
  },
  "physical-router": {
    parents: ["global-system-config"],
    refs: ["virtual-network"],
    properties: [
      "physical_router_management_ip",
      "physical_router_dataplane_ip",
      "physical_router_loopback_ip",
      "physical_router_vendor_name",
      "physical_router_product_name",
      "physical_router_vnc_managed",
      "physical_router_role",
      "physical_router_user_credentials",
      "physical_router_snmp_credentials",
      "physical_router_junos_service_ports",
      "physical_router_snmp",
      "physical_router_lldp",
      "physical_router_image_uri",
    ],
  },
  "physical-interface": {
    parents: ["physical-router"],
    refs: ["physical-interface"],
    properties: ["ethernet_segment_identifier", "physical_interface_mac_addresses", "physical_interface_type"],
  },
  "logical-interface": {
    parents: ["physical-router", "physical-interface"],
    refs: ["virtual-machine-interface"],
    properties: ["logical_interface_vlan_tag", "logical_interface_type", "logical_interface_port_params"],
  },
};

/** `virtual-network` as it stands in property names: `virtual_network`. */
export const underscored = (kind: string): string => kind.replaceAll("-", "_");
