import { getCiphers, getHashes } from "node:crypto";
import type { Algorithms } from "ssh2";
import { SignalboxError } from "../../errors.ts";
import { deviceWords } from "./device-words.ts";

/** Which SSH algorithms a device may use: those without known weaknesses, or also those that old releases of Junos need. */
export type AlgorithmSet = "modern" | "legacy";

/** Algorithm names by what they are for, best first. */
export interface AlgorithmLists {
  readonly kex: readonly string[];
  readonly serverHostKey: readonly string[];
  readonly cipher: readonly string[];
  readonly hmac: readonly string[];
}

const MODERN: AlgorithmLists = {
  kex: [
    "curve25519-sha256@libssh.org",
    "curve25519-sha256",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group15-sha512",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group17-sha512",
    "diffie-hellman-group18-sha512",
  ],
  serverHostKey: [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
  ],
  cipher: [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    "chacha20-poly1305@openssh.com",
  ],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
};

/** What stands behind the modern ones: SHA-1, DSA, CBC and short groups (RFC 9142, RFC 8332, RFC 8758). */
const OLD: AlgorithmLists = {
  kex: ["diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"],
  serverHostKey: ["ssh-rsa", "ssh-dss"],
  cipher: ["aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc"],
  hmac: ["hmac-sha1-etm@openssh.com", "hmac-sha1", "hmac-sha1-96", "hmac-md5"],
};

const KINDS = ["kex", "serverHostKey", "cipher", "hmac"] as const;
type Kind = (typeof KINDS)[number];

/** What this machine's OpenSSL must have for an algorithm of the lists; others are always there. */
const NEEDS: Readonly<Record<string, { readonly cipher?: string; readonly hash?: string }>> = {
  "chacha20-poly1305@openssh.com": { cipher: "chacha20" },
  "3des-cbc": { cipher: "des-ede3-cbc" },
  "aes256-cbc": { cipher: "aes-256-cbc" },
  "aes192-cbc": { cipher: "aes-192-cbc" },
  "aes128-cbc": { cipher: "aes-128-cbc" },
  "hmac-sha1-etm@openssh.com": { hash: "sha1" },
  "hmac-sha1": { hash: "sha1" },
  "hmac-sha1-96": { hash: "sha1" },
  "hmac-md5": { hash: "md5" },
};

function isThere(name: string): boolean {
  const { cipher, hash } = NEEDS[name] ?? {};
  return (cipher === undefined || getCiphers().includes(cipher)) && (hash === undefined || getHashes().includes(hash));
}

/** The algorithms of a set that this machine has. */
export function algorithmLists(set: AlgorithmSet): AlgorithmLists {
  const list = (kind: Kind) => [...MODERN[kind], ...(set === "legacy" ? OLD[kind] : [])].filter(isThere);
  return { kex: list("kex"), serverHostKey: list("serverHostKey"), cipher: list("cipher"), hmac: list("hmac") };
}

/**
 * The set as ssh2 takes it.
 * @param known types of the device's keys that are known: they are asked for first, as OpenSSH does it, so that a device with several keys is
 *   recognised
 */
export function sshAlgorithms(set: AlgorithmSet, known: readonly string[]): Algorithms {
  const { serverHostKey, ...lists } = algorithmLists(set);
  const signatures = known.flatMap((type) => (type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", type] : [type]));
  const first = signatures.filter((name) => serverHostKey.includes(name));
  const ordered = [...first, ...serverHostKey.filter((name) => !first.includes(name))];
  // The lists are ssh2's own names; its types are unions of literals.
  return { ...lists, serverHostKey: ordered } as unknown as Algorithms;
}

/** What a server offers in its KEXINIT (RFC 4253 section 7.1). */
export interface OfferedAlgorithms {
  readonly kex: readonly string[];
  readonly serverHostKey: readonly string[];
  /** For data to the server and from it. */
  readonly ciphers: readonly [readonly string[], readonly string[]];
  readonly hmacs: readonly [readonly string[], readonly string[]];
}

const NAMES: Readonly<Record<Kind, { readonly one: string; readonly junos: string }>> = {
  kex: { one: "key exchange method", junos: "key-exchange" },
  serverHostKey: { one: "host key algorithm", junos: "hostkey-algorithm" },
  cipher: { one: "cipher", junos: "ciphers" },
  hmac: { one: "MAC", junos: "macs" },
};
/** Not algorithms: marks that servers put among the key exchange methods (RFC 8308, OpenSSH's strict key exchange). */
const MARKS = /^(?:ext-info-[cs]|kex-strict-[cs]-.*)$/;
/** Ciphers that bring their own MAC (RFC 5647). */
const AUTHENTICATED = /gcm|poly1305/;

/**
 * Why a device and a set have no common algorithms, with what the device offers; undefined when they have.
 * It does not pass by itself.
 */
export function noCommonAlgorithm(
  device: string,
  set: AlgorithmSet,
  offered: OfferedAlgorithms,
): SignalboxError | undefined {
  const missing = missingKind(offered, algorithmLists(set));
  if (missing === undefined) return undefined;
  const { one, junos } = NAMES[missing.kind];
  const names = missing.offered.filter((name) => !MARKS.test(name));
  const offers = names.length === 0 ? "none" : deviceWords(names.join(", "));
  const message = `${device} and the algorithm set ${set} have no ${one} in common: the device offers ${offers}`;
  const helps = set === "modern" && missingKind(offered, algorithmLists("legacy")) === undefined;
  const enable = `enable a newer ${one} on the device (\`system services ssh ${junos}\`)`;
  const advice = helps
    ? `Set netconf.devices.<host>.algorithms to legacy for this device, or ${enable}.`
    : `No set has any of them: ${enable}.`;
  return new SignalboxError("SB_DEVICE_ALGORITHMS", message, { device, advice });
}

function missingKind(
  { kex, serverHostKey, ciphers, hmacs }: OfferedAlgorithms,
  ours: AlgorithmLists,
): { kind: Kind; offered: readonly string[] } | undefined {
  const agreed = (mine: readonly string[], theirs: readonly string[]) => mine.find((name) => theirs.includes(name));
  if (agreed(ours.kex, kex) === undefined) return { kind: "kex", offered: kex };
  if (agreed(ours.serverHostKey, serverHostKey) === undefined) return { kind: "serverHostKey", offered: serverHostKey };
  for (const offered of ciphers) if (agreed(ours.cipher, offered) === undefined) return { kind: "cipher", offered };
  for (const [direction, offered] of hmacs.entries()) {
    const cipher = agreed(ours.cipher, ciphers[direction] ?? []) ?? "";
    if (!AUTHENTICATED.test(cipher) && agreed(ours.hmac, offered) === undefined) return { kind: "hmac", offered };
  }
  return undefined;
}
