import { createHash } from "node:crypto";

/** What a process of a system does. Every process may have any of them. */
export const ROLES = ["gateway", "actors", "worker", "monitor", "projector"] as const;
export type Role = (typeof ROLES)[number];

/** Shares into which resources and devices are divided among the processes of a role. */
export const SHARES = 32;

/** A key is asked for many times while something happens to its resource. */
const MOST_REMEMBERED = 4096;
const remembered = new Map<string, number>();

/** The share of a key: the same in every process, and evenly spread. */
export function shareOf(key: string): number {
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const share = createHash("sha1").update(key).digest().readUInt32BE(0) % SHARES;
  if (remembered.size >= MOST_REMEMBERED) remembered.clear();
  remembered.set(key, share);
  return share;
}

/**
 * Whose a share is: the name with the highest hash together with the share (rendezvous hashing, Thaler and Ravishankar 1998). A name that
 * comes or goes moves only its own shares. Undefined when there are no names.
 */
export function ownerOf(share: number, names: Iterable<string>): string | undefined {
  let best: { name: string; weight: string } | undefined;
  for (const name of names) {
    const weight = createHash("sha1").update(`${share}/${name}`).digest("hex");
    if (best === undefined || weight > best.weight) best = { name, weight };
  }
  return best?.name;
}
