import type { RequestListener, Server } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import type { ServerCertificate } from "./server-certificate.ts";

export interface HttpTls {
  readonly certificate: ServerCertificate;
  /** Whether clients are asked for a certificate, and let in without one. */
  readonly clients?: "optional" | "required" | undefined;
}

const HANDSHAKE_MS = 10_000;
/** As Fastify has it without TLS. */
const KEEP_ALIVE_MS = 72_000;

/** A server that speaks HTTP over TLS only, with the certificate as it is at the time. */
export function createSecureServer(
  { certificate, clients }: HttpTls,
  options: Pick<ServerOptions, "requireHostHeader" | "connectionsCheckingInterval" | "requestTimeout">,
  listener: RequestListener,
): Server {
  const server = createServer(
    {
      ...options,
      ...certificate.context,
      handshakeTimeout: HANDSHAKE_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      ALPNProtocols: ["http/1.1"],
      requestCert: clients !== undefined,
      // An unknown certificate where none is needed is answered, with what is wrong with it.
      rejectUnauthorized: clients === "required",
    },
    listener,
  );
  certificate.serve(server);
  // The two have all in common that Fastify uses.
  return server as unknown as Server;
}
