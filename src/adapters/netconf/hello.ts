import { SignalboxError } from "../../errors.ts";
import { child, childrenNamed, childText, element, serializeXml, type XmlElement } from "../../xml/element.ts";
import { readReply } from "./read-reply.ts";

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
  if (hello.name !== "hello") {
    throw new SignalboxError("SB_DEVICE_PROTOCOL", `the device's first message is <${hello.name}>, not <hello>`);
  }
  const sessionId = childText(hello, "session-id") ?? "";
  if (!/^[1-9][0-9]*$/.test(sessionId)) {
    throw new SignalboxError("SB_DEVICE_PROTOCOL", "the device's hello has no session-id");
  }
  const list = child(hello, "capabilities");
  const capabilities = new Set(list === undefined ? [] : childrenNamed(list, "capability").map(({ text: uri }) => uri));
  return { sessionId, capabilities };
}

/** True when the device has a capability, whatever parameters follow its URI. */
export function hasCapability(capabilities: ReadonlySet<string>, uri: string): boolean {
  if (capabilities.has(uri)) return true;
  for (const candidate of capabilities) if (candidate.startsWith(`${uri}?`)) return true;
  return false;
}
