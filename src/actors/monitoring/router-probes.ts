import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import { childText, element, type XmlElement } from "../../xml/element.ts";
import type { RouterAddress, Secrets } from "../ports.ts";
import type { OperationalSessions } from "./operational-sessions.ts";
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
  const reply = await sessions.ask(address, question);
  const state = elementsNamed(reply, "bgp-peer")
    .filter((entry) => isPeer(entry, peer, instance))
    .map((entry) => text(entry, "peer-state").toUpperCase())[0];
  if (state === undefined) return down(`${address.host} has no BGP peer ${peer} in ${instance}`);
  if (state === "ESTABLISHED") return { word: state, published: state, verdict: "good" };
  const reason = `The BGP session of ${address.host} with ${peer} in ${instance} is ${state}`;
  return { word: state, published: state, verdict: "bad", reason };
}

/** Junos writes `peer-address` with the port behind a plus sign while there is a connection. */
function isPeer(entry: XmlElement, peer: string, instance: string): boolean {
  const found = text(entry, "peer-address").split("+")[0] ?? "";
  const routingInstance = text(entry, "peer-cfg-rti");
  return found.toLowerCase() === peer.toLowerCase() && (routingInstance === "" || routingInstance === instance);
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
