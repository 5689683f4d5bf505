import type { HistoryStep } from "../api-types.ts";
import { clock, duration, words } from "../format.ts";
import { ScrollRegion } from "../scroll-region.tsx";

export interface StepsViewProps {
  readonly steps: readonly HistoryStep[];
  readonly index: number;
  readonly more: boolean;
  readonly onStep: (index: number) => void;
}

/** Every transition in a line, the latest first. */
export function StepsView({ steps, index, more, onStep }: StepsViewProps) {
  return (
    <ScrollRegion class="steps" label="Transitions">
      <table>
        <thead>
          <tr>
            <th scope="col">Position</th>
            <th scope="col">Time</th>
            <th scope="col">After</th>
            <th scope="col">Event</th>
            <th scope="col">Lifecycle</th>
            <th scope="col">Operational</th>
            <th scope="col">Version</th>
          </tr>
        </thead>
        <tbody>
          {steps
            .map((step, at) => {
              const before = steps[at - 1];
              return (
                <tr key={step.seq} class={at === index ? "looked-at" : ""} data-seq={step.seq}>
                  <td>
                    <button type="button" class="link" onClick={() => onStep(at)}>
                      {step.seq}
                    </button>
                  </td>
                  <td>{clock(step.time)}</td>
                  <td>{before === undefined ? "" : duration(step.time - before.time)}</td>
                  <td>
                    <code>{step.event}</code>
                  </td>
                  <td>
                    {step.before === step.after ? words(step.after) : `${words(step.before)} → ${words(step.after)}`}
                  </td>
                  <td>{words(step.operational)}</td>
                  <td>
                    {step.version}
                    {step.queued > 0 ? ` (+${step.queued})` : ""}
                  </td>
                </tr>
              );
            })
            .toReversed()}
        </tbody>
      </table>
      {more && <p class="faint">There are older ones in the log.</p>}
    </ScrollRegion>
  );
}
