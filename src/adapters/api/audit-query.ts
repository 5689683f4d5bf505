import type { AuditAction, AuditOutcome } from "../../actors/audit/audit-view.ts";
import { SignalboxError } from "../../errors.ts";

/**
 * A time as milliseconds since the epoch: as it is, or from RFC 3339 (`2026-11-21T18:05:05Z`).
 * @throws SB_MALFORMED_REQUEST
 */
export function openTime(name: string, text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  // A plus sign that was not escaped in a query has become a space.
  const rfc3339 =
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+ -][0-9]{2}:[0-9]{2}))?$/;
  const time = rfc3339.test(text) ? Date.parse(text.replace(/ ([0-9]{2}:[0-9]{2})$/, "+$1")) : Number.NaN;
  if (Number.isFinite(time) && time >= 0) return time;
  throw new SignalboxError(
    "SB_MALFORMED_REQUEST",
    `"${name}" must be a time such as 2026-11-21T18:05:05Z, or milliseconds since the epoch.`,
  );
}

/** All of them: the compiler says so when one is missing. */
const actionNames: Readonly<Record<AuditAction, true>> = {
  create: true,
  update: true,
  delete: true,
  retry: true,
  authenticate: true,
  read_audit: true,
  read_documents: true,
  read_seals: true,
  reseal: true,
  lab: true,
};
export const auditActions = Object.keys(actionNames) as readonly AuditAction[];
export const auditOutcomes = ["accepted", "refused"] as const satisfies readonly AuditOutcome[];

/** @throws SB_MALFORMED_REQUEST */
export function openAction(text: string): AuditAction {
  const found = auditActions.find((action) => action === text);
  if (found !== undefined) return found;
  throw new SignalboxError("SB_MALFORMED_REQUEST", `"action" must be one of ${auditActions.join(", ")}.`);
}

/** @throws SB_MALFORMED_REQUEST */
export function openOutcome(text: string): AuditOutcome {
  const found = auditOutcomes.find((outcome) => outcome === text);
  if (found !== undefined) return found;
  throw new SignalboxError("SB_MALFORMED_REQUEST", `"outcome" must be one of ${auditOutcomes.join(", ")}.`);
}
