import snmp, { type User } from "net-snmp";
import { SignalboxError } from "../../errors.ts";

/** What stands behind a community's name in the configuration. */
export type SnmpCredential =
  | { readonly version: "2c"; readonly community: string }
  | {
      readonly version: "3";
      readonly user: string;
      readonly level: "noAuthNoPriv" | "authNoPriv" | "authPriv";
      /** md5, sha, sha224, sha256, sha384 or sha512. */
      readonly authProtocol?: string;
      readonly authKey?: string;
      /** aes (128 bit, RFC 3826), aes256b or aes256r. */
      readonly privProtocol?: string;
      readonly privKey?: string;
    };

/**
 * Checks a credential before the first request, so that a mistake shows at the start and not as a silent device.
 * Keys are never part of the message.
 * @throws SB_CONFIG_INVALID naming the community and what is wrong with it
 */
export function checkCredential(name: string, credential: SnmpCredential): void {
  const wrong = (what: string) => new SignalboxError("SB_CONFIG_INVALID", `SNMP community ${name}: ${what}`);
  if (credential.version === "2c") {
    if (!credential.community) throw wrong("the community is empty");
    return;
  }
  if (credential.version !== "3") throw wrong("the version must be 2c or 3");
  if (!credential.user) throw wrong("the user is empty");
  if (!["noAuthNoPriv", "authNoPriv", "authPriv"].includes(credential.level))
    throw wrong("the level must be noAuthNoPriv, authNoPriv or authPriv");
  if (credential.level === "noAuthNoPriv") return;
  const authProtocol = credential.authProtocol ?? "";
  if (!["md5", "sha", "sha224", "sha256", "sha384", "sha512"].includes(authProtocol))
    throw wrong(`the authProtocol "${authProtocol}" must be md5, sha, sha224, sha256, sha384 or sha512`);
  // RFC 3414 section 11.2: passwords are at least eight characters long.
  if ((credential.authKey ?? "").length < 8) throw wrong("the authKey must have at least 8 characters");
  if (credential.level === "authNoPriv") return;
  const privProtocol = credential.privProtocol ?? "";
  if (privProtocol === "des" || privProtocol === "3des")
    throw wrong(`the privProtocol ${privProtocol} is not supported, DES is too weak; use aes on both sides`);
  if (!["aes", "aes256b", "aes256r"].includes(privProtocol))
    throw wrong(`the privProtocol "${privProtocol}" must be aes, aes256b or aes256r`);
  if ((credential.privKey ?? "").length < 8) throw wrong("the privKey must have at least 8 characters");
}

/** The user as net-snmp wants it. The credential has been checked. */
export function snmpUser(credential: Extract<SnmpCredential, { version: "3" }>): User {
  const user: User = { name: credential.user, level: snmp.SecurityLevel[credential.level] };
  if (credential.level === "noAuthNoPriv") return user;
  user.authProtocol = snmp.AuthProtocols[credential.authProtocol ?? ""] ?? "";
  user.authKey = credential.authKey ?? "";
  if (credential.level === "authNoPriv") return user;
  user.privProtocol = snmp.PrivProtocols[credential.privProtocol ?? ""] ?? "";
  user.privKey = credential.privKey ?? "";
  return user;
}
