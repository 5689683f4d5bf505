import type { TestSystem } from "./running-system.ts";

/** Lines of configuration on the primary and on the secondary router of the demo's pair. */
export type Lines = { readonly [name in "MX-2" | "MX-1"]: readonly string[] };

export const routers = ["MX-2", "MX-1"] as const;

/** @param shown what is compared of a router's text */
export async function linesOf(system: TestSystem, shown = (text: string) => text): Promise<Lines> {
  const [primary = [], secondary = []] = await Promise.all(
    routers.map(async (name) => shown(await system.text(`/lab/routers/${name}/set`)).split("\n")),
  );
  return { "MX-2": primary, "MX-1": secondary };
}

/** What a router has that it had not before. */
export function added(before: Lines, after: Lines): Lines {
  const on = (name: keyof Lines) => after[name].filter((line) => !before[name].includes(line)).sort();
  return { "MX-2": on("MX-2"), "MX-1": on("MX-1") };
}

/** How many commits have changed each router: the second one of a pair, which confirms, changes nothing. */
export async function changes(system: TestSystem): Promise<Record<string, number>> {
  const counts = routers.map(async (name) => {
    const { commits } = await system.get<{ commits: Array<{ lines: string[] }> }>(`/lab/routers/${name}/commits`);
    return [name, commits.filter(({ lines }) => lines.length > 0).length];
  });
  return Object.fromEntries(await Promise.all(counts)) as Record<string, number>;
}
