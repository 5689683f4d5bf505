import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { SignalboxError } from "../../errors.ts";

export interface ListeningHttp {
  /** Where a client on this machine reaches it, without a slash at the end. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

/**
 * Starts to listen. Port 0 takes any free port.
 * @throws SB_CONFIG_INVALID when the address cannot be had
 */
export async function listenHttp(
  app: FastifyInstance,
  address: { host: string; port: number },
  scheme: "http" | "https" = "http",
): Promise<ListeningHttp> {
  const { host } = address;
  try {
    await app.listen({ host, port: address.port });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    const reason: Record<string, string> = {
      EADDRINUSE: "another process listens there",
      EACCES: "this user may not listen there",
      EADDRNOTAVAIL: "this machine does not have that address",
      ENOTFOUND: "there is no such host",
    };
    if (reason[code] === undefined) throw cause;
    throw new SignalboxError("SB_CONFIG_INVALID", `Cannot listen on ${host}:${address.port}: ${reason[code]}.`, {
      cause,
      advice: "Choose another address with --http HOST:PORT; port 0 takes any free one.",
    });
  }
  const { port } = app.server.address() as AddressInfo;
  return { url: httpUrl(host, port, scheme), host, port };
}

/** URL of an address that a server listens on; "all addresses" is reached by the loopback one. */
export function httpUrl(host: string, port: number, scheme: "http" | "https" = "http"): string {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `${scheme}://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}
