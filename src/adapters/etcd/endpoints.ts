import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import type { Clock } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { EtcdClient } from "./etcd-client.ts";

/** Where etcd is and how to get in. Files are read once, at the start. */
export interface EtcdAccess {
  /** Client URLs of the members, as in `https://etcd-1.example:2379`; all http or all https. */
  readonly endpoints: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly tls?: {
    /** Certificates of the authorities that sign etcd's certificate, PEM; the well-known ones without it. */
    readonly ca?: string;
    readonly caFile?: string;
    /** Client certificate with its private key, PEM. */
    readonly certificate?: string;
    readonly certificateFile?: string;
    readonly key?: string;
    readonly keyFile?: string;
    /** The name that etcd's certificate has, when it is not the one in the endpoint. */
    readonly serverName?: string;
  };
}

/** etcd refuses clients that ping more often than every 5 s (--grpc-keepalive-min-time). */
const keepaliveMs = 10_000;
const keepaliveTimeoutMs = 5000;

/** One client per endpoint. @throws SB_CONFIG_INVALID */
export function clientsFor(access: EtcdAccess, clock: Clock): EtcdClient[] {
  const { user, tls } = access;
  const secure = schemeOf(access.endpoints) === "https:";
  const password = textOf("password", access.password, access.passwordFile);
  if ((user === undefined) !== (password === undefined)) throw invalid("etcd's user and password are given together");
  if (!secure && tls !== undefined) throw invalid("TLS settings are given, but the etcd endpoints are not https");
  const ca = textOf("CA", tls?.ca, tls?.caFile);
  const certificate = textOf("client certificate", tls?.certificate, tls?.certificateFile);
  const key = textOf("client certificate's key", tls?.key, tls?.keyFile);
  if ((certificate === undefined) !== (key === undefined)) {
    throw invalid("etcd's client certificate and its key are given together");
  }
  const credentials = {
    rootCertificate: Buffer.from(ca ?? rootCertificates.join("\n")),
    ...(certificate === undefined || key === undefined
      ? {}
      : { certChain: Buffer.from(certificate), privateKey: Buffer.from(key) }),
  };
  const grpcOptions = {
    // Large ranges; etcd limits what is written.
    "grpc.max_receive_message_length": -1,
    // A connection whose other end is gone is found although nothing is sent over it but a watch.
    "grpc.keepalive_time_ms": keepaliveMs,
    "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    // A new channel starts with a new connection, not with the pause of a failed one.
    "grpc.use_local_subchannel_pool": 1,
    // The variables http_proxy and https_proxy are not meant for a store.
    "grpc.enable_http_proxy": 0,
    ...(tls?.serverName === undefined ? {} : { "grpc.ssl_target_name_override": tls.serverName }),
  };
  const login = user === undefined || password === undefined ? undefined : { user, password };
  return access.endpoints.map(
    (endpoint) =>
      new EtcdClient({ endpoint, clock, login, credentials: secure ? credentials : undefined, grpcOptions }),
  );
}

function textOf(what: string, text: string | undefined, file: string | undefined): string | undefined {
  if (file === undefined) return text;
  if (text !== undefined) throw invalid(`etcd's ${what} is given both as text and as a file`);
  try {
    const content = readFileSync(file, "utf8");
    return what === "password" ? content.trimEnd() : content;
  } catch (cause) {
    throw invalid(`The file of etcd's ${what}, ${file}, cannot be read`, cause);
  }
}

function schemeOf(endpoints: readonly string[]): string {
  const schemes = new Set<string>();
  for (const endpoint of endpoints) {
    const scheme = /^(https?:)\/\/(\[[0-9A-Fa-f:.]+\]|[^\s/:@?#]+):\d+$/.exec(endpoint)?.[1];
    if (scheme === undefined) throw invalid(`The etcd endpoint ${endpoint} is not of the form http(s)://host:port`);
    schemes.add(scheme);
  }
  const [scheme] = schemes;
  if (scheme === undefined) throw invalid("No etcd endpoint is given");
  if (schemes.size > 1) throw invalid("The etcd endpoints are partly http and partly https");
  return scheme;
}

function invalid(message: string, cause?: unknown): SignalboxError {
  return new SignalboxError("SB_CONFIG_INVALID", message, cause === undefined ? {} : { cause });
}
