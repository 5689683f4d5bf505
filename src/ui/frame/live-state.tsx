import { useEffect, useState } from "preact/hooks";
import type { StreamState } from "../event-stream.ts";

const listeners = new Set<(state: StreamState) => void>();
let current: StreamState = "connecting";

/** Tells the frame how the stream of the page stands. */
export function tellStreamState(state: StreamState): void {
  if (state === current) return;
  current = state;
  for (const listener of listeners) listener(state);
}

const TEXTS: Readonly<Record<StreamState, string>> = {
  connecting: "Connecting",
  live: "Live",
  lost: "Reconnecting",
};

/** Whether what is shown is what is. */
export function LiveState() {
  const [state, setState] = useState(current);
  useEffect(() => {
    setState(current);
    listeners.add(setState);
    return () => void listeners.delete(setState);
  }, []);
  return (
    <span class={`live live-${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      {TEXTS[state]}
    </span>
  );
}
