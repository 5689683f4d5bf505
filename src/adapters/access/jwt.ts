import { readFile } from "node:fs/promises";
import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { AccessRole } from "../../actors/access/caller.ts";
import type { Authenticator, Identity } from "../../actors/access/gatekeeper.ts";
import type { Clock } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

export interface JwtOptions {
  /** Where the issuer publishes its keys (RFC 7517). */
  readonly jwksUrl?: string;
  /** File with such a set. */
  readonly jwksFile?: string;
  /** File with a key of at least 32 bytes that the issuer shares, for HS256. */
  readonly keyFile?: string;
  readonly issuer?: string;
  readonly audience?: string;
  /** Claim with the role ("role"). */
  readonly roleClaim?: string;
  /** Claim with the tenant's id ("tenant_id"). */
  readonly tenantClaim?: string;
  readonly clock: Clock;
}

const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
/** How far clocks may be apart, seconds. */
const TOLERANCE_S = 30;
const ROLES: readonly AccessRole[] = ["admin", "operator", "member", "reader"];

type Key = { readonly key: Uint8Array | JWTVerifyGetKey; readonly algorithms: string[] };

/**
 * JSON web tokens (RFC 7519): signed by a key of the set or with the shared key, not expired, with subject, role and, for a member or reader,
 * a tenant. The algorithm is never the token's choice: a set verifies asymmetric signatures only.
 * @throws SB_CONFIG_INVALID when a file cannot be read or used
 */
export async function openJwt(options: JwtOptions): Promise<Authenticator> {
  const { key, algorithms } = await keyOf(options);
  return {
    async authenticate(token): Promise<Identity> {
      if (token === undefined) throw refused("the request brings no token");
      const settings = {
        algorithms,
        clockTolerance: TOLERANCE_S,
        currentDate: new Date(options.clock.now()),
        requiredClaims: ["sub", "exp"],
        ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
        ...(options.audience === undefined ? {} : { audience: options.audience }),
      };
      try {
        // The two overloads take one kind of key each.
        const { payload } =
          typeof key === "function" ? await jwtVerify(token, key, settings) : await jwtVerify(token, key, settings);
        return identityOf(payload, options);
      } catch (thrown) {
        if (thrown instanceof SignalboxError) throw thrown;
        if (thrown instanceof errors.JWKSTimeout || !(thrown instanceof errors.JOSEError)) {
          throw new SignalboxError("SB_NOT_READY", "the keys that tokens are signed with cannot be fetched", {
            cause: thrown,
            advice: "Check access.jwt.jwks_url and that the issuer answers.",
          });
        }
        throw refused(`the token is not valid: ${thrown.message}`, thrown);
      }
    },
  };
}

async function keyOf({ jwksUrl, jwksFile, keyFile }: JwtOptions): Promise<Key> {
  if ([jwksUrl, jwksFile, keyFile].filter((given) => given !== undefined).length !== 1) {
    throw new SignalboxError("SB_CONFIG_INVALID", "access.jwt needs one of jwks_url, jwks_file and key_file");
  }
  if (jwksUrl !== undefined) {
    if (!URL.canParse(jwksUrl))
      throw new SignalboxError("SB_CONFIG_INVALID", `access.jwt.jwks_url ${jwksUrl} is no URL`);
    return { key: createRemoteJWKSet(new URL(jwksUrl)), algorithms: ASYMMETRIC };
  }
  const path = jwksFile ?? keyFile ?? "";
  try {
    const bytes = await readFile(path);
    if (jwksFile !== undefined) return { key: createLocalJWKSet(JSON.parse(bytes.toString())), algorithms: ASYMMETRIC };
    const key = new TextEncoder().encode(bytes.toString().trim());
    // RFC 7518 section 3.2.
    if (key.length < 32) throw new Error("a key for HS256 has at least 32 bytes");
    return { key, algorithms: ["HS256"] };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SignalboxError("SB_CONFIG_INVALID", `${path} cannot be used to verify tokens: ${reason}`, { cause });
  }
}

function identityOf(payload: JWTPayload, { roleClaim = "role", tenantClaim = "tenant_id" }: JwtOptions): Identity {
  const role = ROLES.find((each) => each === payload[roleClaim]);
  if (role === undefined) throw refused(`the claim ${roleClaim} of the token is none of ${ROLES.join(", ")}`);
  const given = payload[tenantClaim];
  const tenant = typeof given === "string" && given !== "" ? given.replaceAll("-", "").toLowerCase() : undefined;
  if (tenant === undefined && (role === "member" || role === "reader"))
    throw refused(`the token of a ${role} needs the claim ${tenantClaim}`);
  // It stands in logs and in the history of resources.
  const name = String(payload.sub)
    .replaceAll(/[^\w.@:|-]/g, "_")
    .slice(0, 128);
  return { name, role, tenant, ...(payload.exp === undefined ? {} : { until: payload.exp * 1_000 }) };
}

function refused(message: string, cause?: unknown): SignalboxError {
  return new SignalboxError("SB_UNAUTHENTICATED", message, { cause });
}
