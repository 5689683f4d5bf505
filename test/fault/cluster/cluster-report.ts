import type { Figure, RuleName } from "./cluster-rules.ts";
import type { ClusterKill, ClusterRun } from "./run-cluster.ts";

/** Most texts that are shown of what is wrong. */
const SHOWN = 10;

/** One kill in a line: when, what, and how many requests were answered by then. */
export function killLine({ victim, atS, answered }: ClusterKill, number: number): string {
  return `kill ${String(number).padStart(3)}  ${atS.toFixed(1).padStart(6)} s  ${victim.padEnd(12)} after ${answered} answers`;
}

/** What happened, in two lines. */
export function summary({ kills, repeated, early, failedStarts, seconds, outcome }: ClusterRun): string {
  const counts = new Map<string, number>();
  for (const { victim } of kills) {
    const kind = victim.replace(/-\d+$/, "");
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const kinds = [...counts].map(([kind, count]) => `${kind} ${count}`).sort();
  return [
    `${kills.length} kills in ${seconds.disturbed.toFixed(0)} s (${kinds.join(", ")}), at rest ${seconds.rest.toFixed(0)} s later`,
    `${outcome.requests.length} requests, ${repeated} times sent again, ${early} times sent too early, ${failedStarts} starts that came to nothing`,
  ].join("\n");
}

/** Each rule by its name with its figures, and what is wrong. */
export function figuresText(figures: ReadonlyMap<RuleName, readonly Figure[]>): string {
  return [...figures]
    .map(([name, list]) => {
      const broken = list.filter(({ wrong = [] }) => wrong.length > 0);
      const shown = broken.flatMap(({ what, wrong = [] }) => [
        `    BROKEN: ${what}`,
        ...wrong.slice(0, SHOWN).map((text) => `      ${text}`),
        ...(wrong.length > SHOWN ? [`      and ${wrong.length - SHOWN} more`] : []),
      ]);
      const counts = list.map(({ what, count }) => `${what} ${count}`).join(", ");
      return [`${broken.length === 0 ? "holds " : "BROKEN"} ${name}`, `       ${counts}`, ...shown].join("\n");
    })
    .join("\n");
}
