import { SignalboxError } from "../../errors.ts";
import { findElement, type XmlElement } from "../../xml/element.ts";

/**
 * A commit is done when the device says so: `<ok/>` (RFC 6241 section 8.3.4.1), or `<commit-success/>` of a routing engine of Junos.
 * @throws SB_DEVICE_PROTOCOL for a reply that says neither this nor that it failed
 */
export function checkAcknowledged(reply: XmlElement, device: string): void {
  if (findElement(reply, "ok") !== undefined || findElement(reply, "commit-success") !== undefined) return;
  throw new SignalboxError("SB_DEVICE_PROTOCOL", `${device} answers a commit neither with ok nor with an error`, {
    device,
  });
}
