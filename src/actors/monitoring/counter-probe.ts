import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import { element } from "../../xml/element.ts";
import type { Secrets } from "../ports.ts";
import type { OperationalSessions } from "./operational-sessions.ts";
import { addressOf, elementsNamed, text } from "./router-probes.ts";
import { textSetting } from "./target-settings.ts";
import { active, down } from "./target-status.ts";

/**
 * A counter of a firewall filter, by Junos get-firewall-counter-information: it is well when the router counts with it.
 * @throws what `OperationalSessions.ask` throws; SB_SECRET_UNREADABLE
 */
export async function probeCounter(
  target: MonitoringTarget,
  sessions: OperationalSessions,
  secrets: Secrets,
): Promise<TargetStatus> {
  const filter = textSetting(target, "filter");
  const counter = textSetting(target, "counter");
  const address = addressOf(target, secrets);
  const question = element("get-firewall-counter-information", [
    element("countername", counter),
    element("filter", filter),
  ]);
  const reply = await sessions.ask(address, question);
  const counts = elementsNamed(reply, "filter-information")
    .filter((entry) => text(entry, "filter-name") === filter)
    .flatMap((entry) => elementsNamed(entry, "counter"))
    .some((entry) => text(entry, "counter-name") === counter && /^\d+$/.test(text(entry, "byte-count")));
  return counts ? active : down(`${address.host} has no counter ${counter} in its filter ${filter}`);
}
