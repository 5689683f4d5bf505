import { SignalboxError } from "../../errors.ts";
import { type Caller, isOperator, tenantKey } from "../access/caller.ts";
import type { CallersSight } from "../access/callers-view.ts";
import { belongingOf } from "../access/rights.ts";
import type { GatewayApi } from "../gateway-api.ts";
import { shownId } from "../shown-id.ts";
import type { AuditPage, AuditQuery, AuditView } from "./audit-view.ts";

export interface VisibleAuditOptions {
  readonly api: Pick<GatewayApi, "audit" | "get">;
  readonly sight: CallersSight;
}

/**
 * The history as one caller has it. Operators have all of it. A tenant's callers have that of what they may read, with who it was where it is
 * their own, and of what has been their own; of the feed they have what concerns their own.
 * @throws SB_NOT_FOUND, SB_FORBIDDEN when another tenant's feed is asked for
 */
export async function visibleAudit({ api, sight }: VisibleAuditOptions, query: AuditQuery): Promise<AuditPage> {
  const { caller } = sight;
  if (isOperator(caller)) return api.audit(query);
  const bodyOf = ({ tenant, shared }: AuditView) => ({ tenant_id: tenant, shared });
  const belonging = (entry: AuditView) => belongingOf(caller, bodyOf(entry));
  const isReadable = (entry: AuditView) => sight.sees(entry.type ?? "", bodyOf(entry));
  const isOwn = (entry: AuditView) => isReadable(entry) && belonging(entry) === "own";
  // Who it was is not told of what is not one's own, so it cannot be asked for either.
  const isShown = query.who === undefined ? isReadable : isOwn;
  const { resource } = query;
  if (resource === undefined) {
    requireOwnTenant(caller, query);
    return unlinked(await api.audit({ ...query, visible: isOwn }));
  }
  const view = await api.get(resource.type, resource.id).catch((thrown: unknown) => {
    if (thrown instanceof SignalboxError && thrown.code === "SB_NOT_FOUND") return undefined;
    throw thrown;
  });
  const isHidden = view !== undefined && !sight.sees(resource.type, view);
  // Only whoever it belonged to is told of what is gone.
  const page = isHidden ? undefined : await api.audit({ ...query, visible: view === undefined ? isOwn : isShown });
  if (page === undefined || (view === undefined && page.entries.length === 0 && query.after === undefined)) {
    throw new SignalboxError("SB_NOT_FOUND", `there is no ${resource.type} ${shownId(resource.id)}`);
  }
  const entries = page.entries.map((entry) => (isOwn(entry) ? entry : { ...entry, by: null }));
  return unlinked({ ...page, entries });
}

/** The chain counts what all tenants do. */
function unlinked(page: AuditPage): AuditPage {
  return { ...page, entries: page.entries.map((entry) => ({ ...entry, chain: null })) };
}

function requireOwnTenant({ name, role, tenant }: Caller, query: AuditQuery): void {
  const asked = tenantKey(query.tenant);
  if (tenant !== undefined && (asked === undefined || asked === tenant)) return;
  const whose = tenant === undefined ? "without a tenant" : "of another tenant";
  throw new SignalboxError("SB_FORBIDDEN", `${name} (${role}) may not read the audit ${whose}`);
}
