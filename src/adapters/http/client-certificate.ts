import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { FastifyRequest } from "fastify";
import type { VerifiedCertificate } from "../../actors/access/gatekeeper.ts";
import { SignalboxError } from "../../errors.ts";

/**
 * The certificate that the client has shown on the request's connection.
 * @returns undefined when there is none, or no TLS
 * @throws SB_UNAUTHENTICATED when it is not of an authority that is trusted, or has expired
 */
export function clientCertificate({ raw }: FastifyRequest): VerifiedCertificate | undefined {
  const socket = raw.socket as TLSSocket;
  if (socket.encrypted !== true) return undefined;
  const { raw: bytes } = socket.getPeerCertificate();
  if (bytes === undefined) return undefined;
  const certificate = new X509Certificate(bytes);
  if (!socket.authorized) {
    const reason = String(socket.authorizationError ?? "unknown reason");
    throw new SignalboxError("SB_UNAUTHENTICATED", `the client's certificate is not valid: ${reason}`, {
      advice: "Show a certificate of an authority in http.tls.client_ca_file, or none.",
    });
  }
  return {
    fingerprint: certificate.fingerprint256,
    subject: oneLine(certificate.subject),
    names: namesOf(certificate.subjectAltName),
    until: Date.parse(certificate.validTo),
  };
}

/** From one name a line, as OpenSSL writes them, to `CN=ops,O=Example`; a comma within a name is escaped there already. */
function oneLine(subject: string | undefined): string {
  return (subject ?? "").split("\n").filter(Boolean).join(",");
}

/** Names in quotes hold something that could pass for another name: they are none of ours. */
function namesOf(text: string | undefined): string[] {
  return text === undefined || text.includes('"') ? [] : text.split(", ");
}
