import type { TestSystem } from "./running-system.ts";

interface LabPage {
  readonly routers: ReadonlyArray<{ name: string; statistics: { commits: number } }>;
}

/** Everything that a request could change, as text: what is stored, what was committed to the log, what is on the devices. */
export async function wholeState(system: TestSystem): Promise<Record<string, string>> {
  const { routers } = await system.get<LabPage>("/lab");
  const state: Record<string, string> = {
    documents: await system.text("/signalbox/v1/documents?prefix=%2F"),
    log: await system.text("/signalbox/v1/transitions"),
    controller: await system.text("/lab/controller/objects"),
  };
  for (const { name, statistics } of routers) {
    state[name] = await system.text(`/lab/routers/${name}/configuration`);
    state[`commits of ${name}`] = String(statistics.commits);
  }
  return state;
}
