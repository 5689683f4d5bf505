import type { CommitRecord } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { childrenNamed, childText, findElement, type XmlElement } from "../../xml/element.ts";

/** The comment of the commit that confirms the commit of a tag. */
export const confirmationOf = (tag: string): string => `${tag} confirm`;
/** The comment of the commit that takes the commit of a tag back. */
export const reversalOf = (tag: string): string => `${tag} revert`;

/**
 * How the commit of a tag stands in a commit history.
 * - `absent`: it was never made, or was taken back by us
 * - `newest`: nothing came after it, so it is in effect and waits for its confirmation
 * - `confirmed`: its confirmation is what came after it, and nothing else
 * - `buried`: something else came after it: the router's own rollback, or a commit of somebody else, which has confirmed it. Which of the two,
 *   and what is left of it, only the configurations tell. `confirmed` says whether its confirmation came first
 */
export type Standing =
  | { readonly kind: "absent" }
  | { readonly kind: "newest" | "confirmed" }
  | {
      readonly kind: "buried";
      /** How many commits came after it: the N of `rollback N` that leads to what it made. */
      readonly depth: number;
      readonly confirmed: boolean;
    };

/** @param history newest first */
export function standingOf(tag: string, history: readonly CommitRecord[]): Standing {
  const depth = history.findIndex(({ comment }) => comment === tag);
  if (depth === -1) return { kind: "absent" };
  if (depth === 0) return { kind: "newest" };
  const after = history.slice(0, depth).map(({ comment }) => comment);
  if (after.includes(reversalOf(tag))) return { kind: "absent" };
  const confirmed = after.at(-1) === confirmationOf(tag);
  if (confirmed && depth === 1) return { kind: "confirmed" };
  return { kind: "buried", depth, confirmed };
}

/**
 * Reads the reply to get-commit-information, newest first.
 * @throws SB_DEVICE_PROTOCOL for a reply without a history: that nothing is said of a commit does not mean that it was not made
 */
export function commitHistory(reply: XmlElement, device: string): CommitRecord[] {
  const list = findElement(reply, "commit-information");
  if (list === undefined) {
    throw new SignalboxError("SB_DEVICE_PROTOCOL", `${device} answers get-commit-information without a history`, {
      device,
    });
  }
  return childrenNamed(list, "commit-history")
    .map((entry) => ({
      sequence: Number(childText(entry, "sequence-number") ?? 0),
      record: {
        comment: childText(entry, "log") ?? "",
        user: childText(entry, "user") ?? "",
        client: childText(entry, "client") ?? "",
      },
    }))
    .sort((one, other) => one.sequence - other.sequence)
    .map(({ record }) => record);
}
