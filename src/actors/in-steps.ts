import { setImmediate as othersFirst } from "node:timers/promises";

/** Work that can be interrupted: each `yield` is a place where the process may do something else. It ends with what came of it. */
export type Steps<T> = Generator<void, T>;

/** Does the work, with everything else that waits for the process between its steps. */
export async function inSteps<T>(work: Steps<T>): Promise<T> {
  for (let step = work.next(); ; step = work.next()) {
    if (step.done === true) return step.value;
    await othersFirst();
  }
}

/** Does the work at once. */
export function atOnce<T>(work: Steps<T>): T {
  for (let step = work.next(); ; step = work.next()) if (step.done === true) return step.value;
}
