import { SignalboxError } from "../../errors.ts";
import { element, type XmlElement } from "../../xml/element.ts";
import type { RouterAddress } from "../ports.ts";
import type { OperationalSessions } from "./operational-sessions.ts";

/** How Junos says with an rpc-error that what is asked for is not there: an instance, a filter, or a daemon that nothing configures. */
const ABSENT = /not found|does not exist|no such|not running|not needed by configuration|not configured/i;

/**
 * A router's answer to an operational question; an empty one when the router says that there is nothing of the kind.
 * @throws what `OperationalSessions.ask` throws
 */
export async function askRouter(
  sessions: OperationalSessions,
  address: RouterAddress,
  question: XmlElement,
): Promise<XmlElement> {
  try {
    return await sessions.ask(address, question);
  } catch (error) {
    if (error instanceof SignalboxError && error.code === "SB_RPC_FAILED" && ABSENT.test(error.message))
      return element("rpc-reply");
    throw error;
  }
}
