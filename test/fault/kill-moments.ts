import type { Random } from "../../src/actors/ports.ts";
import type { Pace, Retry } from "./careful-client.ts";

/**
 * How long the routers take for a commit that changes something: no time, some hundred milliseconds, or longer than a
 * restart of the orchestrator, so that the next life finds the last one's commit still under way.
 */
export type Timing = "instant" | "slow" | "long";

/** A way to run the scenario; runs of the same mode are compared. */
export interface Mode {
  readonly timing: Timing;
  readonly pace: Pace;
  readonly retry: Retry;
}

const instantPaced: Mode = { timing: "instant", pace: "paced", retry: "look" };
export const slowPaced: Mode = { timing: "slow", pace: "paced", retry: "key" };
export const modes: readonly Mode[] = [
  instantPaced,
  slowPaced,
  { timing: "instant", pace: "burst", retry: "key" },
  { timing: "slow", pace: "burst", retry: "look" },
];

/** A client that waits, and commits that outlast a restart. */
export const longPaced: Mode = { timing: "long", pace: "paced", retry: "look" };

/** Milliseconds of a commit by router: different ones, so that a kill can come between the two. */
export const commitMs = {
  instant: { "MX-1": 0, "MX-2": 0 },
  slow: { "MX-1": 250, "MX-2": 400 },
  long: { "MX-1": 4000, "MX-2": 6000 },
} as const;

/**
 * When to kill: after so many sightings, of whatever is to be seen or of commits of routers, and then after so many
 * milliseconds, because there is nothing to be seen in the middle of a commit.
 */
export interface KillMoment {
  readonly after: number;
  readonly of: "anything" | "commit";
  readonly delayMs: number;
}

/** How much is to be seen of an undisturbed run. */
export interface Length {
  readonly anything: number;
  readonly commit: number;
}

const DELAY_MS = { instant: 8, slow: 350, long: 3500 } as const;

/**
 * One moment for each of `count` runs, spread from the first request to the last document: one at random out of each of
 * `count` equal parts of the scenario. Every other one of the slow runs is aimed at what lies between two commits.
 * @param lengths by mode
 */
export function spreadMoments(
  count: number,
  lengths: ReadonlyMap<Mode, Length>,
  random: Random,
): Array<{ mode: Mode; moment: KillMoment }> {
  return Array.from({ length: count }, (_, at) => {
    const mode = modes[at % modes.length] ?? instantPaced;
    const of = mode.timing === "slow" && Math.floor(at / modes.length) % 2 === 1 ? "commit" : "anything";
    const part = (at + random.fraction()) / count;
    const after = Math.max(1, Math.ceil(part * (lengths.get(mode)?.[of] ?? 0)));
    return {
      mode,
      moment: { after, of, delayMs: of === "commit" ? betweenCommits(mode, random) : delay(mode, random) },
    };
  });
}

/**
 * Moments for lives that come one after the other, counted from the start of each, so that some come while the process
 * takes up what the one before has left.
 * @param length of an undisturbed run
 */
export function successiveMoments(count: number, mode: Mode, length: Length, random: Random): KillMoment[] {
  // Each life sees its own start first and repeats something; on average they get to the end together.
  const most = Math.ceil((2.5 * length.anything) / count) + 6;
  return Array.from({ length: count }, () => ({
    after: 1 + Math.floor(random.fraction() * most),
    of: "anything",
    delayMs: delay(mode, random),
  }));
}

/**
 * Moments while commits that outlast a restart are under way: between those of the two routers, and in each of the next
 * two lives while it tries to take them up.
 */
export function outlastingMoments(random: Random): KillMoment[] {
  const start: KillMoment = { after: 4, of: "anything", delayMs: delay(longPaced, random) };
  return [{ after: 1, of: "commit", delayMs: betweenCommits(longPaced, random) / 2 }, start, start];
}

function delay({ timing }: Mode, random: Random): number {
  // Half of them at once: what follows a sighting is as interesting as what lies between two.
  const [some, much] = [random.fraction(), random.fraction()];
  return some < 0.5 ? 0 : Math.round(much * DELAY_MS[timing]);
}

function betweenCommits({ timing }: Mode, random: Random): number {
  return Math.round(random.fraction() * (commitMs[timing]["MX-2"] - commitMs[timing]["MX-1"]));
}
