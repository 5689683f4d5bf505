import { asNumberOf, type ConfigNode, childNode, childNodes, descend, leafValue } from "./config-node.ts";
import { type Ipv4Prefix, inSubnet, parseIpv4 } from "./ipv4-prefix.ts";

/** A router as its neighbours see it. */
export interface NetworkMember {
  readonly name: string;
  /** The configuration in effect, groups applied. */
  effective(): ConfigNode;
  /** Is this interface or unit broken? */
  isBroken(interfaceName: string): boolean;
  /** Is this VRRP group to be the other way round than it would be? */
  isFlipped(group: string): boolean;
  /** Rises with every change of the above; without it what follows from them is worked out anew at every question. */
  readonly revision?: number;
}

export interface InterfaceState {
  /** `ae0` or `ae0.1025`. */
  readonly name: string;
  readonly adminUp: boolean;
  readonly up: boolean;
}

export interface VrrpState {
  readonly interface: string;
  readonly group: string;
  readonly localAddress: string;
  readonly virtualAddress: string;
  readonly priority: number;
  readonly state: "master" | "backup" | "init";
}

export interface BgpPeerState {
  /** The routing instance; "master" for the main one, as Junos calls it. */
  readonly instance: string;
  readonly group: string;
  readonly peer: string;
  readonly peerAs: string;
  readonly localAddress: string;
  readonly localAs: string;
  readonly type: "Internal" | "External";
  readonly state: "Established" | "Active" | "Idle";
}

/** A unit with what matters to its neighbours. */
interface Unit {
  readonly physical: string;
  readonly name: string;
  readonly vlan: string | undefined;
  readonly node: ConfigNode;
  readonly adminUp: boolean;
  readonly up: boolean;
}

/** By `sinceKey`: milliseconds since the epoch, later ones greater. */
export type VrrpSince = Readonly<Record<string, number>>;

interface BgpNeighbor {
  readonly state: Omit<BgpPeerState, "state">;
  readonly key: string | undefined;
}

interface VrrpGroup {
  readonly up: boolean;
  /** Equal for the groups of all routers that elect a master among themselves. */
  readonly segment: string;
  readonly state: Omit<VrrpState, "state">;
}

/** An address of a router and where it is configured. */
interface OwnAddress {
  readonly address: string;
  readonly unit: Unit;
}

type View = "interfaces" | "vrrp" | "bgp";

/**
 * What the routers of a lab see of each other, worked out from their configurations when it is asked for and something
 * has changed. Units of the same VLAN on different routers are taken to be on one segment.
 */
export class LabNetwork {
  readonly #members: NetworkMember[] = [];
  /** What was answered last, and the members' revisions then. */
  #answers = new WeakMap<NetworkMember, Map<View, { readonly revisions: string; readonly answer: unknown }>>();
  /** Since when each member has its VRRP groups. */
  readonly #since = new WeakMap<NetworkMember, VrrpSince>();
  #lastMoment = 0;

  /** @param since what `configured` has answered last, in the member's life before */
  join(member: NetworkMember, since: VrrpSince = {}): void {
    this.#members.push(member);
    if (!this.#since.has(member)) this.#since.set(member, since);
    this.#answers = new WeakMap();
  }

  leave(member: NetworkMember): void {
    const at = this.#members.indexOf(member);
    if (at >= 0) this.#members.splice(at, 1);
    this.#answers = new WeakMap();
  }

  /** Physical interfaces and units in the order of the configuration. */
  interfaces(member: NetworkMember): readonly InterfaceState[] {
    return this.#remembered(member, "interfaces", () => {
      const { physical, units } = portsOf(member);
      return [...physical].flatMap(([name, state]) => [
        { name, ...state },
        ...units.filter((unit) => unit.physical === name).map(({ name, adminUp, up }) => ({ name, adminUp, up })),
      ]);
    });
  }

  /**
   * To be called when the configuration of a member has changed.
   * @returns since when it has each of its VRRP groups, for `join`
   */
  configured(member: NetworkMember): VrrpSince {
    this.#lastMoment = Math.max(Date.now(), this.#lastMoment + 1);
    const before = this.#since.get(member) ?? {};
    const keys = vrrpGroups(member).map(sinceKey);
    const since = Object.fromEntries(keys.map((key) => [key, before[key] ?? this.#lastMoment]));
    this.#since.set(member, since);
    return since;
  }

  /**
   * The VRRP groups of a router: highest priority that is up is master. Of equal ones it is the one that was configured first, since a backup
   * stays one while it hears its own priority (RFC 5798 section 6.4.2); of those that began together the highest address (6.4.3).
   */
  vrrp(member: NetworkMember): readonly VrrpState[] {
    return this.#remembered(member, "vrrp", () => this.#vrrp(member));
  }

  /**
   * The BGP neighbours of a router. A neighbour whose address is a router of this lab is Established when both sides are
   * configured for each other; an external one that is none of them is taken to be well configured.
   */
  bgp(member: NetworkMember): readonly BgpPeerState[] {
    return this.#remembered(member, "bgp", () => this.#bgp(member));
  }

  /** The answer of the last time while no member has changed: monitoring asks far more often than anybody configures. */
  #remembered<T>(member: NetworkMember, view: View, workOut: () => T): T {
    if (this.#members.some(({ revision }) => revision === undefined)) return workOut();
    const revisions = this.#members.map(({ name, revision }) => `${name}=${revision}`).join();
    const answers = this.#answers.get(member) ?? new Map();
    this.#answers.set(member, answers);
    const last = answers.get(view);
    if (last?.revisions === revisions) return last.answer as T;
    const answer = workOut();
    answers.set(view, { revisions, answer });
    return answer;
  }

  #vrrp(member: NetworkMember): VrrpState[] {
    const segments = new Map<string, Array<VrrpGroup & { readonly member: NetworkMember }>>();
    for (const other of this.#members) {
      for (const group of vrrpGroups(other)) {
        if (!group.up) continue;
        const segment = segments.get(group.segment);
        if (segment) segment.push({ ...group, member: other });
        else segments.set(group.segment, [{ ...group, member: other }]);
      }
    }
    return vrrpGroups(member).map(({ state, up, segment }): VrrpState => {
      if (!up) return { ...state, state: "init" };
      const all = (segments.get(segment) ?? []).toSorted(
        (a, b) =>
          b.state.priority - a.state.priority ||
          this.#sinceOf(a) - this.#sinceOf(b) ||
          addressOf(b.state.localAddress) - addressOf(a.state.localAddress),
      );
      const flipped = all.some((each) => each.member.isFlipped(state.group));
      const winner = all[flipped ? 1 : 0];
      const isMaster = winner?.member === member && winner.state.localAddress === state.localAddress;
      return { ...state, state: isMaster ? "master" : "backup" };
    });
  }

  #sinceOf(group: VrrpGroup & { readonly member: NetworkMember }): number {
    return this.#since.get(group.member)?.[sinceKey(group)] ?? 0;
  }

  #bgp(member: NetworkMember): BgpPeerState[] {
    const own = addressBook(member);
    const others = this.#members
      .filter((other) => other !== member)
      .map((other) => ({
        addresses: addressBook(other),
        neighbors: new Map(bgpNeighbors(other).map((each) => [neighborId(each.state.instance, each.state.peer), each])),
      }));
    return bgpNeighbors(member).map(({ state, key }): BgpPeerState => {
      const { instance, peer } = state;
      const local = state.localAddress === "" ? own.facing(instance, peer) : own.owner(instance, state.localAddress);
      if (!local?.unit.up) return { ...state, state: "Idle" };
      const localAddress = local.address;
      const owners = others.filter((other) => other.addresses.owner(instance, peer));
      if (owners.length === 0) return { ...state, state: state.type === "External" ? "Established" : "Active" };
      const answered = owners.some((other) => {
        const theirs = other.neighbors.get(neighborId(instance, localAddress));
        return (
          other.addresses.owner(instance, peer)?.unit.up === true &&
          theirs?.state.localAs === state.peerAs &&
          theirs.state.peerAs === state.localAs &&
          theirs.key === key
        );
      });
      return { ...state, state: answered ? "Established" : "Active" };
    });
  }
}

const sinceKey = ({ state }: VrrpGroup): string => `${state.interface} ${state.localAddress} ${state.group}`;

const neighborId = (instance: string, address: string): string => `${instance} ${address}`;

const addressOf = (text: string): number => parseIpv4(text)?.address ?? 0;

function portsOf(member: NetworkMember): { physical: Map<string, { adminUp: boolean; up: boolean }>; units: Unit[] } {
  const config = childNode(member.effective(), "interfaces");
  const ports = childNodes(config, "interface");
  const bundles = new Map<string, string[]>();
  for (const port of ports) {
    const bundle = descend(port, "gigether-options", "ieee-802.3ad")?.value;
    if (bundle !== undefined) bundles.set(bundle, [...(bundles.get(bundle) ?? []), port.value]);
  }
  const enabled = (name: string) =>
    childNode(
      ports.find((port) => port.value === name),
      "disable",
    ) === undefined;
  const works = (name: string) => enabled(name) && !member.isBroken(name);
  const physical = new Map(
    ports.map((port) => {
      const links = bundles.get(port.value);
      return [port.value, { adminUp: enabled(port.value), up: works(port.value) && (links?.some(works) ?? true) }];
    }),
  );
  const units = ports.flatMap((port) =>
    childNodes(port, "unit").map((node): Unit => {
      const name = `${port.value}.${node.value}`;
      const adminUp = childNode(node, "disable") === undefined;
      const up = adminUp && (physical.get(port.value)?.up ?? false) && !member.isBroken(name);
      return { physical: port.value, name, vlan: leafValue(node, "vlan-id"), node, adminUp, up };
    }),
  );
  return { physical, units };
}

function vrrpGroups(member: NetworkMember): VrrpGroup[] {
  const { physical, units } = portsOf(member);
  const isUp = (name: string) => units.find((unit) => unit.name === name)?.up ?? physical.get(name)?.up ?? false;
  return units.flatMap((unit) =>
    childNodes(descend(unit.node, "family", "inet"), "address").flatMap((address) =>
      childNodes(address, "vrrp-group").map((group) => {
        const cost = childNodes(childNode(group, "track"), "interface")
          .filter((tracked) => !isUp(tracked.value))
          .reduce((sum, tracked) => sum + Number(leafValue(tracked, "priority-cost") ?? 0), 0);
        const priority = Number(leafValue(group, "priority") ?? 100);
        const virtualAddress = leafValue(group, "virtual-address") ?? "";
        const lan = unit.vlan === undefined ? `interface ${unit.physical}` : `vlan ${unit.vlan}`;
        return {
          up: unit.up,
          segment: `${group.value} ${virtualAddress} ${lan}`,
          state: {
            interface: unit.name,
            group: group.value,
            localAddress: address.value.split("/")[0] ?? "",
            virtualAddress,
            priority: priority === 255 ? 255 : Math.max(1, priority - cost),
          },
        };
      }),
    ),
  );
}

/** Addresses with their lengths, of all families. */
function addressesOf(unit: Unit): string[] {
  return (childNode(unit.node, "family")?.children ?? []).flatMap((family) =>
    childNodes(family, "address").map((address) => address.value),
  );
}

/**
 * The addresses of a router by routing instance. Two tenants may use the same addresses, so an address counts only in
 * its instance; the main instance ("master") has what belongs to no other.
 */
function addressBook(member: NetworkMember) {
  const instances = childNodes(childNode(member.effective(), "routing-instances"), "instance");
  const instanceOf = new Map(
    instances.flatMap((each) => childNodes(each, "interface").map((port) => [port.value, each.value] as const)),
  );
  const owners = new Map<string, OwnAddress>();
  const subnets = new Map<string, Array<OwnAddress & { subnet: Ipv4Prefix }>>();
  for (const unit of portsOf(member).units) {
    const instance = instanceOf.get(unit.name) ?? "master";
    for (const text of addressesOf(unit)) {
      const own = { address: text.split("/")[0] ?? "", unit };
      owners.set(neighborId(instance, own.address), own);
      const subnet = parseIpv4(text);
      if (subnet) subnets.set(instance, [...(subnets.get(instance) ?? []), { ...own, subnet }]);
    }
  }
  return {
    owner: (instance: string, address: string): OwnAddress | undefined => owners.get(neighborId(instance, address)),
    /** The address whose subnet holds the peer. */
    facing(instance: string, peer: string): OwnAddress | undefined {
      const address = parseIpv4(peer);
      return address && subnets.get(instance)?.find((each) => inSubnet(address, each.subnet));
    },
  };
}

function bgpNeighbors(member: NetworkMember): BgpNeighbor[] {
  const root = member.effective();
  const mainAs = asNumberOf(childNode(root, "routing-options"), "autonomous-system") ?? "";
  const instances = childNodes(childNode(root, "routing-instances"), "instance");
  return [{ name: "master", node: root }, ...instances.map((node) => ({ name: node.value, node }))].flatMap(
    ({ name, node }) => {
      const bgp = descend(node, "protocols", "bgp");
      const instanceAs = asNumberOf(childNode(node, "routing-options"), "autonomous-system") ?? mainAs;
      return childNodes(bgp, "group").flatMap((group) =>
        childNodes(group, "neighbor").map((neighbor): BgpNeighbor => {
          const inherit = (what: string) => leafValue(neighbor, what) ?? leafValue(group, what) ?? leafValue(bgp, what);
          const ownAs = [neighbor, group, bgp].map((each) => asNumberOf(each, "local-as"));
          const localAs = ownAs.find((as) => as !== undefined) ?? instanceAs;
          const internal =
            inherit("type") === "internal" || (inherit("type") === undefined && inherit("peer-as") === localAs);
          return {
            key: inherit("authentication-key"),
            state: {
              instance: name,
              group: group.value,
              peer: neighbor.value,
              peerAs: inherit("peer-as") ?? (internal ? localAs : ""),
              localAddress: inherit("local-address") ?? "",
              localAs,
              type: internal ? "Internal" : "External",
            },
          };
        }),
      );
    },
  );
}
