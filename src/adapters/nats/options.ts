import type { Clock, Logger, Random } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

/** Where NATS is and how to get in. Files are read again for each connection, so that rotated ones need no restart. */
export interface NatsAccess {
  /** `host:port`, `nats://host:port` or `tls://host:port` of some or all servers; the others are learnt from them. */
  readonly servers: readonly string[];
  /** How the server's monitoring shows this connection, default "signalbox". */
  readonly name?: string;
  readonly user?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  /** File with an nkey seed (SU...). */
  readonly nkeySeedFile?: string;
  /** File with a user's JWT and seed, as `nsc` writes it (.creds). */
  readonly credentialsFile?: string;
  readonly tls?: {
    /** Certificates of the authorities that sign the servers' certificates, PEM; the well-known ones without it. */
    readonly ca?: string;
    readonly caFile?: string;
    /** Client certificate with its private key, PEM. */
    readonly certificate?: string;
    readonly certificateFile?: string;
    readonly key?: string;
    readonly keyFile?: string;
    /** The server speaks TLS from the first byte (`handshake_first`, NATS 2.10.4). */
    readonly handshakeFirst?: boolean;
  };
  /** First token of the subjects that answers come to, default "_INBOX"; for users who may not subscribe to all of it. */
  readonly inboxPrefix?: string;
}

/** What the streams are made with. A later start with other values changes the streams that are there. */
export interface StreamSettings {
  /** First token of all subjects and stream names, default "signalbox". */
  readonly namespace?: string;
  /** Default "file". It cannot be changed once the streams are there. */
  readonly storage?: "file" | "memory";
  /** Servers that hold a copy of each stream: 1, 3 or 5; default 1. */
  readonly replicas?: number;
  /** Records kept per subject of the log, default 1000. The last one is always kept. */
  readonly historyPerSubject?: number;
  /** Upper bound of each stream in bytes; a write beyond it is refused. None by default. */
  readonly maxBytes?: number;
  /** How long the server itself knows message ids, in ms, default 120,000. Correctness does not rest on it. */
  readonly duplicateWindowMs?: number;
}

export interface NatsTimeouts {
  /** For one connection to one server, default 5000 ms. */
  readonly connectMs?: number;
  /** For the first connection and the first answer of JetStream after the start, default 10,000 ms. */
  readonly openMs?: number;
  /** For one request to JetStream, default 5000 ms. */
  readonly requestMs?: number;
  /** How long a caller waits over an outage before it gets an error, default 30,000 ms. */
  readonly patienceMs?: number;
  /** Interval of the signs of life that a waiting reader gets from the server, default 5000 ms. After 2.5 times that it starts anew. */
  readonly heartbeatMs?: number;
}

export interface NatsOptions extends NatsAccess, StreamSettings {
  readonly timeouts?: NatsTimeouts;
  /** False when it is known that there was a log: a stream that is gone is not replaced by an empty one. Default true. */
  readonly mayCreateLog?: boolean;
  /** Between two tries of the same server: `waitMs` (default 250) and up to `jitterMs` (default 750) more. Tried without end. */
  readonly reconnect?: { readonly waitMs?: number; readonly jitterMs?: number };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** All settings, with the defaults filled in. */
export interface Settings {
  readonly namespace: string;
  readonly storage: "file" | "memory";
  readonly replicas: number;
  readonly historyPerSubject: number;
  readonly maxBytes: number;
  readonly duplicateWindowMs: number;
  readonly timeouts: Required<NatsTimeouts>;
  readonly reconnect: { readonly waitMs: number; readonly jitterMs: number };
}

/** @throws SB_CONFIG_INVALID naming the setting */
export function settingsOf(options: NatsOptions): Settings {
  const namespace = options.namespace ?? "signalbox";
  if (!/^[A-Za-z0-9_-]+$/.test(namespace)) {
    throw invalid(`the NATS namespace "${namespace}" has other characters than letters, digits, _ and -`);
  }
  const replicas = options.replicas ?? 1;
  if (![1, 3, 5].includes(replicas)) throw invalid(`the NATS replicas are ${replicas}, not 1, 3 or 5`);
  const historyPerSubject = options.historyPerSubject ?? 1000;
  if (!Number.isInteger(historyPerSubject) || historyPerSubject < 1) {
    throw invalid(`the records kept per subject are ${historyPerSubject}, not 1 or more`);
  }
  return {
    namespace,
    storage: options.storage ?? "file",
    replicas,
    historyPerSubject,
    maxBytes: options.maxBytes ?? -1,
    duplicateWindowMs: options.duplicateWindowMs ?? 120_000,
    timeouts: {
      connectMs: 5000,
      openMs: 10_000,
      requestMs: 5000,
      patienceMs: 30_000,
      heartbeatMs: 5000,
      ...options.timeouts,
    },
    reconnect: { waitMs: 250, jitterMs: 750, ...options.reconnect },
  };
}

export function invalid(message: string, cause?: unknown): SignalboxError {
  return new SignalboxError("SB_CONFIG_INVALID", message, cause === undefined ? {} : { cause });
}

/** A server's address without a login that somebody may have written into it. */
export function withoutLogin(server: string): string {
  return server.replace(/\/\/[^@/]*@/, "//");
}
