import { mergeTree } from "../../../src/catalogue/device-config.ts";
import { parseConfiguration, productBaseDirectory, readBaseText } from "../../../src/lab/junos/base-configuration.ts";
import { applyXml } from "../../../src/lab/junos/edit-xml.ts";
import { renderSet } from "../../../src/lab/junos/set-lines.ts";
import { labPairPlans } from "../../../src/lab/lab-devices.ts";
import { baseOfRouter } from "../../../src/lab/pair-configuration.ts";
import { parseXml } from "../../../src/xml/element.ts";
import type { LoggedResource } from "../logged-resources.ts";

/** A router of the lab with the lines of `set` that it must hold, sorted. */
export interface WantedRouter {
  readonly name: string;
  readonly pair: number;
  readonly lines: readonly string[];
}

/**
 * What each router of a lab must hold: its base, and on it what the log says that each living resource has there.
 * @param open opens what is sealed in a configuration
 */
export function wantedRouters(
  pairs: number,
  resources: readonly LoggedResource[],
  open: (text: string) => string,
): WantedRouter[] {
  return labPairPlans(pairs).flatMap((pair) =>
    pair.routers.map(({ name, address }) => {
      const base = baseOfRouter(name, pair);
      let tree = parseConfiguration(base.base ?? readBaseText(name, base.baseDirectory ?? productBaseDirectory));
      for (const { applied } of resources) {
        for (const { host, configuration } of applied) {
          if (host === address) tree = applyXml(tree, mergeTree(parseXml(open(configuration)))).tree;
        }
      }
      return { name, pair: pair.number, lines: renderSet(tree).sort() };
    }),
  );
}
