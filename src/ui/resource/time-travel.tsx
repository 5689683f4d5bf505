import { useEffect, useRef } from "preact/hooks";
import type { HistoryStep } from "../api-types.ts";
import { clock, words } from "../format.ts";

export interface TimeTravelProps {
  readonly steps: readonly HistoryStep[];
  /** Place of the step that is looked at. */
  readonly index: number;
  readonly isLive: boolean;
  /** `undefined`: the latest, whatever comes. */
  readonly onStep: (index: number | undefined) => void;
}

/** Steps through every transition of the resource: with buttons, the slider, or "," and ".". */
export function TimeTravel({ steps, index, isLive, onStep }: TimeTravelProps) {
  const last = steps.length - 1;
  const step = steps[index];
  // Effects run after the page is painted: a key that is pressed again before that goes on from where the one before has led.
  const latest = useRef({ index, last, onStep });
  latest.current = { index, last, onStep };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
      const { current } = latest;
      const next = current.index + (event.key === "," ? -1 : event.key === "." ? 1 : Number.NaN);
      if (!(next >= 0 && next <= current.last)) return;
      event.preventDefault();
      current.index = next;
      current.onStep(next);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  if (step === undefined) return null;
  return (
    <section class={`travel${isLive ? "" : " past"}`} aria-label="Time travel">
      <div class="buttons">
        <button type="button" onClick={() => onStep(0)} disabled={index === 0} aria-label="First transition">
          ⇤
        </button>
        <button type="button" onClick={() => onStep(index - 1)} disabled={index === 0} aria-label="Transition before">
          ◀
        </button>
        <button
          type="button"
          onClick={() => onStep(index + 1 > last ? undefined : index + 1)}
          disabled={index >= last}
          aria-label="Next transition"
        >
          ▶
        </button>
        <button type="button" class="now" onClick={() => onStep(undefined)} aria-pressed={isLive}>
          Live
        </button>
      </div>
      <input
        type="range"
        min={0}
        max={last}
        value={index}
        aria-label="Transition"
        aria-valuetext={`${index + 1} of ${steps.length}: ${step.event}`}
        onInput={(event) => onStep(Number(event.currentTarget.value))}
      />
      <p class="step">
        <b>
          {index + 1} of {steps.length}
        </b>{" "}
        <code>{step.event}</code> {words(step.before)}
        {step.before === step.after ? "" : ` → ${words(step.after)}`} <time>{clock(step.time)}</time>{" "}
        <span class="faint">position {step.seq}</span>
      </p>
    </section>
  );
}
