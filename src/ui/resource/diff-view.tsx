import { ScrollRegion } from "../scroll-region.tsx";
import { diffLines } from "./text-diff.ts";

const SIGN = { same: " ", added: "+", removed: "-" } as const;

/** A text with what has changed in it since another one; "" as the other shows it plain. */
export function DiffView({ before, after, label }: { before: string; after: string; label: string }) {
  const lines =
    before === "" ? after.split("\n").map((text) => ({ kind: "same" as const, text })) : diffLines(before, after);
  return (
    <ScrollRegion class="diff" label={label}>
      <pre>
        {lines.map(({ kind, text }, at) => (
          <span key={`${at}${kind}`} class={`line ${kind}`}>
            {`${SIGN[kind]} ${text}\n`}
          </span>
        ))}
      </pre>
    </ScrollRegion>
  );
}
