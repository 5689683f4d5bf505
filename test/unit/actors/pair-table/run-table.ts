import type { Cell } from "./cells.ts";
import { PairWorld } from "./pair-world.ts";
import { runCell } from "./run-cell.ts";

/** Runs cells one after the other on one pair, on a new one after each that went wrong. @returns what is wrong, by the name of its cell */
export async function runTable(cells: readonly Cell[]): Promise<Record<string, string[]>> {
  const wrong: Record<string, string[]> = {};
  let world = await PairWorld.start();
  for (const cell of cells) {
    const found = await runCell(world, cell).catch((error: unknown) => [String(error)]);
    if (found.length === 0) continue;
    wrong[cell.name] = found;
    await world.stop().catch(() => {});
    world = await PairWorld.start();
  }
  await world.stop();
  return wrong;
}
