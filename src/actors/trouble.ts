import type { IndexEntry } from "./resource-index.ts";

/**
 * Why a version of a resource has failed, or is being tried again; "" when neither. What monitoring sees of a complete one is not in it:
 * such a resource is shown as the original shows it (seed 004).
 */
export function troubleOf({ context, jobs }: Pick<IndexEntry, "context" | "jobs">): string {
  return context.error || (jobs.find((job) => job.error !== undefined)?.error ?? "");
}
