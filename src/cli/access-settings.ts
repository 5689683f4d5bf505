import { isIP, isIPv6 } from "node:net";
import Type, { type Static } from "typebox";
import { type Authenticator, everybody } from "../actors/access/gatekeeper.ts";
import type { Rate } from "../actors/access/rate-limit.ts";
import type { StreamLimits } from "../actors/access/stream-permits.ts";
import type { Clock, Logger } from "../actors/ports.ts";
import { type CertificateOwner, withCertificates } from "../adapters/access/certificates.ts";
import { openJwt } from "../adapters/access/jwt.ts";
import { TokenFile } from "../adapters/access/token-file.ts";
import { canonicalAddress } from "../adapters/http/authority.ts";
import { SignalboxError } from "../errors.ts";
import { requirePrivateFile } from "./private-files.ts";

const strict = { additionalProperties: false } as const;
const text = Type.Optional(Type.String({ minLength: 1 }));

/** The `access` section of the configuration. */
export const accessSchema = Type.Object(
  {
    open: Type.Optional(Type.Boolean()),
    tokens_file: text,
    jwt: Type.Optional(
      Type.Object(
        {
          jwks_url: text,
          jwks_file: text,
          key_file: text,
          issuer: text,
          audience: text,
          role_claim: text,
          tenant_claim: text,
          max_life_s: Type.Optional(Type.Integer({ minimum: 1 })),
        },
        strict,
      ),
    ),
    requests_per_second: Type.Optional(Type.Number({ minimum: 0.1 })),
    burst: Type.Optional(Type.Integer({ minimum: 1 })),
    streams_per_caller: Type.Optional(Type.Integer({ minimum: 1, maximum: 448 })),
    streams_per_tenant: Type.Optional(Type.Integer({ minimum: 1, maximum: 448 })),
  },
  strict,
);

type AccessSettings = Static<typeof accessSchema>;

/** Who may come in. @throws SB_CONFIG_INVALID */
export async function openAuthenticator(
  settings: AccessSettings,
  owners: readonly CertificateOwner[] | undefined,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<Authenticator> {
  const tokens = await openTokens(settings, { clock, logger });
  return owners === undefined ? (tokens ?? everybody) : withCertificates(owners, tokens, clock);
}

async function openTokens(
  { tokens_file: file, jwt }: AccessSettings,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<Authenticator | undefined> {
  const tokens =
    file === undefined
      ? undefined
      : await TokenFile.open(file, {
          clock,
          logger,
          requirePrivate: (path) => requirePrivateFile(path, "access.tokens_file"),
        });
  const signed =
    jwt &&
    (await openJwt({
      clock,
      ...(jwt.jwks_url === undefined ? {} : { jwksUrl: jwt.jwks_url }),
      ...(jwt.jwks_file === undefined ? {} : { jwksFile: jwt.jwks_file }),
      ...(jwt.key_file === undefined ? {} : { keyFile: jwt.key_file }),
      ...(jwt.issuer === undefined ? {} : { issuer: jwt.issuer }),
      ...(jwt.audience === undefined ? {} : { audience: jwt.audience }),
      ...(jwt.role_claim === undefined ? {} : { roleClaim: jwt.role_claim }),
      ...(jwt.tenant_claim === undefined ? {} : { tenantClaim: jwt.tenant_claim }),
      ...(jwt.max_life_s === undefined ? {} : { maxLifeS: jwt.max_life_s }),
    }));
  if (tokens === undefined || signed === undefined) return tokens ?? signed;
  // A signed token has two dots (RFC 7519 section 3.1); those of the file are whatever their maker chose.
  return {
    authenticate: (token) =>
      /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token ?? "") ? signed.authenticate(token) : tokens.authenticate(token),
  };
}

/** The limit of each token. */
export function rateOf({ requests_per_second: perSecond, burst }: AccessSettings): Rate | undefined {
  return perSecond === undefined ? undefined : { perSecond, burst: burst ?? Math.max(1, Math.ceil(perSecond * 2)) };
}

/** How many streams may be open. Where nobody needs a token all callers are one, and only the process has a limit. */
export function streamLimitsOf(
  { streams_per_caller: perCaller, streams_per_tenant: perTenant }: AccessSettings,
  entry: Entry | undefined,
): Partial<StreamLimits> {
  if (entry !== "tokens") return { perCaller: Number.POSITIVE_INFINITY };
  return { ...(perCaller === undefined ? {} : { perCaller }), ...(perTenant === undefined ? {} : { perTenant }) };
}

/**
 * How it is known who asks: by `tokens`; not at all, because the configuration says that the system is `open`; or not at all because only
 * programs of this machine come here (`local`).
 */
export type Entry = "tokens" | "open" | "local";

export interface Transports {
  /** Address that HTTP listens at, where it serves more than health. */
  readonly http: string | undefined;
  /** Whether requests are taken from NATS: whoever reaches its servers sends them, from wherever. */
  readonly nats: boolean;
  /** Whether certificates say who clients are. */
  readonly certificates?: boolean;
}

/**
 * Whoever gets in can order and delete, so that nobody needs a token is never a matter of what was left out.
 * @throws SB_CONFIG_INVALID when a transport can be reached from elsewhere, and neither tokens nor `access: open` are set up
 */
export function entryOf(settings: AccessSettings, { http, nats, certificates }: Transports): Entry {
  const wantsTokens = settings.tokens_file !== undefined || settings.jwt !== undefined || certificates === true;
  if (wantsTokens && settings.open === true)
    throw new SignalboxError(
      "SB_CONFIG_INVALID",
      "access is open, and tokens or client certificates are set up as well",
      {
        advice: "Leave one of them out: where access is open nobody's token or certificate is looked at.",
      },
    );
  if (wantsTokens) return "tokens";
  if (settings.open === true) return "open";
  const advice =
    "Name access.tokens_file or access.jwt in the configuration (docs/access.md)" +
    (http !== undefined && !isLoopback(http) ? ", or listen on 127.0.0.1" : "") +
    ". If everybody who gets there shall be an admin, say `access: open`.";
  if (http !== undefined && !isLoopback(http))
    throw new SignalboxError(
      "SB_CONFIG_INVALID",
      `${http} can be reached from other machines, and no tokens are set up`,
      {
        advice,
      },
    );
  if (nats)
    throw new SignalboxError(
      "SB_CONFIG_INVALID",
      "every client of the NATS servers reaches the API over NATS, and no tokens are set up",
      { advice },
    );
  return "local";
}

/** Whether only this machine reaches an address. A name other than localhost may lead anywhere. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  if (isIPv6(host)) return canonicalAddress(host) === "::1" || canonicalAddress(host).startsWith("127.");
  return /^localhost\.?$/i.test(host);
}
