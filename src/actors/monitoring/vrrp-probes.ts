import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import { element } from "../../xml/element.ts";
import type { Clock, RouterAddress, Secrets } from "../ports.ts";
import type { OperationalSessions } from "./operational-sessions.ts";
import { addressOf, elementsNamed, text } from "./router-probes.ts";
import { textSetting } from "./target-settings.ts";
import { down } from "./target-status.ts";

/** The groups of one router at one moment. */
interface Groups {
  /** When it was asked, milliseconds by the monotonic clock. */
  readonly askedAt: number;
  /** By interface and group: the states, one for each address family that the group runs for. */
  readonly states: ReadonlyMap<string, readonly string[]>;
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
    const { states } = await this.#groups(address, maxAgeMs);
    const found = states.get(keyOf(port, group)) ?? [];
    // The same group number may run for both address families; it is as good as the worse of the two.
    const state = found.find((each) => each !== want) ?? found[0];
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
    const reply = await this.#sessions.ask(address, element("get-vrrp-information"));
    const states = new Map<string, string[]>();
    for (const entry of elementsNamed(reply, "vrrp-interface")) {
      const key = keyOf(text(entry, "interface"), text(entry, "group"));
      const state = text(entry, "vrrp-state").toLowerCase();
      const others = states.get(key);
      if (others === undefined) states.set(key, [state]);
      else others.push(state);
    }
    return { askedAt, states };
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
