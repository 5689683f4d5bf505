import { isIP } from "node:net";
import Type, { type Static } from "typebox";
import { type Authenticator, everybody } from "../actors/access/gatekeeper.ts";
import type { Rate } from "../actors/access/rate-limit.ts";
import type { Clock, Logger } from "../actors/ports.ts";
import { openJwt } from "../adapters/access/jwt.ts";
import { TokenFile } from "../adapters/access/token-file.ts";
import { SignalboxError } from "../errors.ts";
import { requirePrivateFile } from "./private-files.ts";

const strict = { additionalProperties: false } as const;
const text = Type.Optional(Type.String({ minLength: 1 }));

/** The `access` section of the configuration. */
export const accessSchema = Type.Object(
  {
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
  },
  strict,
);

type AccessSettings = Static<typeof accessSchema>;

/** Who may come in. @throws SB_CONFIG_INVALID */
export async function openAuthenticator(
  { tokens_file: file, jwt }: AccessSettings,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<Authenticator> {
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
  if (tokens === undefined || signed === undefined) return tokens ?? signed ?? everybody;
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

/**
 * Whoever reaches the address can order and delete.
 * @throws SB_CONFIG_INVALID when others than this machine's own can and nobody needs a token
 */
export function requireTokens(host: string, settings: AccessSettings | undefined): void {
  if (settings?.tokens_file !== undefined || settings?.jwt !== undefined || isLoopback(host)) return;
  throw new SignalboxError(
    "SB_CONFIG_INVALID",
    `${host} can be reached from other machines, and no tokens are set up`,
    {
      advice: "Name access.tokens_file or access.jwt in the configuration (docs/access.md), or listen on 127.0.0.1.",
    },
  );
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "localhost" || host === "::1";
}
