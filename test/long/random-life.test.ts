import fc from "fast-check";
import { expect, it } from "vitest";
import { MOVES, type Move } from "../fault/random-life.ts";
import { liveRandomly } from "../fault/random-run.ts";
import { everyTypeScenario } from "../scenario/support/every-type.ts";

/** Some lives begin with nothing, others with all that there can be. */
const moves: fc.Arbitrary<Move[]> = fc
  .tuple(
    fc.integer({ min: 0, max: 100 }),
    fc.array(fc.record({ kind: fc.constantFrom(...MOVES), choice: fc.nat(1_000) }), { minLength: 60, maxLength: 120 }),
  )
  .map(([first, then]) => [...Array.from({ length: first }, () => ({ kind: "create", choice: 0 }) as const), ...then]);

// `npm run test:random` has more of them. A failure prints the seed, which `SIGNALBOX_SEED` sets.
it("any order of creations, updates and deletions holds what must always hold, and leaves nothing", async () => {
  const scenario = await everyTypeScenario();
  const runs = Number(process.env.SIGNALBOX_RUNS ?? 2);
  const seed = process.env.SIGNALBOX_SEED;
  await fc.assert(
    fc.asyncProperty(moves, async (life) => {
      const { wrong, made } = await liveRandomly(scenario, life);
      expect(wrong, made.join("; ")).toEqual([]);
    }),
    { numRuns: runs, endOnFailure: true, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  );
}, 600_000);
