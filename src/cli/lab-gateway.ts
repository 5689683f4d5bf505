import type { GatewayApi } from "../actors/gateway-api.ts";
import { SignalboxError } from "../errors.ts";

function refuse(): never {
  throw new SignalboxError("SB_NOT_FOUND", "there are no resources here", {
    advice: "Ask a process that is a gateway.",
  });
}

async function* nothing(): AsyncIterable<never> {}

/** The API of a process that is no gateway: it only tells how it is. */
export function withoutGateway(readiness: GatewayApi["readiness"]): GatewayApi {
  return { ...labGateway, readiness };
}

/** The API of a lab that runs alone: there is no resource type, only the lab's own pages. */
export const labGateway: GatewayApi = {
  types: [],
  create: async () => refuse(),
  get: async () => refuse(),
  versionOf: () => undefined,
  list: async () => refuse(),
  update: async () => refuse(),
  remove: async () => refuse(),
  retry: async () => refuse(),
  dryRun: async () => refuse(),
  audit: async () => ({ entries: [], next: null }),
  auditExport: async () => refuse(),
  sealed: async () => refuse(),
  transitions: nothing,
  documents: async () => [],
  watchDocuments: nothing,
  readiness: async () => ({ ready: true, checks: { lab: "ok" } }),
};
