import { existsSync } from "node:fs";
import { join } from "node:path";
import { productBaseDirectory, readBaseText } from "./junos/base-configuration.ts";
import type { LabRouterOptions } from "./junos/lab-router.ts";
import { type LabPairPlan, labPairPlans } from "./lab-devices.ts";

/**
 * Where a router's base configuration comes from: its own file, and for a router of a further pair that has none, the
 * file of its like in the first pair, with another host name and the networks of its own pair.
 * @throws SB_CONFIG_INVALID when the file cannot be read
 */
export function baseOfRouter(
  name: string,
  pair: LabPairPlan,
  directory: string = productBaseDirectory,
): Pick<LabRouterOptions, "base" | "baseDirectory"> {
  const [first] = labPairPlans(1);
  const model = first?.routers[pair.routers.findIndex((router) => router.name === name)];
  if (pair.number === 1 || model === undefined || existsSync(join(directory, `${name}.set`))) {
    return { baseDirectory: directory };
  }
  return { base: ofPair(readBaseText(model.name, directory), name, pair.number) };
}

/** Management addresses and loopbacks are in 10.79.5.0/24 and 10.255.0.0/24 in the first pair. */
function ofPair(text: string, name: string, pair: number): string {
  return text
    .replace(/(host-name )[\w.-]+/, `$1lab-${name.toLowerCase()}`)
    .replaceAll(/\b10\.79\.5\.(?=\d)/g, `10.79.${pair + 4}.`)
    .replaceAll(/\b10\.255\.0\.(?=\d)/g, `10.255.${pair - 1}.`);
}
