import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import { element, type XmlElement } from "../../xml/element.ts";
import type { Clock, RouterAddress, Secrets } from "../ports.ts";
import { askRouter } from "./ask-router.ts";
import type { OperationalSessions } from "./operational-sessions.ts";
import { addressOf, elementsNamed, text } from "./router-probes.ts";
import { textSetting } from "./target-settings.ts";
import { down } from "./target-status.ts";

/** A group as a router lists it: once for each address family that it runs for, and by each routing engine. */
interface GroupEntry {
  readonly state: string;
  readonly isIpv6: boolean;
}

/** States of a group that takes part; in any other one it does not, or its routing engine does not run the protocol. */
const RUNNING: ReadonlySet<string> = new Set(["master", "backup", "transition"]);

/** The groups of one router at one moment. */
interface Groups {
  /** When it was asked, milliseconds by the monotonic clock. */
  readonly askedAt: number;
  /** By interface and group. */
  readonly entries: ReadonlyMap<string, readonly GroupEntry[]>;
}

/** What is older is of no use to anybody and forgotten, milliseconds. */
const FORGET_AFTER_MS = 300_000;

/**
 * Asks routers for their VRRP groups. The question names no interface, because a router tells all of its groups in one go:
 * an answer serves all who ask at the same time, and those who are content with one that is a little older. A router with a
 * thousand groups answers half a megabyte, which nobody should read for every one of them.
 */
export class VrrpProbes {
  readonly #sessions: OperationalSessions;
  readonly #secrets: Secrets;
  readonly #clock: Clock;
  /** By login. */
  readonly #asked = new Map<string, Promise<Groups>>();
  readonly #known = new Map<string, Groups>();

  constructor(options: { sessions: OperationalSessions; secrets: Secrets; clock: Clock }) {
    this.#sessions = options.sessions;
    this.#secrets = options.secrets;
    this.#clock = options.clock;
  }

  /**
   * The state of a VRRP group on one router, by Junos get-vrrp-information.
   * @param maxAgeMs how old the answer may be
   * @throws what `OperationalSessions.ask` throws; SB_SECRET_UNREADABLE
   */
  async probe(target: MonitoringTarget, maxAgeMs: number): Promise<TargetStatus> {
    const port = textSetting(target, "interface");
    const group = textSetting(target, "group");
    const want = textSetting(target, "want").toLowerCase();
    const address = addressOf(target, this.#secrets);
    const { entries } = await this.#groups(address, maxAgeMs);
    const states = statesOf(entries.get(keyOf(port, group)) ?? []);
    const state = states.find((each) => each !== want) ?? states[0];
    if (state === undefined) return down(`${address.host} has no VRRP group ${group} on ${port}`);
    const status = { word: state, published: state.toUpperCase() };
    if (state === want) return { ...status, verdict: "good" };
    const reason = `VRRP group ${group} on ${port} of ${address.host} is ${state}, wanted is ${want}`;
    return { ...status, verdict: "bad", reason };
  }

  #groups(address: RouterAddress, maxAgeMs: number): Promise<Groups> {
    const { host, port, username, password } = address;
    const login = JSON.stringify([host, port, username, password]);
    const known = this.#known.get(login);
    if (known !== undefined && this.#clock.monotonic() - known.askedAt < maxAgeMs) return Promise.resolve(known);
    const underWay = this.#asked.get(login);
    if (underWay !== undefined) return underWay;
    const groups = this.#ask(address)
      .then((answer) => {
        this.#remember(login, answer);
        return answer;
      })
      .finally(() => this.#asked.delete(login));
    this.#asked.set(login, groups);
    return groups;
  }

  async #ask(address: RouterAddress): Promise<Groups> {
    const askedAt = this.#clock.monotonic();
    const reply = await askRouter(this.#sessions, address, element("get-vrrp-information"));
    const entries = new Map<string, GroupEntry[]>();
    for (const each of elementsNamed(reply, "vrrp-interface")) {
      const key = keyOf(text(each, "interface"), text(each, "group"));
      const state = text(each, "vrrp-state").toLowerCase() || "unknown";
      const entry = { state, isIpv6: addressesOf(each).some((address) => address.includes(":")) };
      const others = entries.get(key);
      if (others === undefined) entries.set(key, [entry]);
      else others.push(entry);
    }
    return { askedAt, entries };
  }

  #remember(login: string, groups: Groups): void {
    for (const [other, { askedAt }] of this.#known) {
      if (groups.askedAt - askedAt > FORGET_AFTER_MS) this.#known.delete(other);
    }
    this.#known.set(login, groups);
  }
}

function keyOf(port: string, group: string): string {
  return `${port} ${group}`;
}

/**
 * The states that count. The services make groups for IPv4; one of the same number for IPv6 is somebody else's, unless there is no other. An
 * entry of a routing engine that does not run the protocol says nothing beside one that does.
 */
function statesOf(entries: readonly GroupEntry[]): string[] {
  const ipv4 = entries.filter(({ isIpv6 }) => !isIpv6);
  const states = (ipv4.length > 0 ? ipv4 : entries).map(({ state }) => state);
  const running = states.filter((state) => RUNNING.has(state));
  return running.length > 0 ? running : states;
}

/** Releases differ in the names of the elements that hold addresses, and in how deep they are. */
function addressesOf({ name, text: content, children }: XmlElement): string[] {
  if (children.length > 0) return children.flatMap(addressesOf);
  return name.includes("address") && !name.includes("mac") ? [content] : [];
}
