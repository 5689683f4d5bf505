import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import { element } from "../../xml/element.ts";
import type { Secrets } from "../ports.ts";
import { askRouter } from "./ask-router.ts";
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
  const reply = await askRouter(sessions, address, question);
  const counts = elementsNamed(reply, "filter-information")
    .filter((entry) => isNamed(text(entry, "filter-name"), filter))
    .flatMap((entry) => elementsNamed(entry, "counter"))
    .some((entry) => isNamed(text(entry, "counter-name"), counter) && /^\d+$/.test(text(entry, "byte-count")));
  return counts ? active : down(`${address.host} has no counter ${counter} in its filter ${filter}`);
}

/** Of an interface-specific filter Junos makes one for each interface, `<name>-<interface>-i` or `-o`, and so with its counters. */
function isNamed(found: string, wanted: string): boolean {
  return found === wanted || (found.startsWith(`${wanted}-`) && /^-[^\s]+\.\d+-[io]$/.test(found.slice(wanted.length)));
}
