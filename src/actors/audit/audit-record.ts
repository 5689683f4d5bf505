import { SignalboxError } from "../../errors.ts";
import type { DocumentWrite, StoredRecord } from "../ports.ts";

/** Subjects of the records that tell of requests which make no record of a resource: what was refused, and what only operators may. */
export const AUDIT_SUBJECTS = "audit.";

/** Entries of the audit on their way to the documents. */
export interface AuditRecord {
  readonly v: 1;
  readonly documents: readonly DocumentWrite[];
}

/**
 * The record of an audit subject; undefined when it is something else's.
 * @throws SB_DATA_VERSION when a newer version of the program wrote it
 */
export function parseAuditRecord(stored: StoredRecord): AuditRecord | undefined {
  if (!stored.subject.startsWith(AUDIT_SUBJECTS)) return undefined;
  const record = stored.data as unknown as AuditRecord;
  if (record.v !== 1)
    throw new SignalboxError("SB_DATA_VERSION", `record ${stored.seq} (${stored.subject}) is of version ${record.v}`);
  return record;
}
