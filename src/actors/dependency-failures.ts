import type { ResourceRef } from "../catalogue/resource-view.ts";
import { isResting } from "../machines/resource/resource-status.ts";
import type { IndexEntry, ResourceIndex } from "./resource-index.ts";
import { resourceOfJob } from "./resource-of-job.ts";

/**
 * Resolves when the failures of these resources' dependencies have arrived at them. Until then a resource that is about to fail still looks
 * busy, and would be passed over by whoever tries again what has failed.
 * @param refs each after what it waits for
 */
export async function dependencyFailuresArrived(index: ResourceIndex, refs: readonly ResourceRef[]): Promise<void> {
  for (const ref of refs) {
    await new Promise<void>((resolve) => {
      const look = () => {
        const entry = index.entry(ref);
        if (entry !== undefined && isAboutToFail(index, entry)) return;
        unsubscribe();
        resolve();
      };
      const unsubscribe = index.onChange(look);
      look();
    });
  }
}

function isAboutToFail(index: ResourceIndex, entry: IndexEntry): boolean {
  if (isResting(entry.value.lifecycle)) return false;
  return entry.jobs.some(
    (job) =>
      job.phase === "waiting" &&
      job.waitsFor.some((dependency) => {
        const owner = index.entry(resourceOfJob(dependency));
        return (
          owner?.value.lifecycle.endsWith("_failed") === true &&
          owner.jobs.some(({ id, phase }) => id === dependency && phase !== "finished")
        );
      }),
  );
}
