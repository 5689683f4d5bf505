import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** A line of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
export interface KnownHost {
  /** Comma-separated patterns as written, or a hashed name `|1|salt|hash`. */
  readonly hosts: string;
  readonly revoked: boolean;
  /** Key type, such as ssh-ed25519. */
  readonly type: string;
  /** The public key as it goes over the wire. */
  readonly key: Buffer;
}

/** Reads a known_hosts file; lines that are no host key (comments, certificate authorities, damaged ones) are left out. */
export function parseKnownHosts(text: string): KnownHost[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith("@") ? fields.shift() : undefined;
    const [hosts, type, key] = fields;
    if (hosts === undefined || hosts.startsWith("#") || type === undefined || key === undefined) return [];
    if (marker !== undefined && marker !== "@revoked") return [];
    const blob = Buffer.from(key, "base64");
    return keyType(blob) === type ? [{ hosts, revoked: marker === "@revoked", type, key: blob }] : [];
  });
}

/** How a host is written in known_hosts: bare on port 22, `[host]:port` on any other. */
export function knownHostName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** Whether the patterns of a line cover a name made by `knownHostName`. */
export function matchesKnownHost(hosts: string, name: string): boolean {
  if (hosts.startsWith("|1|")) return matchesHashed(hosts, name);
  let matched = false;
  for (const written of hosts.split(",")) {
    const negated = written.startsWith("!");
    if (!wildcard(negated ? written.slice(1) : written).test(name)) continue;
    // A negated pattern that matches rules the whole line out.
    if (negated) return false;
    matched = true;
  }
  return matched;
}

function matchesHashed(hosts: string, name: string): boolean {
  const [, , salt, hash] = hosts.split("|");
  if (salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, "base64");
  const actual = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function wildcard(pattern: string): RegExp {
  const source = pattern
    .toLowerCase()
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`);
}

/** The type that a public key names itself (RFC 4253 section 6.6): a length and a string come first. */
export function keyType(key: Buffer): string {
  if (key.length < 4) return "";
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString("latin1");
}

/** The fingerprint as `ssh-keygen -l` shows it: `SHA256:` and base64 without padding. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}
