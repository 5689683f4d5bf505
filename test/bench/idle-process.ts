import { setTimeout as sleep } from "node:timers/promises";
import type { ChildSystem } from "./child-system.ts";
import { memoryOf, type ProcessMemory, processorSeconds } from "./process-figures.ts";

/** Before a process counts as idle: the first round of polls, and then until it has written all documents. */
const SETTLING_MS = 30_000;
const BUSY_SHARE = 0.35;
const CALM_SAMPLES = 2;
/** Two rounds of polls. */
const SAMPLES = 12;
const SAMPLE_MS = 5_000;

export interface IdleFigures {
  /** The greatest of the samples. */
  readonly memory: ProcessMemory;
  /** Of one core, 0 to 1 and more. */
  readonly share: number;
}

export interface IdleOptions {
  readonly quick: boolean;
  /** A process whose polls alone take more than half a core is never at rest by that: it has this long instead, milliseconds. */
  readonly settlingMs?: number;
}

/** What a process takes in a minute in which nobody asks it for anything. */
export async function idleFigures({ pid }: ChildSystem, options: IdleOptions): Promise<IdleFigures> {
  const { quick, settlingMs } = options;
  if (!quick && settlingMs !== undefined) await sleep(settlingMs);
  else if (!quick) await rest(pid);
  const [start, before] = [performance.now(), processorSeconds(pid)];
  let memory = memoryOf(pid);
  for (let at = 0; at < (quick ? 2 : SAMPLES); at += 1) {
    await sleep(quick ? 50 : SAMPLE_MS);
    const now = memoryOf(pid);
    if (now.rss > memory.rss) memory = now;
  }
  return { memory, share: (processorSeconds(pid) - before) / ((performance.now() - start) / 1000) };
}

/** Resolves when the process does no more than its polls take: documents are written some time after what they tell. */
async function rest(pid: number): Promise<void> {
  await sleep(SETTLING_MS);
  for (let calm = 0; calm < CALM_SAMPLES; ) {
    const before = processorSeconds(pid);
    await sleep(SAMPLE_MS);
    calm = (processorSeconds(pid) - before) / (SAMPLE_MS / 1000) < BUSY_SHARE ? calm + 1 : 0;
  }
}
