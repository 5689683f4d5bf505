/** What the wall clock is set on or back by in these tests, milliseconds. */
export const DAY_MS = 86_400_000;

/** Each test is run with both: nothing waits longer than was asked, and nothing ends early. */
export const JUMPS = [
  { name: "a day ahead", ms: DAY_MS },
  { name: "a day back", ms: -DAY_MS },
] as const;

/** Lets what was called back meanwhile come to an end: the stores in memory answer within microtasks and immediates. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
