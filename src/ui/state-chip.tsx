import { words } from "./format.ts";

/** How bad it is: the colour of states, verdicts and phases. The word is always there too. */
export function toneOf(state: string): "good" | "bad" | "busy" | "warn" | "idle" {
  if (state.endsWith("_failed") || ["down", "fail", "failed", "bad", "in_doubt", "taken_back"].includes(state))
    return "bad";
  if (state === "unavailable" || state === "lost" || state === "reverting") return "warn";
  if (["up", "good", "finished", "confirmed", "create_completed"].includes(state)) return "good";
  if (state.startsWith("pending_") || ["working", "ready", "proposed"].includes(state)) return "busy";
  if (/ing$/.test(state) && state !== "waiting" && state !== "pending") return "busy";
  if (state === "locked" || state === "committed") return "busy";
  return "idle";
}

export function StateChip({ state, title }: { state: string; title?: string }) {
  return (
    <span class={`chip tone-${toneOf(state)}`} title={title}>
      <span class="dot" aria-hidden="true" />
      {words(state)}
    </span>
  );
}
