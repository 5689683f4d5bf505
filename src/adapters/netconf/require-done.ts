import { SignalboxError } from "../../errors.ts";
import { findElement, type XmlElement } from "../../xml/element.ts";

/**
 * What says that an operation was done: `<ok/>` (RFC 6241 section 4.4), Junos' results of a load or a check, or a warning, beside which some
 * devices leave `<ok/>` out.
 */
const DONE = ["ok", "load-success", "commit-check-success", "commit-results", "rpc-error"];

/**
 * Holds an operation without an answer of its own (lock, unlock, discard, load, validate) to a reply that says it was done: an empty reply of
 * a load may be the candidate of another router of the pair alone.
 * @param reply without rpc-errors but warnings
 * @throws SB_DEVICE_PROTOCOL
 */
export function requireDone(reply: XmlElement, operation: string, device: string): void {
  if (DONE.some((name) => findElement(reply, name) !== undefined)) return;
  const message = `${device} answers ${operation} without saying that it was done`;
  throw new SignalboxError("SB_DEVICE_PROTOCOL", message, { device });
}
