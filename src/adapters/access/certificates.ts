import type { AccessRole } from "../../actors/access/caller.ts";
import type { Authenticator, Identity, VerifiedCertificate } from "../../actors/access/gatekeeper.ts";
import type { Clock } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

/** Whose certificate is whose: by its subject or by one of its other names. */
export interface CertificateOwner {
  readonly subject?: string | undefined;
  /** `DNS:ops.example`, `URI:spiffe://example/ops`, `email:ops@example`. */
  readonly san?: string | undefined;
  readonly name: string;
  readonly role: AccessRole;
  readonly tenant?: string | undefined;
}

/**
 * Who shows a certificate, which the transport has verified, is whom the list says; who sends a token is whom the token says.
 * @param tokens undefined: tokens are not taken
 * @throws SB_CONFIG_INVALID for an entry that is for no certificate or for no tenant, and for two that are for the same one
 */
export function withCertificates(
  owners: readonly CertificateOwner[],
  tokens: Authenticator | undefined,
  clock: Clock,
): Authenticator {
  const bySubject = new Map<string, Identity>();
  const bySan = new Map<string, Identity>();
  for (const [at, owner] of owners.entries()) {
    const [map, key] =
      owner.subject === undefined ? [bySan, sanKey(owner.san ?? "")] : [bySubject, subjectKey(owner.subject)];
    const wrong = mistakeOf(owner) ?? (map.has(key) ? "is for the same certificate as another" : undefined);
    if (wrong !== undefined)
      throw new SignalboxError("SB_CONFIG_INVALID", `http.tls.clients.${at} (${owner.name}) ${wrong}`);
    map.set(key, { name: owner.name, role: owner.role, tenant: owner.tenant?.replaceAll("-", "").toLowerCase() });
  }
  const ownerOf = ({ subject, names }: VerifiedCertificate): Identity | undefined =>
    bySubject.get(subjectKey(subject)) ??
    names.map((name) => bySan.get(sanKey(name))).find((each) => each !== undefined);
  return {
    async authenticate(token, certificate) {
      if (token !== undefined) {
        if (tokens === undefined) throw refused("no tokens are taken here, only certificates");
        return tokens.authenticate(token);
      }
      if (certificate === undefined)
        return tokens?.authenticate(token) ?? Promise.reject(refused("the client shows no certificate"));
      if (certificate.until <= clock.now()) throw refused("the client's certificate has expired");
      const identity = ownerOf(certificate);
      if (identity === undefined)
        throw refused(`the certificate of ${certificate.subject || "nobody"} is nobody's in http.tls.clients`);
      return { ...identity, until: certificate.until };
    },
  };
}

function mistakeOf({ subject, san, role, tenant }: CertificateOwner): string | undefined {
  if ((subject === undefined) === (san === undefined)) return "needs either subject or san";
  if (san !== undefined && !/^(?:DNS|URI|email):.+/.test(san))
    return "has a san that does not begin with DNS:, URI: or email:";
  if (subject !== undefined && !/^\w+=/.test(subject)) return "has a subject that is not like CN=ops,O=Example";
  if (tenant === undefined && (role === "member" || role === "reader")) return `needs a tenant: it is a ${role}`;
  return undefined;
}

/** Names of a subject in whatever order: OpenSSL and RFC 4514 write them the other way round. */
function subjectKey(subject: string): string {
  return subject
    .split(/(?<!\\),\s*/)
    .toSorted()
    .join(",");
}

function sanKey(san: string): string {
  return san.startsWith("DNS:") ? san.toLowerCase() : san;
}

function refused(message: string): SignalboxError {
  return new SignalboxError("SB_UNAUTHENTICATED", message, {
    advice: "Send a token in the header X-Auth-Token, or show a client certificate that http.tls.clients names.",
  });
}
