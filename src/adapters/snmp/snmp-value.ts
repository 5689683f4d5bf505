import type { Varbind } from "net-snmp";
import type { SnmpValue } from "../../actors/ports.ts";

/** ASN.1 tags of RFC 3416 section 3 whose values are not plain numbers or text. */
const COUNTER64 = 0x46;
const NO_SUCH_OBJECT = 0x80;
const NO_SUCH_INSTANCE = 0x81;
const END_OF_MIB_VIEW = 0x82;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** True for the three "there is nothing here" markers of an SNMPv2 variable binding. */
export function isMissing(varbind: Varbind): boolean {
  return varbind.type === NO_SUCH_OBJECT || varbind.type === NO_SUCH_INSTANCE || varbind.type === END_OF_MIB_VIEW;
}

/**
 * The value of a variable binding: Counter64 as bigint, other numbers as number, octet strings as text (or as
 * colon-separated hex when they are not text, such as MAC addresses), object identifiers and addresses in dots.
 * Undefined when the instance does not exist.
 */
export function snmpValue(varbind: Varbind): SnmpValue | undefined {
  if (isMissing(varbind)) return undefined;
  const { value } = varbind;
  if (Buffer.isBuffer(value)) return varbind.type === COUNTER64 ? unsigned(value) : textOrHex(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  return value ?? undefined;
}

function unsigned(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString("hex")}`);
}

function textOrHex(bytes: Buffer): string {
  try {
    const text = utf8.decode(bytes);
    if (!hasControlCharacters(text)) return text;
  } catch {
    // Not UTF-8: shown as hex below.
  }
  return bytes.toString("hex").replace(/..(?=.)/g, "$&:");
}

/** Tab, line feed and carriage return are text (sysDescr of many devices has them); other controls are binary data. */
function hasControlCharacters(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if ((code < 0x20 && code !== 9 && code !== 10 && code !== 13) || code === 0x7f) return true;
  }
  return false;
}
