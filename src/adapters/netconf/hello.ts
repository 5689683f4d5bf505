import { SignalboxError } from "../../errors.ts";
import { child, childrenNamed, childText, element, serializeXml, type XmlElement } from "../../xml/element.ts";
import { saidNo } from "./connect-errors.ts";
import { passingReason } from "./passing-conditions.ts";
import { readReply } from "./read-reply.ts";
import { describe, failures, rpcErrors } from "./rpc-errors.ts";

/** Namespace of RFC 6241's messages and operations, of both protocol versions. */
export const NETCONF_NAMESPACE = "urn:ietf:params:xml:ns:netconf:base:1.0";
export const BASE_1_0 = "urn:ietf:params:netconf:base:1.0";
export const BASE_1_1 = "urn:ietf:params:netconf:base:1.1";

export interface Hello {
  readonly sessionId: string;
  readonly capabilities: ReadonlySet<string>;
}

/** Our side of the capabilities exchange (RFC 6241 section 8.1). */
export function clientHello(): string {
  const capabilities = [BASE_1_0, BASE_1_1].map((uri) => element("capability", uri, {}, NETCONF_NAMESPACE));
  const body = [element("capabilities", capabilities, {}, NETCONF_NAMESPACE)];
  return `<?xml version="1.0" encoding="UTF-8"?>${serializeXml(element("hello", body, {}, NETCONF_NAMESPACE))}`;
}

/**
 * Reads the device's hello; comments and declarations may precede it.
 * @throws SB_DEVICE_PROTOCOL when the text is no hello or lacks a session id
 */
export function parseHello(text: string): Hello {
  let hello: XmlElement;
  try {
    hello = readReply(text);
  } catch (cause) {
    throw new SignalboxError("SB_DEVICE_PROTOCOL", "the device's first message is not XML", { cause });
  }
  if (hello.name !== "hello") throw noHello(hello);
  const sessionId = childText(hello, "session-id") ?? "";
  if (!/^[1-9][0-9]*$/.test(sessionId)) {
    throw new SignalboxError("SB_DEVICE_PROTOCOL", "the device's hello has no session-id");
  }
  const list = child(hello, "capabilities");
  const capabilities = new Set(list === undefined ? [] : childrenNamed(list, "capability").map(({ text: uri }) => uri));
  return { sessionId, capabilities };
}

/** Devices that give no session may say so in an rpc-error in place of the hello. */
function noHello(message: XmlElement): SignalboxError {
  const errors = failures(rpcErrors(message.name === "rpc-error" ? element("rpc-reply", [message]) : message));
  const [first] = errors;
  if (first === undefined) {
    return new SignalboxError("SB_DEVICE_PROTOCOL", `the device's first message is <${message.name}>, not <hello>`);
  }
  const what = `the device gives no session: ${errors.map(describe).join("; ")}`;
  const passing = passingReason(errors);
  if (passing !== undefined) return new SignalboxError("SB_DEVICE_REFUSED", what, { advice: passing.condition.advice });
  const refused = saidNo(
    errors.map(({ tag, message }) => (tag === "access-denied" ? "access denied" : message)).join("\n"),
  );
  return refused === undefined
    ? new SignalboxError("SB_DEVICE_PROTOCOL", what)
    : new SignalboxError(refused.code, what, refused);
}

/** True when the device has a capability, whatever parameters follow its URI. */
export function hasCapability(capabilities: ReadonlySet<string>, uri: string): boolean {
  if (capabilities.has(uri)) return true;
  for (const candidate of capabilities) if (candidate.startsWith(`${uri}?`)) return true;
  return false;
}
