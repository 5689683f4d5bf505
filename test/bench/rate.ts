import { type Spread, spreadOf } from "./statistics.ts";

/** How long a rate is measured. */
export interface RateOptions {
  /** Seconds of each round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Seconds of which clock; the wall's when not given. */
  readonly clock?: "wall" | "processor";
}

/**
 * How often a second something can be done, one after the other: a round to warm up, then several that count.
 * @param once does it and answers how many were done
 */
export async function rateOf(once: () => number | Promise<number>, options: RateOptions): Promise<Spread> {
  const now = options.clock === "processor" ? processorMs : () => performance.now();
  const round = async (): Promise<number> => {
    const start = now();
    let done = 0;
    let elapsed = 0;
    while (elapsed < options.seconds * 1000) {
      const result = once();
      done += typeof result === "number" ? result : await result;
      elapsed = now() - start;
    }
    return done / (elapsed / 1000);
  };
  await round();
  const rates: number[] = [];
  for (let at = 0; at < options.rounds; at += 1) rates.push(await round());
  return spreadOf(rates);
}

/** Processor time of this process, all of its threads, milliseconds. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
