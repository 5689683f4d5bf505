import { type AuditHead, type AuditLink, EMPTY_CHAIN, hashOf, type JsonObject } from "./audit-chain.ts";

/** What an export begins with. */
export interface AuditExportHead {
  /** The last entry, as the position of the projector has it. */
  readonly head: AuditHead;
  /** Entries up to this index may have been deleted because of their age; 0: none. */
  readonly sweptTo: number;
}

/** One entry of an export: as it is stored, with its place. */
export interface ExportedEntry {
  readonly place: string;
  readonly chain: AuditLink | null;
  readonly [member: string]: unknown;
}

/** The whole audit: what `verifyAudit` needs, and the entries, the newest first. */
export interface AuditExport {
  readonly begin: AuditExportHead;
  readonly entries: AsyncIterable<ExportedEntry>;
}

export interface AuditVerdict {
  /** Entries that were read, those without a link among them. */
  readonly entries: number;
  /** Entries from before there was a chain. */
  readonly unlinked: number;
  readonly head: AuditHead;
  /** What is wrong; none: the chain holds. */
  readonly faults: readonly string[];
}

/** Faults that are named; the rest is counted. */
const MAX_FAULTS = 100;

/**
 * Checks an export of the audit: each entry is as it was written, each follows the one before, and none is missing between the oldest that is
 * kept and the head.
 * @param entries in any order; about the order of the chain keeps the memory small
 * @param anchor an entry of an earlier check, kept elsewhere: the chain must still have it
 */
export async function verifyAudit(
  { head, sweptTo }: AuditExportHead,
  entries: AsyncIterable<ExportedEntry>,
  anchor?: AuditHead,
): Promise<AuditVerdict> {
  const faults: string[] = [];
  let faultCount = 0;
  const fault = (text: string) => {
    faultCount += 1;
    if (faults.length < MAX_FAULTS) faults.push(text);
  };
  // Links of which a neighbour is still to come.
  const open = new Map<number, { link: AuditLink; older: boolean; newer: boolean }>();
  let count = 0;
  let unlinked = 0;
  let sawAnchor = anchor === undefined || anchor.index === 0;
  for await (const { place, chain, ...content } of entries) {
    count += 1;
    if (chain === null || chain === undefined) {
      unlinked += 1;
      continue;
    }
    if (open.has(chain.index) || chain.index > head.index || chain.index < 1) {
      fault(`entry ${chain.index} at ${place}: there is another one with this index, or the chain has none`);
      continue;
    }
    if (hashOf(chain, place, content as JsonObject) !== chain.hash)
      fault(`entry ${chain.index} at ${place}: it was changed`);
    if (chain.index === anchor?.index) {
      sawAnchor = true;
      if (chain.hash !== anchor.hash)
        fault(`entry ${chain.index} at ${place}: its hash is not the one of the anchor: the chain was written again`);
    }
    if (chain.index === head.index && chain.hash !== head.hash)
      fault(`entry ${chain.index} at ${place}: its hash is not the one of the chain's head`);
    const newer = open.get(chain.index + 1);
    const older = open.get(chain.index - 1);
    if (newer !== undefined) {
      newer.older = true;
      if (newer.link.previous !== chain.hash)
        fault(`entry ${chain.index + 1}: it does not follow entry ${chain.index}`);
      if (newer.newer) open.delete(chain.index + 1);
    }
    if (older !== undefined) {
      older.newer = true;
      if (chain.previous !== older.link.hash)
        fault(`entry ${chain.index}: it does not follow entry ${chain.index - 1}`);
      if (older.older) open.delete(chain.index - 1);
    }
    const isFirst = chain.index === 1;
    if (isFirst && chain.previous !== EMPTY_CHAIN.hash) fault("entry 1: it is not the first of a chain");
    const isLast = chain.index === head.index;
    const state = { link: chain, older: isFirst || older !== undefined, newer: isLast || newer !== undefined };
    if (!state.older || !state.newer) open.set(chain.index, state);
  }
  for (const [from, to] of gaps(open, head.index, sweptTo, count > unlinked)) {
    fault(from === to ? `entry ${from} is missing` : `entries ${from} to ${to} are missing`);
  }
  if (!sawAnchor && anchor !== undefined && anchor.index > sweptTo)
    fault(`entry ${anchor.index} of the anchor is missing`);
  if (faultCount > faults.length) faults.push(`and ${faultCount - faults.length} more`);
  return { entries: count, unlinked, head, faults };
}

/** Ranges of indexes above `sweptTo` that no entry has: what lies between the runs of those that follow one another. */
function gaps(
  borders: ReadonlyMap<number, { readonly older: boolean; readonly newer: boolean }>,
  head: number,
  sweptTo: number,
  isAnyLinked: boolean,
): Array<[from: number, to: number]> {
  const missing: Array<[number, number]> = [];
  let end = 0;
  let reachesHead = isAnyLinked || head === 0;
  for (const [index, { older, newer }] of [...borders].sort(([a], [b]) => a - b)) {
    if (!older) missing.push([end + 1, index - 1]);
    if (!newer) end = index;
    reachesHead = newer;
  }
  if (!reachesHead) missing.push([end + 1, head]);
  return missing.flatMap(([from, to]): Array<[number, number]> => {
    const first = Math.max(from, sweptTo + 1);
    return first <= to ? [[first, to]] : [];
  });
}
