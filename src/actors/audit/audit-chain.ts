import { createHash } from "node:crypto";
import type { DocumentWrite, Json } from "../ports.ts";
import { BY_TIME } from "./audit-keys.ts";

/** Where an entry stands in the hash chain: it follows the entry with the index before, whose hash it includes. */
export interface AuditLink {
  /** 1 for the first entry. */
  readonly index: number;
  /** Hash of the entry before; `GENESIS` for the first one. */
  readonly previous: string;
  /** SHA-256 of index, previous, place and content, in hexadecimal. */
  readonly hash: string;
}

/** The last entry of the chain. */
export type AuditHead = Pick<AuditLink, "index" | "hash">;

/** What the first entry follows. */
const GENESIS = "0".repeat(64);
export const EMPTY_CHAIN: AuditHead = { index: 0, hash: GENESIS };

export type JsonObject = { readonly [name: string]: Json | undefined };

/**
 * The hash of an entry.
 * @param place its place among the entries: moved, it is another entry
 * @param content all members but `chain`, in any order
 */
export function hashOf(link: Omit<AuditLink, "hash">, place: string, content: JsonObject): string {
  const hash = createHash("sha256");
  hash.update(`${link.index}\n${link.previous}\n${place}\n${canonical(content)}`);
  return hash.digest("hex");
}

/**
 * Links the entries among the writes to the chain, in their order.
 * @returns the writes with `chain` in each entry, and the new head
 */
export function linked(
  writes: readonly DocumentWrite[],
  head: AuditHead,
): { readonly writes: readonly DocumentWrite[]; readonly head: AuditHead } {
  let last = head;
  const result = writes.map((write): DocumentWrite => {
    if (!write.key.startsWith(BY_TIME) || write.value === null) return write;
    const { chain: _, ...content } = write.value as JsonObject;
    const link = { index: last.index + 1, previous: last.hash };
    last = { index: link.index, hash: hashOf(link, write.key.slice(BY_TIME.length), content) };
    return { ...write, value: { ...content, chain: { ...link, hash: last.hash } } };
  });
  return { writes: result, head: last };
}

/** JSON with members in the order of their names, as RFC 8785 has it for the values that occur here; undefined members are left out. */
function canonical(value: Json | undefined): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonical).join(",")}]`;
  const members = Object.entries(value as JsonObject)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.join(",")}}`;
}
