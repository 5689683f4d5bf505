import { childText, element, type XmlElement } from "../../xml/element.ts";
import { type ConfigNode, childNode, childNodes, descend, leafValue } from "./config-node.ts";
import type { BgpPeerState, InterfaceState, VrrpState } from "./lab-network.ts";

/** The replies to the operational RPCs, shaped as Junos 16.1 shapes them. */

const RELEASE = "http://xml.juniper.net/junos/16.1R1";

type Content = string | XmlElement[];
const part = (name: string, content: Content, namespace: string) => element(name, content, {}, namespace);

/** get-vrrp-information, limited by `<interface>` when the request has one. */
export function vrrpReply(states: readonly VrrpState[], request: XmlElement): XmlElement {
  const namespace = `${RELEASE}/junos-vrrp`;
  const only = childText(request, "interface") ?? childText(request, "interface-name");
  const entries = states
    .filter((state) => only === undefined || state.interface === only || state.interface.startsWith(`${only}.`))
    .map((state) => {
      const field = (name: string, content: string) => part(name, content, namespace);
      return part(
        "vrrp-interface",
        [
          field("interface", state.interface),
          field("interface-state", state.state === "init" ? "down" : "up"),
          field("group", state.group),
          field("vrrp-state", state.state),
          field("vrrp-mode", "Active"),
          field("timer-name", state.state === "backup" ? "D" : "A"),
          field("timer-value", "0.500"),
          field("local-interface-address", state.localAddress),
          field("virtual-ip-address", state.virtualAddress),
          field("priority", String(state.priority)),
        ],
        namespace,
      );
    });
  return part("vrrp-information", entries, namespace);
}

/** get-bgp-neighbor-information, limited by `<neighbor-address>` and `<instance>` when the request has them. */
export function bgpReply(peers: readonly BgpPeerState[], request: XmlElement): XmlElement {
  const namespace = `${RELEASE}/junos-routing`;
  const address = childText(request, "neighbor-address");
  const instance = childText(request, "instance");
  const entries = peers
    .filter(
      (peer) =>
        (address === undefined || peer.peer === address) && (instance === undefined || peer.instance === instance),
    )
    .map((peer) => {
      const field = (name: string, content: string) => part(name, content, namespace);
      const connected = peer.state === "Established";
      return part(
        "bgp-peer",
        [
          field("peer-address", connected ? `${peer.peer}+179` : peer.peer),
          field("peer-as", peer.peerAs),
          field("local-address", connected ? `${peer.localAddress}+49152` : peer.localAddress || "Unspecified"),
          field("local-as", peer.localAs),
          field("peer-group", peer.group),
          field("peer-cfg-rti", peer.instance),
          field("peer-fwd-rti", peer.instance),
          field("peer-type", peer.type),
          field("peer-state", peer.state),
          field("peer-flags", connected ? "Sync" : ""),
          field("last-state", connected ? "OpenConfirm" : "Idle"),
        ],
        namespace,
      );
    });
  return part("bgp-information", entries, namespace);
}

/** get-interface-information, limited by `<interface-name>` when the request has one. */
export function interfaceReply(states: readonly InterfaceState[], request: XmlElement): XmlElement {
  const namespace = `${RELEASE}/junos-interface`;
  const only = childText(request, "interface-name");
  const field = (name: string, content: string) => part(name, content, namespace);
  const status = (state: InterfaceState) => [
    field("name", state.name),
    field("admin-status", state.adminUp ? "up" : "down"),
    field("oper-status", state.up ? "up" : "down"),
  ];
  const isUnit = (state: InterfaceState) => state.name.includes(".");
  const entries = states
    .filter((state) => !isUnit(state) || state.name === only)
    .filter((state) => only === undefined || state.name === only)
    .map((state) =>
      isUnit(state)
        ? part("logical-interface", status(state), namespace)
        : part(
            "physical-interface",
            [
              ...status(state),
              ...states
                .filter((unit) => unit.name.startsWith(`${state.name}.`))
                .map((unit) => part("logical-interface", status(unit), namespace)),
            ],
            namespace,
          ),
    );
  return part("interface-information", entries, namespace);
}

/** A counter of a filter as it is installed on an interface. */
interface FilterCounter {
  readonly filter: string;
  readonly counter: string;
  readonly policer: boolean;
}

/**
 * The counters that the configuration in effect gives: those that terms count, and one for each policer. A filter that
 * is interface-specific has its own for each interface and direction: `F-ae0.1025-i`.
 */
function filterCounters(effective: ConfigNode): FilterCounter[] {
  const firewall = childNode(effective, "firewall");
  const definitions = [
    ...childNodes(firewall, "filter"),
    ...(childNode(firewall, "family")?.children ?? []).flatMap((family) => childNodes(family, "filter")),
  ];
  const uses = childNodes(childNode(effective, "interfaces"), "interface").flatMap((port) =>
    childNodes(port, "unit").flatMap((unit) =>
      (childNode(unit, "family")?.children ?? []).flatMap((family) =>
        (["input", "output"] as const).map((direction) => ({
          filter: descend(family, "filter", direction)?.value,
          suffix: `-${port.value}.${unit.value}-${direction === "input" ? "i" : "o"}`,
        })),
      ),
    ),
  );
  return definitions.flatMap((definition) => {
    const specific = childNode(definition, "interface-specific") !== undefined;
    const suffixes = specific ? uses.filter((use) => use.filter === definition.value).map((use) => use.suffix) : [""];
    return suffixes.flatMap((suffix) =>
      childNodes(definition, "term").flatMap((term) => {
        const then = childNode(term, "then");
        const count = leafValue(then, "count");
        const policer = leafValue(then, "policer") ?? childNode(then, "three-color-policer")?.children[0]?.value;
        const filter = definition.value + suffix;
        return [
          ...(count === undefined ? [] : [{ filter, counter: count + suffix, policer: false }]),
          ...(policer === undefined ? [] : [{ filter, counter: `${policer}-${term.value}${suffix}`, policer: true }]),
        ];
      }),
    );
  });
}

/**
 * get-firewall-counter-information and get-firewall-filter-information. The values grow with `elapsedMs`, each at a rate
 * of its own that follows from its name.
 */
export function firewallReply(effective: ConfigNode, elapsedMs: number, request: XmlElement): XmlElement {
  const namespace = `${RELEASE}/junos-filter`;
  const filterName = childText(request, "filter") ?? childText(request, "filtername");
  const counterName = childText(request, "countername") ?? childText(request, "counter");
  const field = (name: string, content: string) => part(name, content, namespace);
  const wanted = filterCounters(effective).filter(
    ({ filter, counter }) =>
      (filterName === undefined || filter === filterName) && (counterName === undefined || counter === counterName),
  );
  const filters = [...new Set(wanted.map((each) => each.filter))];
  return part(
    "firewall-information",
    filters.map((filter) =>
      part(
        "filter-information",
        [
          field("filter-name", filter),
          ...wanted
            .filter((each) => each.filter === filter)
            .map(({ counter, policer }) => {
              const packets = Math.floor((elapsedMs * packetsPerSecond(counter)) / 1000);
              return policer
                ? part(
                    "policer",
                    [field("policer-name", counter), field("packet-count", "0"), field("byte-count", "0")],
                    namespace,
                  )
                : part(
                    "counter",
                    [
                      field("counter-name", counter),
                      field("packet-count", String(packets)),
                      field("byte-count", String(packets * 512)),
                    ],
                    namespace,
                  );
            }),
        ],
        namespace,
      ),
    ),
    namespace,
  );
}

const packetsPerSecond = (name: string): number => 10 + ([...name].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 90);
