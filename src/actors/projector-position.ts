import type { AuditHead } from "./audit/audit-chain.ts";
import type { Position } from "./projection-batch.ts";

/** The document that says up to where the log is written to the documents (`PROJECTOR_POSITION`). */
export interface StoredPosition extends Position {
  /** Identity of that log. */
  readonly log?: string;
  /** The last entry of the audit's chain: entries are linked as they are projected, each once. Nothing before the first one. */
  readonly audit?: AuditHead;
  /** Entries of records up to this position may be linked already: the documents were rebuilt, and the audit was kept. */
  readonly linkedTo?: number;
}
