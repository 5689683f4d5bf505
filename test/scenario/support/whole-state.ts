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

/** The demo is built and nothing is under way: each of its 25 resources is projected, no job is left, what is monitored was reported. */
export function demoAtRest(documents: ReadonlyMap<string, unknown>): boolean {
  return atRest(documents, { resources: 25, monitored: 16 });
}

/** The same of `everyTypeScenario`. */
export function everyTypeAtRest(documents: ReadonlyMap<string, unknown>): boolean {
  return atRest(documents, { resources: 37, monitored: 22 });
}

function atRest(documents: ReadonlyMap<string, unknown>, wanted: { resources: number; monitored: number }): boolean {
  const keys = [...documents.keys()];
  const count = (prefix: string) => keys.filter((key) => key.startsWith(prefix)).length;
  return (
    count("/state/") === wanted.resources &&
    count("/jobs/") === 0 &&
    count("/esi-worker/job_state/") === 0 &&
    count("/monitoring/") === wanted.monitored
  );
}
