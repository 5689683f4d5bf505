import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import { childText, element, type XmlElement } from "../../xml/element.ts";
import type { RouterAddress, Secrets } from "../ports.ts";
import { askRouter } from "./ask-router.ts";
import type { OperationalSessions } from "./operational-sessions.ts";
import { isSamePeer } from "./peer-address.ts";
import { portSetting, textSetting } from "./target-settings.ts";
import { down } from "./target-status.ts";

/**
 * The state of a BGP session as one router sees it, by Junos get-bgp-neighbor-information.
 * @throws what `OperationalSessions.ask` throws; SB_SECRET_UNREADABLE
 */
export async function probeBgp(
  target: MonitoringTarget,
  sessions: OperationalSessions,
  secrets: Secrets,
): Promise<TargetStatus> {
  const peer = textSetting(target, "peer");
  const instance = textSetting(target, "instance");
  const address = addressOf(target, secrets);
  const question = element("get-bgp-neighbor-information", [
    element("neighbor-address", peer),
    element("instance", instance),
  ]);
  const reply = await askRouter(sessions, address, question);
  const state = bestState(peersOf(reply, peer, instance));
  if (state === undefined) return down(`${address.host} has no BGP peer ${peer} in ${instance}`);
  if (state === "ESTABLISHED") return { word: state, published: state, verdict: "good" };
  const reason = `The BGP session of ${address.host} with ${peer} in ${instance} is ${state}`;
  return { word: state, published: state, verdict: "bad", reason };
}

/** From a session that is not even tried to one that is up (RFC 4271). */
const BGP_STATES = ["IDLE", "ACTIVE", "CONNECT", "OPENSENT", "OPENCONFIRM", "ESTABLISHED"];

/**
 * The state of a peer that may be listed several times: a connection that comes in beside the one that is up has an entry of its own, and so
 * has each routing engine. It is up when one of them says so, else as far as the furthest. Undefined when there is none.
 */
function bestState(entries: readonly XmlElement[]): string | undefined {
  const states = entries.map((entry) => text(entry, "peer-state").toUpperCase() || "UNKNOWN");
  const rank = (state: string) => BGP_STATES.indexOf(state);
  return states.reduce<string | undefined>(
    (best, state) => (best === undefined || rank(state) > rank(best) ? state : best),
    undefined,
  );
}

/** The entries of a peer in a routing instance; those of no named instance when no other is of that one. */
function peersOf(reply: XmlElement, peer: string, instance: string): XmlElement[] {
  const entries = elementsNamed(reply, "bgp-peer").filter((entry) => isSamePeer(text(entry, "peer-address"), peer));
  const instanceOf = (entry: XmlElement) => text(entry, "peer-cfg-rti") || text(entry, "peer-fwd-rti");
  const own = entries.filter((entry) => instanceOf(entry) === instance);
  return own.length > 0 ? own : entries.filter((entry) => instanceOf(entry) === "");
}

export function addressOf(target: MonitoringTarget, secrets: Secrets): RouterAddress {
  return {
    host: textSetting(target, "host"),
    port: portSetting(target, "port"),
    username: textSetting(target, "username"),
    password: secrets.open(textSetting(target, "password")),
  };
}

export function text(node: XmlElement, name: string): string {
  return childText(node, name)?.trim() ?? "";
}

/** All elements of that name however deep: a router with two routing engines wraps each one's answer. */
export function elementsNamed(node: XmlElement, name: string): XmlElement[] {
  return node.name === name ? [node] : node.children.flatMap((child) => elementsNamed(child, name));
}
