import type { Target } from "../api-types.ts";
import { clock, duration, words } from "../format.ts";
import { toneOf } from "../state-chip.tsx";
import { piecesOf } from "./target-history.ts";

/** What a target answered over time. */
export function HistoryStrip({ target, from, to }: { target: Target; from: number; to: number }) {
  const pieces = piecesOf(target.changes, from, to);
  const whole = Math.max(1, to - from);
  const x = (time: number) => (100 * (time - from)) / whole;
  const told = pieces.map((piece) => `${words(piece.word)} for ${duration(piece.to - piece.from)}`).join(", ");
  return (
    <svg
      class="strip"
      viewBox="0 0 100 12"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${target.name}: ${told}`}
    >
      <rect class="track" width="100" height="12" />
      {pieces.map((piece) => (
        <rect
          key={piece.from}
          class={`fill tone-${toneOf(piece.verdict)}`}
          x={x(piece.from)}
          // What was short must be seen too.
          width={Math.max(0.7, x(piece.to) - x(piece.from))}
          y={piece.verdict === "good" ? 3 : 0}
          height={piece.verdict === "good" ? 9 : 12}
        >
          <title>{`${piece.word} from ${clock(piece.from)} for ${duration(piece.to - piece.from)}`}</title>
        </rect>
      ))}
    </svg>
  );
}
