import type { Target } from "../api-types.ts";

export interface Piece {
  readonly verdict: string;
  readonly word: string;
  readonly from: number;
  readonly to: number;
}

/** How a target was from one time to another, in pieces; before its first answer there is none. */
export function piecesOf(changes: Target["changes"], from: number, to: number): Piece[] {
  return changes.flatMap(({ time, verdict, word }, at) => {
    const start = Math.max(time, from);
    const end = Math.min(changes[at + 1]?.time ?? to, to);
    return end > start ? [{ verdict, word, from: start, to: end }] : [];
  });
}

/** How often its verdict changed within the time. */
export function flapsOf(changes: Target["changes"], from: number): number {
  return changes.filter((change, at) => at > 0 && change.time >= from && changes[at - 1]?.verdict !== change.verdict)
    .length;
}
