import { container, flag, leaf, leafList, list, type Statement, word } from "./statement.ts";

/** The statements that the lab's routers know by name. What is not here is kept as opaque words. */

/** Written so that no object here looks like a promise. */
const THEN = "then";

const vrrpTrack = container({
  interface: list({ "priority-cost": leaf({ range: [1, 254] }) }, { collapse: true }),
  route: word,
  "priority-hold-time": leaf(),
});

const vrrpGroup: Statement = list(
  {
    "virtual-address": leafList(),
    "virtual-inet6-address": leafList(),
    "virtual-link-local-address": leaf(),
    priority: leaf({ range: [0, 255] }),
    "advertise-interval": leaf(),
    "fast-interval": leaf({ range: [10, 40950] }),
    "inet6-advertise-interval": leaf(),
    preempt: container({ "hold-time": leaf() }, { presence: true, collapse: true }),
    "no-preempt": flag,
    "accept-data": flag,
    "no-accept-data": flag,
    "authentication-type": leaf(),
    "authentication-key": leaf({ secret: true }),
    track: vrrpTrack,
  },
  { range: [0, 255] },
);

const serviceDirection = container({
  "service-set": list({ "service-filter": leaf() }, { key: "service-set-name", userOrdered: true }),
  "post-service-filter": leaf(),
});

const interfaceFamily = (group: string): Statement =>
  container(
    {
      mtu: leaf({ range: [256, 9500] }),
      filter: container(
        {
          input: leaf({ valueElement: "filter-name" }),
          output: leaf({ valueElement: "filter-name" }),
          "input-list": leafList({ userOrdered: true }),
          "output-list": leafList({ userOrdered: true }),
          group: leaf(),
        },
        { closed: true },
      ),
      service: container({ input: serviceDirection, output: serviceDirection }, { closed: true }),
      address: list({ primary: flag, preferred: flag, [group]: vrrpGroup }),
    },
    { presence: true },
  );

const unit = list(
  {
    description: leaf(),
    disable: flag,
    encapsulation: leaf(),
    "vlan-id": leaf({ range: [0, 4094] }),
    dlci: leaf(),
    "peer-unit": leaf({ range: [0, 1073741823] }),
    family: container(
      { inet: interfaceFamily("vrrp-group"), inet6: interfaceFamily("vrrp-inet6-group") },
      { join: true },
    ),
  },
  { range: [0, 1073741823] },
);

const physicalInterface = list(
  {
    description: leaf(),
    disable: flag,
    "vlan-tagging": flag,
    "flexible-vlan-tagging": flag,
    mtu: leaf({ range: [256, 16000] }),
    encapsulation: leaf(),
    "gigether-options": container({ "ieee-802.3ad": leaf({ keyword: "802.3ad", valueElement: "bundle" }) }),
    "aggregated-ether-options": container({ "link-speed": leaf(), "minimum-links": leaf() }),
    unit,
  },
  { keyword: "" },
);

/** `autonomous-system 65000 loops 2`: the number, and how often it may stand in a path. */
const asNumber = container(
  {
    "as-number": leaf({ keyword: "" }),
    loops: leaf({ range: [1, 10] }),
    private: flag,
    alias: flag,
    "asdot-notation": flag,
  },
  { line: true },
);

/** `vrf-target target:65000:1`, or one for each direction. */
const vrfTarget = container(
  { community: leaf({ keyword: "" }), auto: flag, import: leaf(), export: leaf() },
  { collapse: true },
);

const bgpFamily = container(
  {
    inet: container({
      unicast: container(
        {
          loops: leaf({ range: [1, 10] }),
          "prefix-limit": container({
            maximum: leaf(),
            teardown: container(
              { "limit-threshold": leaf({ keyword: "" }), "idle-timeout": leaf() },
              { line: true, presence: true },
            ),
          }),
        },
        { presence: true },
      ),
    }),
  },
  { join: true },
);

const bgpCommon: Readonly<Record<string, Statement>> = {
  description: leaf(),
  type: leaf(),
  "local-address": leaf(),
  "hold-time": leaf({ range: [0, 65535] }),
  import: leafList({ userOrdered: true }),
  export: leafList({ userOrdered: true }),
  "authentication-key": leaf({ secret: true }),
  "peer-as": leaf(),
  "local-as": asNumber,
  "log-updown": flag,
  passive: flag,
  family: bgpFamily,
};

const bgp = container({
  ...bgpCommon,
  group: list({ ...bgpCommon, neighbor: list(bgpCommon, { userOrdered: true }) }, { userOrdered: true }),
});

const protocols = container({ bgp, vrrp: container({ "version-3": flag }) });

const staticRoute = list(
  {
    "next-hop": leafList(),
    discard: flag,
    reject: flag,
    "next-table": leaf(),
    preference: leaf(),
    metric: leaf(),
  },
  { collapse: true },
);

const routingOptions = container({
  "router-id": leaf(),
  "autonomous-system": asNumber,
  "instance-import": leafList({ userOrdered: true }),
  "instance-export": leafList({ userOrdered: true }),
  static: container({ route: staticRoute }),
});

const routingInstance = list(
  {
    description: leaf(),
    "instance-type": leaf(),
    interface: list(),
    "route-distinguisher": leaf({ valueElement: "rd-type" }),
    "vrf-import": leafList({ userOrdered: true }),
    "vrf-export": leafList({ userOrdered: true }),
    "vrf-target": vrfTarget,
    "vrf-table-label": flag,
    "routing-options": routingOptions,
    protocols,
  },
  { keyword: "" },
);

const policyFrom = container(
  {
    protocol: leafList(),
    policy: leafList({ userOrdered: true }),
    instance: leaf(),
    "route-filter": list(
      {
        exact: flag,
        orlonger: flag,
        longer: flag,
        upto: leaf(),
        through: leaf(),
        "prefix-length-range": leaf(),
      },
      { key: "address", line: true, userOrdered: true },
    ),
    "prefix-list": list(),
    community: leafList(),
    neighbor: leafList(),
    interface: leafList(),
  },
  { collapse: true },
);

const policyThen = container(
  { accept: flag, reject: flag, next: leaf(), "next-hop": leaf(), "default-action": leaf() },
  { collapse: true },
);

const policyTerm = { from: policyFrom, [THEN]: policyThen };

const policyOptions = container({
  "prefix-list": list({ "prefix-list-item": list({}, { keyword: "" }), "apply-path": leaf() }),
  "policy-statement": list({ term: list(policyTerm, { userOrdered: true }), ...policyTerm }),
});

const addressMatch = list({ except: flag }, { collapse: true });

const filterFrom = container(
  {
    "source-prefix-list": addressMatch,
    "destination-prefix-list": addressMatch,
    "prefix-list": addressMatch,
    "source-address": addressMatch,
    "destination-address": addressMatch,
    address: addressMatch,
    protocol: leafList(),
    port: leafList(),
    "source-port": leafList(),
    "destination-port": leafList(),
    "icmp-type": leafList(),
    dscp: leafList(),
    "tcp-established": flag,
  },
  { collapse: true },
);

const filterThen = container(
  {
    accept: flag,
    discard: flag,
    reject: flag,
    next: leaf(),
    policer: leaf(),
    "three-color-policer": container({ "single-rate": leaf(), "two-rate": leaf() }, { collapse: true }),
    count: leaf(),
    "forwarding-class": leaf(),
    "loss-priority": leaf(),
    log: flag,
    syslog: flag,
    sample: flag,
    "routing-instance": leaf(),
  },
  { collapse: true },
);

const firewallFilter = list({
  "interface-specific": flag,
  term: list({ from: filterFrom, [THEN]: filterThen }, { userOrdered: true }),
});

const firewall = container({
  family: container(
    { inet: container({ filter: firewallFilter }), inet6: container({ filter: firewallFilter }) },
    { join: true },
  ),
  policer: list({
    "filter-specific": flag,
    "logical-interface-policer": flag,
    "if-exceeding": container({
      "bandwidth-limit": leaf(),
      "bandwidth-percent": leaf(),
      "burst-size-limit": leaf(),
    }),
    [THEN]: container({ discard: flag, "loss-priority": leaf(), "forwarding-class": leaf() }, { collapse: true }),
  }),
  "three-color-policer": list({
    action: container(
      {
        "loss-priority": list({ [THEN]: container({ discard: flag }, { collapse: true }) }, { collapse: true }),
      },
      { collapse: true },
    ),
    "single-rate": container({
      "color-blind": flag,
      "color-aware": flag,
      "committed-information-rate": leaf(),
      "committed-burst-size": leaf(),
      "excess-burst-size": leaf(),
    }),
    "two-rate": word,
  }),
  filter: firewallFilter,
});

const natRule = list(
  {
    "match-direction": leaf(),
    term: list(
      {
        from: container(
          { "source-address": addressMatch, "destination-address": addressMatch, applications: leafList() },
          { collapse: true },
        ),
        [THEN]: container({
          translated: container({
            "source-pool": leaf(),
            "destination-pool": leaf(),
            "source-prefix": leaf(),
            "destination-prefix": leaf(),
            "translation-type": leaf(),
          }),
          "no-translation": flag,
          syslog: flag,
        }),
      },
      { userOrdered: true },
    ),
  },
  { userOrdered: true },
);

const services = container({
  "service-set": list({
    "nat-rules": list({}, { userOrdered: true }),
    "interface-service": container({ "service-interface": leaf() }),
    "next-hop-service": container({ "inside-service-interface": leaf(), "outside-service-interface": leaf() }),
  }),
  nat: container({
    pool: list({
      address: list(),
      port: container({ range: container({ low: leaf(), high: leaf() }, { line: true }), automatic: word }),
    }),
    rule: natRule,
  }),
});

const syslogContents = list({}, { keyword: "", collapse: true });
const syslogTarget = list({ contents: syslogContents, archive: word, match: word, "structured-data": word });

const system = container({
  "host-name": leaf(),
  "domain-name": leaf(),
  "time-zone": leaf(),
  "name-server": list(),
  "root-authentication": container({ "encrypted-password": leaf({ secret: true }) }),
  login: container({
    user: list({
      "full-name": leaf(),
      uid: leaf(),
      class: leaf(),
      authentication: container({ "encrypted-password": leaf({ secret: true }) }),
    }),
  }),
  "radius-server": list({ secret: leaf({ secret: true }) }),
  "tacplus-server": list({ secret: leaf({ secret: true }) }),
  services: container({
    ssh: container({ "root-login": leaf(), "protocol-version": leaf() }, { presence: true }),
    netconf: container({ ssh: container({ port: leaf() }, { presence: true }) }),
    "web-management": container({ http: container({ interface: leafList(), port: leaf() }, { presence: true }) }),
  }),
  syslog: container({ user: syslogTarget, host: syslogTarget, file: syslogTarget }),
});

/** Known to Junos, but not looked into here. */
const opaque = [
  "access",
  "accounting-options",
  "applications",
  "bridge-domains",
  "diameter",
  "dynamic-profiles",
  "event-options",
  "forwarding-options",
  "logical-systems",
  "multi-chassis",
  "multicast-snooping-options",
  "poe",
  "schedulers",
  "security",
  "snmp",
  "switch-options",
  "unified-edge",
  "virtual-chassis",
  "vlans",
];

const top: Record<string, Statement> = {
  version: leaf(),
  system,
  chassis: container({
    "aggregated-devices": container({ ethernet: container({ "device-count": leaf() }) }),
    fpc: list({ "lite-mode": flag }),
  }),
  services,
  interfaces: container({ interface: physicalInterface, "interface-range": word, traceoptions: word }),
  "routing-options": routingOptions,
  protocols,
  "policy-options": policyOptions,
  "class-of-service": container({
    "forwarding-classes": container({
      queue: list({ "class-name": leaf({ keyword: "" }) }, { collapse: true }),
      class: word,
    }),
  }),
  firewall,
  "routing-instances": container({ instance: routingInstance }),
  ...Object.fromEntries(opaque.map((name) => [name, word])),
};

/** A configuration group holds whatever the configuration itself may hold. */
const groups: Statement = {
  kind: "list",
  block: true,
  get children() {
    return top;
  },
};

/** The whole configuration: what stands at `[edit]`. A statement that Junos does not have there is a syntax error. */
export const configuration: Statement = { kind: "container", children: { ...top, groups }, closed: true };
