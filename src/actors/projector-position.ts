import type { AuditHead } from "./audit/audit-chain.ts";
import type { Position } from "./projection-batch.ts";

/** Key of the document that says up to where the log is written to the documents. */
export const PROJECTOR_POSITION = "/signalbox/projector";

/** That document. */
export interface StoredPosition extends Position {
  /** The last entry of the audit's chain: entries are linked as they are projected, each once. Nothing before the first one. */
  readonly audit?: AuditHead;
}
