import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { SignalboxError } from "../../errors.ts";
import {
  fingerprint,
  type KnownHost,
  keyType,
  knownHostName,
  matchesKnownHost,
  parseKnownHosts,
} from "./known-hosts.ts";

/**
 * Whose host keys are trusted. Names are those of the resources (host and port of the edge_router), not the addresses
 * that an address book may send the connection to.
 */
export type HostKeyPolicy =
  /** OpenSSH's known_hosts file: `[host]:port` unless the port is 22, hashed names and `@revoked` included. */
  | { readonly mode: "known_hosts"; readonly file: string }
  /** Fingerprints by host or `[host]:port`, as `ssh-keygen -l` shows them (`SHA256:...`). */
  | { readonly mode: "pin"; readonly fingerprints: Readonly<Record<string, string>> }
  /** The first key seen is written to the file; from then on as known_hosts. */
  | { readonly mode: "accept-new"; readonly file: string }
  /** Any key. For labs. */
  | { readonly mode: "insecure" };

/** Judges the key that a device shows. */
export interface HostKeyChecker {
  /** Key types known for the device, best asked for first; empty when none is known. */
  knownTypes(host: string, port: number): Promise<string[]>;
  /** @throws SB_DEVICE_HOST_KEY with the fingerprint seen and what was expected */
  check(host: string, port: number, key: Buffer): Promise<void>;
}

/** Makes the checker of a policy. Files are read anew for each connection, so that a corrected entry counts at once. */
export function hostKeyChecker(policy: HostKeyPolicy): HostKeyChecker {
  switch (policy.mode) {
    case "insecure":
      return { knownTypes: async () => [], check: async () => undefined };
    case "pin":
      return pinned(policy.fingerprints);
    case "known_hosts":
    case "accept-new":
      return new KnownHostsFile(policy.file, policy.mode === "accept-new");
    default:
      return policy satisfies never;
  }
}

function pinned(fingerprints: Readonly<Record<string, string>>): HostKeyChecker {
  return {
    knownTypes: async () => [],
    check: async (host, port, key) => {
      const expected =
        fingerprints[knownHostName(host, port)] ?? fingerprints[`[${host}]:${port}`] ?? fingerprints[host];
      const seen = fingerprint(key);
      if (expected === undefined) throw refused(host, `no fingerprint is pinned for it; it shows ${seen}`);
      if (expected.replace(/=+$/, "") !== seen) throw refused(host, `it shows ${seen}, pinned is ${expected}`);
    },
  };
}

class KnownHostsFile implements HostKeyChecker {
  readonly #file: string;
  readonly #acceptNew: boolean;
  /** Checks run one after the other: two first sessions to one device must not trust two different keys. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(file: string, acceptNew: boolean) {
    this.#file = file;
    this.#acceptNew = acceptNew;
  }

  async knownTypes(host: string, port: number): Promise<string[]> {
    const entries = await this.#entries(host, port);
    return [...new Set(entries.filter(({ revoked }) => !revoked).map(({ type }) => type))];
  }

  check(host: string, port: number, key: Buffer): Promise<void> {
    const result = this.#queue.then(() => this.#check(host, port, key));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #check(host: string, port: number, key: Buffer): Promise<void> {
    const entries = await this.#entries(host, port);
    const seen = fingerprint(key);
    if (entries.some((entry) => entry.revoked && entry.key.equals(key))) {
      throw refused(host, `${this.#file} marks the key that it shows as revoked (${seen})`);
    }
    const trusted = entries.filter(({ revoked }) => !revoked);
    if (trusted.some((entry) => entry.key.equals(key))) return;
    const line = `${knownHostName(host, port)} ${keyType(key)} ${key.toString("base64")}`;
    if (trusted.length > 0) {
      const expected = trusted.map((entry) => fingerprint(entry.key)).join(" or ");
      throw refused(host, `it shows ${seen}, ${this.#file} expects ${expected}`);
    }
    if (!this.#acceptNew) {
      const advice = `If this is the device's key, add this line to ${this.#file}: ${line}`;
      throw refused(host, `${this.#file} has no key for ${knownHostName(host, port)}; it shows ${seen}`, advice);
    }
    await mkdir(dirname(this.#file), { recursive: true });
    const text = await this.#read();
    const start = text === "" || text.endsWith("\n") ? "" : "\n";
    await appendFile(this.#file, `${start}${line}\n`, { mode: 0o600 });
  }

  async #entries(host: string, port: number): Promise<KnownHost[]> {
    const name = knownHostName(host, port);
    return parseKnownHosts(await this.#read()).filter((entry) => matchesKnownHost(entry.hosts, name));
  }

  async #read(): Promise<string> {
    try {
      return await readFile(this.#file, "utf8");
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw new SignalboxError("SB_CONFIG_INVALID", `the known_hosts file ${this.#file} cannot be read`, { cause });
    }
  }
}

function refused(host: string, why: string, advice?: string): SignalboxError {
  const message = `the host key of ${host} is not trusted: ${why}`;
  return new SignalboxError("SB_DEVICE_HOST_KEY", message, {
    device: host,
    ...(advice === undefined ? {} : { advice }),
  });
}
