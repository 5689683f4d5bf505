import { readFile } from "node:fs/promises";
import { createLocalJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { AccessRole } from "../../actors/access/caller.ts";
import type { Authenticator, Identity } from "../../actors/access/gatekeeper.ts";
import type { Clock } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { RemoteKeySet } from "./remote-key-set.ts";
import { TokenLives } from "./token-lives.ts";

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
  /** Longest life of a token, from `iat` to `exp`, seconds; tokens need `iat` then. */
  readonly maxLifeS?: number;
  readonly clock: Clock;
}

const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
/** How far clocks may be apart, seconds. */
const TOLERANCE_S = 30;
const ROLES: readonly AccessRole[] = ["admin", "operator", "member", "reader"];

/**
 * What `sub` may be: printable, without spaces, so that two subjects are never shown as one. OpenID Connect bounds it to 255 characters of
 * ASCII; this much is enough and stands in logs and histories.
 */
const SUBJECT = /^[A-Za-z0-9][\w.@:|/+=~-]{0,127}$/;
/** Names of the tokens file have no colon: neither kind of caller can be taken for the other. */
const NAME_PREFIX = "jwt:";

type Key = { readonly key: Uint8Array | JWTVerifyGetKey; readonly algorithms: string[] };

/**
 * JSON web tokens (RFC 7519): signed by a key of the set or with the shared key, not expired, with subject, role and, for a member or reader,
 * a tenant. The algorithm is never the token's choice: a set verifies asymmetric signatures only.
 * @throws SB_CONFIG_INVALID when a file cannot be read or used
 */
export async function openJwt(options: JwtOptions): Promise<Authenticator> {
  const { key, algorithms } = await keyOf(options);
  const lives = new TokenLives(options.clock);
  return {
    async authenticate(token): Promise<Identity> {
      if (token === undefined) throw refused("the request brings no token");
      const settings = {
        algorithms,
        clockTolerance: TOLERANCE_S,
        currentDate: new Date(options.clock.now()),
        requiredClaims: ["sub", "exp", ...(options.maxLifeS === undefined ? [] : ["iat"])],
        ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
        ...(options.audience === undefined ? {} : { audience: options.audience }),
      };
      try {
        // The two overloads take one kind of key each.
        const { payload } =
          typeof key === "function" ? await jwtVerify(token, key, settings) : await jwtVerify(token, key, settings);
        requireLife(payload, options);
        const { iat, exp = 0 } = payload;
        if (iat !== undefined && lives.isOver(token, (exp - iat + TOLERANCE_S) * 1000))
          throw refused("the token has expired");
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

async function keyOf({ jwksUrl, jwksFile, keyFile, clock }: JwtOptions): Promise<Key> {
  if ([jwksUrl, jwksFile, keyFile].filter((given) => given !== undefined).length !== 1) {
    throw new SignalboxError("SB_CONFIG_INVALID", "access.jwt needs one of jwks_url, jwks_file and key_file");
  }
  if (jwksUrl !== undefined) {
    if (!URL.canParse(jwksUrl))
      throw new SignalboxError("SB_CONFIG_INVALID", `access.jwt.jwks_url ${jwksUrl} is no URL`);
    requireSecure(new URL(jwksUrl));
    return { key: new RemoteKeySet(jwksUrl, clock).find, algorithms: ASYMMETRIC };
  }
  const path = jwksFile ?? keyFile ?? "";
  try {
    const bytes = await readFile(path);
    if (jwksFile !== undefined) return { key: createLocalJWKSet(JSON.parse(bytes.toString())), algorithms: ASYMMETRIC };
    const key = new TextEncoder().encode(bytes.toString().trim());
    // A public key is no secret: whoever has it could sign tokens with it as a shared key.
    if (bytes.includes("-----BEGIN "))
      throw new Error("it is in PEM; a key for HS256 is shared, not public or private");
    // RFC 7518 section 3.2.
    if (key.length < 32) throw new Error("a key for HS256 has at least 32 bytes");
    return { key, algorithms: ["HS256"] };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SignalboxError("SB_CONFIG_INVALID", `${path} cannot be used to verify tokens: ${reason}`, { cause });
  }
}

/** Whoever can answer in the issuer's place makes tokens of any role. */
function requireSecure(url: URL): void {
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback)) return;
  throw new SignalboxError("SB_CONFIG_INVALID", `access.jwt.jwks_url ${url.href} is not https`, {
    advice: "Fetch the keys over https, or save them and name the file as access.jwt.jwks_file.",
  });
}

/** A token that lives longer than is allowed, or whose life has not begun, is refused however it is signed. */
function requireLife({ iat, exp = 0 }: JWTPayload, { maxLifeS, clock }: JwtOptions): void {
  if (maxLifeS === undefined || iat === undefined) return;
  if (iat > clock.now() / 1000 + TOLERANCE_S) throw refused("the token was issued in the future");
  if (exp - iat > maxLifeS) throw refused(`the token lives for ${exp - iat} s, longer than ${maxLifeS} s`);
}

function identityOf(payload: JWTPayload, { roleClaim = "role", tenantClaim = "tenant_id" }: JwtOptions): Identity {
  const role = ROLES.find((each) => each === payload[roleClaim]);
  if (role === undefined) throw refused(`the claim ${roleClaim} of the token is none of ${ROLES.join(", ")}`);
  const given = payload[tenantClaim];
  const tenant = typeof given === "string" && given !== "" ? given.replaceAll("-", "").toLowerCase() : undefined;
  if (tenant === undefined && (role === "member" || role === "reader"))
    throw refused(`the token of a ${role} needs the claim ${tenantClaim}`);
  const { sub } = payload;
  if (typeof sub !== "string" || !SUBJECT.test(sub)) {
    throw refused("the claim sub of the token is no text of 1 to 128 letters, digits and . _ @ : | / + = ~ -");
  }
  const until = payload.exp === undefined ? {} : { until: payload.exp * 1_000 };
  return { name: `${NAME_PREFIX}${sub}`, role, tenant, ...until };
}

function refused(message: string, cause?: unknown): SignalboxError {
  return new SignalboxError("SB_UNAUTHENTICATED", message, { cause });
}
