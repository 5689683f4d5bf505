import Type, { type Static } from "typebox";
import type { Clock, Logger } from "../actors/ports.ts";
import type { RequestSourceOptions } from "../adapters/http/request-source.ts";
import type { HttpTls } from "../adapters/http/secure-server.ts";
import { ServerCertificate } from "../adapters/http/server-certificate.ts";
import { SignalboxError } from "../errors.ts";
import { type Entry, isLoopback } from "./access-settings.ts";

const strict = { additionalProperties: false } as const;

const text = Type.String({ minLength: 1 });

/** Whose a client's certificate is. */
const client = Type.Object(
  {
    subject: Type.Optional(text),
    san: Type.Optional(text),
    name: Type.String({ pattern: "^[\\w.@-]{1,64}$" }),
    role: Type.Enum(["admin", "operator", "member", "reader"]),
    tenant: Type.Optional(Type.String({ pattern: "^[0-9A-Fa-f-]{32,36}$" })),
  },
  strict,
);

/** The `http` section of the configuration. */
export const httpSchema = Type.Object(
  {
    allowed_hosts: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    allowed_origins: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    tls: Type.Optional(
      Type.Object(
        {
          certificate_file: text,
          key_file: text,
          min_version: Type.Optional(Type.Enum(["1.2", "1.3"])),
          ciphers: Type.Optional(text),
          client_ca_file: Type.Optional(text),
          client_certificates: Type.Optional(Type.Enum(["optional", "required"])),
          clients: Type.Optional(Type.Array(client)),
        },
        strict,
      ),
    ),
  },
  strict,
);

export type HttpSettings = Static<typeof httpSchema>;

/**
 * From where a process takes requests over HTTP. Where every request brings a token, a name that somebody else has pointed here gives him
 * nothing; everywhere else only names that are known lead here.
 * @param entry undefined where there is nothing but health to be had
 * @param names those that the server's certificate is for
 */
export function requestSourceOf(
  settings: HttpSettings,
  host: string,
  entry: Entry | undefined,
  names: readonly string[] = [],
): RequestSourceOptions {
  const { allowed_hosts: hosts, allowed_origins: origins } = settings;
  // A browser shows its certificate to whatever page makes it ask.
  const hasSecret = entry === undefined || (entry === "tokens" && settings.tls?.clients === undefined);
  const isAny = hosts === undefined && !isLoopback(host) && hasSecret;
  return {
    hosts: isAny ? "any" : [...(hosts ?? []), ...listened(host), ...names],
    ...(origins === undefined ? {} : { origins }),
    noProxies: entry === "local",
  };
}

/**
 * Opens the server's certificate, where HTTP is spoken over TLS.
 * @throws SB_CONFIG_INVALID when a file cannot be used, or settings contradict each other
 */
export async function openTls(
  { tls }: HttpSettings,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<HttpTls | undefined> {
  if (tls === undefined) return undefined;
  const { client_ca_file: ca, client_certificates: how, clients } = tls;
  if (ca === undefined && (how !== undefined || clients !== undefined))
    throw new SignalboxError("SB_CONFIG_INVALID", "http.tls asks clients for certificates and trusts no authority", {
      advice: "Name http.tls.client_ca_file, or leave client_certificates and clients out.",
    });
  const certificate = await ServerCertificate.open({
    certificateFile: tls.certificate_file,
    keyFile: tls.key_file,
    minVersion: tls.min_version as "1.2" | "1.3" | undefined,
    ciphers: tls.ciphers,
    clientCaFile: ca,
    clock,
    logger,
  });
  return { certificate, clients: ca === undefined ? undefined : ((how ?? "optional") as "optional" | "required") };
}

/** The name that the address was given by; every address stands for itself. */
function listened(host: string): string[] {
  return /^[A-Za-z][\w.-]*$/.test(host) ? [host] : [];
}
