import type { Job } from "../../catalogue/plan-jobs.ts";
import type { Body } from "../../catalogue/resource-view.ts";
import type { Effect, JobState, ResourceContext, StackOutput, TargetStatus } from "./resource-types.ts";

/** The documents of a resource: keys and shapes (reference: etcd documents). */

type Named = Pick<ResourceContext, "collection" | "id" | "type">;

const write = (key: string, value: unknown): Effect => ({ kind: "write", key, value });
const remove = (key: string): Effect => ({ kind: "write", key, value: null });

const JOB_PHASES = ["all", "waiting", "ready", "working", "finished"];

const keys = {
  config: (resource: Named) => `/config/v2.0/${resource.collection}/${resource.id}`,
  state: (resource: Named) => `/state/v2.0/${resource.collection}/${resource.id}`,
  monitoring: (resource: Named) => `/monitoring/v2.0/${resource.collection}/${resource.id}`,
  stack: (resource: Named) => `/esi-worker/heat_stacks/v2.0/${resource.collection}/${resource.id}`,
  jobState: (resource: Named) => `/esi-worker/job_state/v2.0/${resource.collection}/${resource.id}`,
};

/** What the keys of all documents of resources start with. */
export const DOCUMENT_PREFIXES = [
  "/config/v2.0/",
  "/state/v2.0/",
  "/monitoring/v2.0/",
  "/esi-worker/heat_stacks/v2.0/",
  "/esi-worker/job_state/v2.0/",
  ...JOB_PHASES.map((phase) => `/jobs/${phase}/`),
];

/** Keys of all documents that a resource with these jobs can have. */
export function documentKeys(resource: Named, jobs: readonly JobState[]): string[] {
  return [
    ...[keys.config, keys.state, keys.monitoring, keys.stack, keys.jobState].map((key) => key(resource)),
    ...jobs.flatMap(({ job }) => JOB_PHASES.map((phase) => `/jobs/${phase}/${job.id}`)),
  ];
}

export function configDocument(resource: Named, body: Body, version: number, markedForDeletion: boolean): Effect {
  return write(keys.config(resource), { body, version, marked_for_deletion: markedForDeletion });
}

/** A job comes into being: its document, and whether it waits. */
export function plannedJobDocuments(job: Job): Effect[] {
  const phase = job.dependency.length === 0 ? "ready" : "waiting";
  return [write(`/jobs/all/${job.id}`, [job.handler, job, 0]), write(`/jobs/${phase}/${job.id}`, job.handler)];
}

export function jobReadyDocuments(job: Job): Effect[] {
  return [remove(`/jobs/waiting/${job.id}`), write(`/jobs/ready/${job.id}`, job.handler)];
}

export function jobWorkingDocuments(job: Job, worker: string): Effect[] {
  return [remove(`/jobs/ready/${job.id}`), write(`/jobs/working/${job.id}`, worker)];
}

/** Back in the queue after a failure that may pass. */
export function jobRetriedDocuments(job: Job, retries: number): Effect[] {
  return [
    remove(`/jobs/working/${job.id}`),
    write(`/jobs/all/${job.id}`, [job.handler, job, retries]),
    write(`/jobs/ready/${job.id}`, job.handler),
  ];
}

export function jobFinishedDocuments(job: Job): Effect[] {
  return [remove(`/jobs/ready/${job.id}`), remove(`/jobs/working/${job.id}`), write(`/jobs/finished/${job.id}`, "")];
}

/** The version is over: nothing of its jobs stays. */
export function clearedJobDocuments(resource: Named, jobs: readonly JobState[]): Effect[] {
  return [
    ...jobs.flatMap(({ job }) => JOB_PHASES.map((phase) => remove(`/jobs/${phase}/${job.id}`))),
    remove(keys.jobState(resource)),
  ];
}

export function jobStateDocument(
  resource: Named,
  outputs: readonly StackOutput[] | null,
  stateMonitoring: Readonly<Record<string, string>> | null,
): Effect {
  return write(keys.jobState(resource), {
    ...(stateMonitoring === null ? {} : { state_monitoring: stateMonitoring }),
    ...(outputs === null ? {} : { heat_outputs: outputs }),
  });
}

export function stackDocument(
  resource: Named & { readonly body: Body },
  action: Job["action"],
  outputs: readonly StackOutput[],
  failure: string | undefined,
): Effect {
  const word = { create: "CREATE", modify: "UPDATE", delete: "DELETE" }[action];
  const reason = action === "modify" ? "Stack successfully updated" : `Stack ${word} completed successfully`;
  return write(keys.stack(resource), {
    stack_id: `${resource.type}_${resource.id}`,
    tenant_id: resource.body["tenant_id"] ?? "",
    stack_status: failure === undefined ? `${word}_COMPLETE` : `${word}_FAILED`,
    status_reason: failure ?? reason,
    output: outputs,
    id: `${resource.type}:${resource.id}`,
  });
}

export function stackRemoved(resource: Named): Effect {
  return remove(keys.stack(resource));
}

/** Values inside `state` are JSON texts. */
export function stateDocument(
  resource: Named,
  version: number,
  workerState: string,
  outputs: readonly StackOutput[] | null,
  stateMonitoring: Readonly<Record<string, string>> | null,
  error: string,
): Effect {
  return write(keys.state(resource), {
    state: {
      worker_state: workerState,
      ...(stateMonitoring === null ? {} : { state_monitoring: JSON.stringify(stateMonitoring) }),
      ...(outputs === null ? {} : { heat_outputs: JSON.stringify(outputs) }),
    },
    version,
    error,
  });
}

/** Targets that are not published show only while they are not as wanted. */
export function monitoringDocument(context: ResourceContext, statuses: Readonly<Record<string, TargetStatus>>): Effect {
  const shown = (context.monitoring?.targets ?? []).flatMap((target) => {
    const status = statuses[target.name];
    return status !== undefined && (target.publish || status.verdict !== "good")
      ? [[target.name, status.published] as const]
      : [];
  });
  if (shown.length === 0) return monitoringRemoved(context);
  return write(keys.monitoring(context), {
    version: context.monitoring?.version ?? context.version,
    ...Object.fromEntries(shown),
  });
}

export function monitoringRemoved(resource: Named): Effect {
  return remove(keys.monitoring(resource));
}

export function allRemoved(context: ResourceContext): Effect[] {
  return [
    ...clearedJobDocuments(context, context.jobs),
    ...[keys.config, keys.state, keys.monitoring, keys.stack].map((key) => remove(key(context))),
  ];
}
