import type { ResourceRef } from "../catalogue/resource-view.ts";

/** The resource that a job belongs to, from the job's id: action, handler, type, id, version, suffix. */
export function resourceOfJob(jobId: string): ResourceRef {
  const [, , type = "", id = ""] = jobId.split(":");
  return { type, id };
}
