import { SignalboxError } from "../../errors.ts";
import { DOCUMENT_PREFIXES } from "../../machines/resource/resource-documents.ts";
import { MEMBERS_PREFIX } from "../cluster/membership.ts";
import type { DocumentStore, DocumentWrite, EventLog, Json, Random } from "../ports.ts";
import type { StoredPosition } from "../projector-position.ts";
import { readIdentity, renewIdentity } from "./identity-record.ts";
import { LOG_DOCUMENT, PROJECTOR_POSITION, readLogPositions } from "./log-positions.ts";
import { strangerIn } from "./require-own-log.ts";

interface Stores {
  readonly log: Pick<EventLog, "last" | "append" | "position" | "lastOfEach">;
  readonly documents: DocumentStore;
  readonly random: Random;
}

/** What there is to adopt, and what it replaces. */
export interface LogComparison {
  /** Why log and documents do not belong together; undefined when they do. */
  readonly reason: string | undefined;
  readonly position: number;
  /** Resources that the log knows, deleted ones included. */
  readonly resources: number;
}

/** etcd takes 128 operations in a transaction. */
const AT_ONCE = 100;

/** What stands in the log, and what the documents say of the log that they were written from. Changes nothing. */
export async function compareLog({ log, documents }: Omit<Stores, "random">): Promise<LogComparison> {
  const positions = await readLogPositions(documents);
  const identity = await readIdentity(log);
  const position = await log.position();
  let resources = 0;
  for await (const _ of log.lastOfEach("resource.")) resources += 1;
  return { reason: strangerIn(positions, { identity, position }), position, resources };
}

/**
 * Makes the log that is there the one that the documents are written from: it gets an identity of its own, and all documents that were
 * derived from another log are deleted; the next projector writes those of this log from its first record on. The audit stays. Whatever it is
 * ended at, the documents belong to no log until it was run to its end.
 * @returns how many documents were deleted
 * @throws SB_DATA_IN_USE while a process of the system is alive
 */
export async function adoptLog({ log, documents, random }: Stores): Promise<{ identity: string; deleted: number }> {
  const members = await documents.range(MEMBERS_PREFIX);
  if (members.length > 0) {
    const names = members.map(({ key }) => key.slice(MEMBERS_PREFIX.length)).join(", ");
    throw new SignalboxError("SB_DATA_IN_USE", `these processes are running: ${names}`, {
      advice:
        "Stop all processes of this system, wait until their leases have ended (cluster.member_ttl_ms), and try again.",
    });
  }
  const identity = await renewIdentity(log, random);
  let deleted = 0;
  for (const prefix of DOCUMENT_PREFIXES) {
    for (;;) {
      const found = await documents.range(prefix, { limit: AT_ONCE });
      if (found.length === 0) break;
      await documents.transaction({ writes: found.map(({ key }) => ({ key, value: null })) });
      deleted += found.length;
    }
  }
  const outdated = (await readLogPositions(documents)).filter(
    ({ key }) => key !== LOG_DOCUMENT && key !== PROJECTOR_POSITION,
  );
  const removals = outdated.map(({ key }): DocumentWrite => ({ key, value: null }));
  const projected = (await documents.get(PROJECTOR_POSITION))?.value as unknown as StoredPosition | undefined;
  // The chain of the audit goes on where it is; what this log repeats of it is linked already.
  const { audit } = projected ?? {};
  const start: StoredPosition | null =
    audit === undefined ? null : { seq: 0, part: 0, log: identity, audit, linkedTo: await log.position() };
  await documents.transaction({
    writes: [
      ...removals,
      { key: PROJECTOR_POSITION, value: start as unknown as Json },
      { key: LOG_DOCUMENT, value: { log: identity } },
    ],
  });
  return { identity, deleted };
}
