import type { Cell } from "./cells.ts";
import { PairWorld } from "./pair-world.ts";
import { runCell } from "./run-cell.ts";

/** A process that was killed leaves promises behind that never end; they go with the pair that they are of. */
const CELLS_PER_PAIR = 150;

/** Runs cells one after the other on one pair, on a new one after each that went wrong and now and then. @returns what is wrong, by the name of its cell */
export async function runTable(cells: readonly Cell[]): Promise<Record<string, string[]>> {
  const wrong: Record<string, string[]> = {};
  let world = await PairWorld.start();
  for (const [at, cell] of cells.entries()) {
    if (at % CELLS_PER_PAIR === CELLS_PER_PAIR - 1) {
      await world.stop();
      world = await PairWorld.start();
    }
    const found = await runCell(world, cell).catch((error: unknown) => [String(error)]);
    if (found.length === 0) continue;
    wrong[cell.name] = found;
    await world.stop().catch(() => {});
    world = await PairWorld.start();
  }
  await world.stop();
  return wrong;
}
