import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Caller } from "../../actors/access/caller.ts";
import type { Admitted, BesideActions, Gatekeeper } from "../../actors/access/gatekeeper.ts";
import type { StreamPermit } from "../../actors/access/stream-permits.ts";
import type { WriteAction } from "../../actors/audit/audit-view.ts";
import type { GatewayApi } from "../../actors/gateway-api.ts";
import type { ReadAccess } from "../../actors/inspection/inspection-api.ts";
import { SignalboxError } from "../../errors.ts";
import { clientCertificate } from "./client-certificate.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The gateway as the sender of this request has it. Not there in routes that are `open`. */
    api: GatewayApi;
    /** Undefined where nobody needs a token. */
    caller: Caller | undefined;
    /** What of the resources the sender may see. */
    access: ReadAccess;
    /** Undefined where nobody needs a token. */
    beside: BesideActions | undefined;
    /** The sender's right to a stream; undefined where nobody needs a token. */
    openStream: (() => StreamPermit) | undefined;
    /** Counts it as so many requests more. @throws SB_RATE_LIMITED */
    charge: Admitted["charge"];
  }
  interface FastifyContextConfig {
    /** Needs no token: it says nothing about any resource. */
    open?: boolean;
    /** Largest body, where it is another than the server's. */
    bodyBytes?: number;
    /** What it does to resources of which type: checked before the body is read. */
    does?: { readonly type: string; readonly action: WriteAction };
    /** The body holds the items of this collection. */
    bulkOf?: string;
  }
}

const everything: ReadAccess = { everything: true, mayRead: () => true };
const free: Admitted["charge"] = () => {};

/** For routes that need no token. */
export const open = { config: { open: true } } as const;

/**
 * Gives each request the gateway as its sender has it, and refuses what the sender has no right to whatever the body says. The function that is
 * returned throws what the gatekeeper throws.
 */
export function admission(
  app: FastifyInstance,
  api: GatewayApi,
  gatekeeper: Gatekeeper | undefined,
): (request: FastifyRequest) => Promise<void> {
  app.decorateRequest("api");
  app.decorateRequest("caller");
  app.decorateRequest("access");
  app.decorateRequest("beside");
  app.decorateRequest("openStream");
  app.decorateRequest("charge");
  return async (request) => {
    const { config } = request.routeOptions;
    if (gatekeeper === undefined) Object.assign(request, { api, access: everything, charge: free });
    else if (config.open !== true) {
      const origin = { from: request.ip, via: "http", requestId: request.id } as const;
      const token = tokenOf(request);
      // What a browser shows by itself does not matter to who says who he is.
      const certificate = token === undefined ? clientCertificate(request) : undefined;
      const admitted = await gatekeeper.admit(token, origin, certificate);
      Object.assign(request, { ...admitted });
      const { id } = request.params as { readonly id?: string };
      if (config.does !== undefined) await admitted.permit(config.does.type, config.does.action, id);
    }
  };
}

/**
 * For routes that are not about resources, so that no tenant has a part in them. What they change is kept in the audit before it is done.
 * @throws SB_FORBIDDEN
 */
export async function requireOperator({ access, caller, beside, method, url }: FastifyRequest): Promise<void> {
  const what = `${method} ${url.split("?")[0]}`;
  if (access.everything) {
    if (method !== "GET" && method !== "HEAD") await beside?.accepted("lab", what);
    return;
  }
  beside?.refused("lab", what, "SB_FORBIDDEN");
  throw new SignalboxError("SB_FORBIDDEN", `${caller?.name} (${caller?.role}) may not ${what}`);
}

/** As OpenStack's and Gohan's clients send it, or as RFC 6750 section 2.1 has it. */
function tokenOf({ headers }: FastifyRequest): string | undefined {
  const given = headers["x-auth-token"];
  if (typeof given === "string" && given !== "") return given;
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}
