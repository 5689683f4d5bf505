import type { IndexEntry } from "./resource-index.ts";

/**
 * Why a resource is not well, for whoever looks at it: the error of the version that failed, or of the job that is being tried again, or
 * what the targets that are not as wanted say. "" when nothing is wrong.
 */
export function troubleOf({ context, jobs }: Pick<IndexEntry, "context" | "jobs">): string {
  if (context.error !== "") return context.error;
  const retried = jobs.find((job) => job.error !== undefined)?.error;
  if (retried !== undefined) return retried;
  return (context.monitoring?.targets ?? [])
    .flatMap(({ name }) => {
      const status = context.statuses[name];
      return status === undefined || status.verdict === "good"
        ? []
        : [`${name} is ${status.published}${status.reason === undefined ? "" : `: ${status.reason}`}`];
    })
    .join("; ");
}
