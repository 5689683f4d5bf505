type Documents = ReadonlyMap<string, unknown>;

/** The demo is built and nothing is under way: each of its 25 resources is projected, no job is left, what is monitored was reported. */
export function demoAtRest(documents: Documents): boolean {
  return atRest(documents, { resources: 25, monitored: 16 });
}

/** So many resources are projected, so many of them with monitoring, and no job is left. */
export function atRest(documents: Documents, wanted: { resources: number; monitored: number }): boolean {
  const keys = [...documents.keys()];
  const count = (prefix: string) => keys.filter((key) => key.startsWith(prefix)).length;
  return (
    count("/state/") === wanted.resources &&
    count("/jobs/") === 0 &&
    count("/esi-worker/job_state/") === 0 &&
    count("/monitoring/") === wanted.monitored
  );
}
