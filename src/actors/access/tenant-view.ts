import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { codeOfReport, errorTable } from "../../errors.ts";
import type { DryRun } from "../dry-run/dry-run.ts";
import type { JobView, ResourceView, TransitionView } from "../gateway-api.ts";
import { resourceOfJob } from "../resource-of-job.ts";

/** Whether the one who is told sees a resource. */
export type Sees = (ref: ResourceRef) => boolean;

const KINDS = new Map(errorTable().map((kind) => [kind.code, kind]));
const DEPENDENCY = /^SB_DEPENDENCY_FAILED: ([a-z][a-z0-9_]*) ([A-Za-z0-9_-]+)/;

/**
 * The report of an error as a tenant is told it. Reports are written for operators: they quote devices, which name their addresses, the
 * statements of others, VRFs and processes. A tenant is told the code and what it means, and of a dependency which of the resources that it sees.
 * @param report as `SignalboxError.report` makes it; "" stays ""
 */
export function reportForTenant(report: string, sees: Sees): string {
  if (report === "") return "";
  const kind = KINDS.get(codeOfReport(report) ?? "SB_INTERNAL");
  if (kind === undefined) return "";
  const [, type, id] = DEPENDENCY.exec(report) ?? [];
  if (type !== undefined && id !== undefined && sees({ type, id })) {
    return `${kind.code}: ${type} ${id} has failed or could not be deleted. Its own error says why; after that, retry this one.`;
  }
  return `${kind.code}: ${kind.title}. Ask an operator, who sees the device and the details, or change the resource and retry.`;
}

/** The resources that a report or the jobs of a transition name. */
export function namedIn(report: string, jobs: readonly JobView[] = []): ResourceRef[] {
  const reports = [report, ...jobs.map(({ error }) => error ?? "")];
  const failed = reports.flatMap((each) => {
    const [, type, id] = DEPENDENCY.exec(each) ?? [];
    return type === undefined || id === undefined ? [] : [{ type, id }];
  });
  return [...failed, ...jobs.flatMap(({ waitsFor }) => waitsFor.map(resourceOfJob))];
}

/** Without devices, processes, and jobs of resources that the tenant does not see. */
export function jobForTenant(job: JobView, sees: Sees): JobView {
  const { worker: _, error, ...rest } = job;
  return {
    ...rest,
    waitsFor: job.waitsFor.filter((id) => sees(resourceOfJob(id))),
    devices: [],
    ...(error === undefined ? {} : { error: reportForTenant(error, sees) }),
  };
}

export function transitionForTenant(view: TransitionView, sees: Sees): TransitionView {
  return {
    ...view,
    jobs: view.jobs.map((job) => jobForTenant(job, sees)),
    error: reportForTenant(view.error, sees),
  };
}

export function resourceForTenant(view: ResourceView, sees: Sees): ResourceView {
  const { error } = view;
  return typeof error === "string" ? { ...view, error: reportForTenant(error, sees) } : view;
}

/** The resources that a dry run names besides those that it would change. */
export function namedInDryRun({ allocations, jobs, devices }: DryRun): ResourceRef[] {
  return [
    ...allocations.map(({ pool }) => pool),
    ...jobs.flatMap(({ waits_for }) => waits_for.filter(isJobId).map(resourceOfJob)),
    ...devices.flatMap(({ problem = "" }) => namedIn(problem)),
  ];
}

/** Routers have numbers instead of addresses; pools that the tenant does not see are told by their type only. */
export function dryRunForTenant(dryRun: DryRun, sees: Sees): DryRun {
  const routers = [...new Set(dryRun.devices.map(({ router }) => router))];
  return {
    ...dryRun,
    allocations: dryRun.allocations.map((allocation) => {
      const { pool } = allocation;
      return sees(pool) ? allocation : { ...allocation, pool: { type: pool.type, id: "", name: "" } };
    }),
    jobs: dryRun.jobs.map((job) => ({
      ...job,
      devices: [],
      waits_for: job.waits_for.filter((name) => !isJobId(name) || sees(resourceOfJob(name))),
    })),
    devices: dryRun.devices.map(({ problem, router, ...device }) => ({
      ...device,
      router: `router ${routers.indexOf(router) + 1}`,
      ...(problem === undefined ? {} : { problem: reportForTenant(problem, sees) }),
    })),
  };
}

/** Jobs of the dry run itself are named otherwise. */
function isJobId(name: string): boolean {
  return name.includes(":");
}
