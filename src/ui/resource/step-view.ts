import type { HistoryStep } from "../api-types.ts";
import { edgeId } from "../chart/chart-graph.ts";

/** What a chart shows of a resource at a step. */
export interface StepView {
  readonly current: readonly string[];
  readonly taken: ReadonlyMap<string, readonly string[]>;
  readonly last: string;
}

/** The states after the last of these steps, and all that led there. */
export function stepView(steps: readonly HistoryStep[]): StepView {
  const taken = new Map<string, string[]>();
  let last = "";
  let operational = "unknown";
  for (const step of steps) {
    const moves: Array<readonly [string, string]> = [[`lifecycle.${step.before}`, `lifecycle.${step.after}`]];
    if (step.operational !== operational) {
      moves.push([`operational.${operational}`, `operational.${step.operational}`]);
      operational = step.operational;
    }
    last = "";
    for (const [from, to] of moves) {
      const id = edgeId(from, to);
      taken.set(id, [...(taken.get(id) ?? []), step.event]);
      if (from !== to) last ||= id;
    }
  }
  const now = steps.at(-1);
  const current = now === undefined ? [] : [`lifecycle.${now.after}`, `operational.${now.operational}`];
  return { current, taken, last };
}
