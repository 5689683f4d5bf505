import { describe, expect, it } from "vitest";
import { checkCredential, type SnmpCredential } from "../../../src/adapters/snmp/snmp-credential.ts";

const good = {
  version: "3",
  user: "watcher",
  level: "authPriv",
  authProtocol: "sha",
  authKey: "correct-auth-key",
  privProtocol: "aes",
  privKey: "correct-priv-key",
} as const;

const message = (credential: SnmpCredential): string => {
  try {
    checkCredential("EDGE_ROUTER_COMMUNITY", credential);
    return "";
  } catch (error) {
    return String(error);
  }
};

describe("an SNMP credential", () => {
  it("is accepted when it can work", () => {
    expect(message(good)).toBe("");
    expect(message({ version: "2c", community: "public" })).toBe("");
    expect(message({ version: "3", user: "reader", level: "noAuthNoPriv" })).toBe("");
  });

  it("is refused by the community's name and with a way out when it wants DES", () => {
    expect(message({ ...good, privProtocol: "des" })).toMatch(/EDGE_ROUTER_COMMUNITY.*des.*use aes/);
  });

  it.each([
    ["the authProtocol", { ...good, authProtocol: "crc32" }],
    ["the authKey", { ...good, authKey: "short" }],
    ["the privProtocol", { ...good, privProtocol: "rot13" }],
    ["the privKey", { ...good, privKey: "short" }],
    ["the user", { ...good, user: "" }],
    ["the community is empty", { version: "2c", community: "" }],
  ] as const)("is refused when %s is wrong, and no key is shown", (what, credential) => {
    expect(message(credential)).toContain(what);
    expect(message(credential)).not.toMatch(/correct-|short$/);
  });
});
