import type { Catalogue } from "../../catalogue/load-catalogue.ts";
import type { Job } from "../../catalogue/plan-jobs.ts";
import type { Body, ResourceRef, ResourceView } from "../../catalogue/resource-view.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { devicesOf } from "../../machines/resource/job-devices.ts";
import type { Applied, AppliedRouter, PlannedVersion } from "../../machines/resource/resource-types.ts";
import type { XmlElement } from "../../xml/element.ts";
import type { ConfigurationRenderer } from "../ports.ts";
import { type OutputsOf, resolveParams } from "../workers/resolve-params.ts";
import { editsBetween, renderRouters } from "../workers/router-stack.ts";
import type { DryRunDevice, DryRunJob } from "./dry-run.ts";
import { maskedTree, secretsOf } from "./masked.ts";
import { outputsWithPlaceholders } from "./placeholders.ts";

/** What one resource's next version does. */
export interface PlannedWork {
  readonly ref: ResourceRef;
  readonly version: number;
  readonly body: Body;
  readonly plan: PlannedVersion;
  /** What it has on devices before. */
  readonly former: Applied | null;
  /** Other planned work whose last job its first one waits for, though the plan does not say so. */
  readonly after?: readonly ResourceRef[];
}

export interface PlannedWorkOptions {
  readonly catalogue: Catalogue;
  readonly view: ResourceView;
  readonly renderer: ConfigurationRenderer;
  readonly outputsOf: OutputsOf;
}

/** The configuration is a tree still. */
export type PlannedDevice = Omit<DryRunDevice, "configuration"> & { readonly configuration: XmlElement | undefined };

/** The jobs of planned work in its order, and what each would send to which router. */
export function workOf(
  work: readonly PlannedWork[],
  options: PlannedWorkOptions,
): { jobs: DryRunJob[]; devices: PlannedDevice[] } {
  const jobs: DryRunJob[] = [];
  const devices: PlannedDevice[] = [];
  const names = new Map(work.flatMap(({ plan }) => plan.jobs).map((job, at) => [job.id, `jobs/${at}`] as const));
  const lastOf = new Map(work.map(({ ref, plan }) => [ref.id, plan.jobs.at(-1)?.id]));
  for (const each of work) {
    let former: FormerRouters = each.former ?? { routers: [] };
    for (const job of each.plan.jobs) {
      const name = names.get(job.id) ?? job.id;
      const others = job.is_first ? (each.after ?? []).flatMap(({ id }) => lastOf.get(id) ?? []) : [];
      jobs.push({
        name,
        type: job.resource_type,
        id: job.resource_id,
        version: each.version,
        action: job.action,
        handler: job.handler,
        template: each.plan.templates[job.handler] ?? "",
        waits_for: [...new Set([...job.dependency, ...others])].map((id) => names.get(id) ?? id),
        devices: devicesOf(job.params),
      });
      if (job.handler !== "heat_worker") continue;
      const sent = routersOf(each, job, name, former, options);
      devices.push(...sent.devices);
      former = { routers: sent.wanted };
    }
  }
  return { jobs, devices };
}

type FormerRouters = Pick<Applied, "routers" | "residue">;

function routersOf(
  work: PlannedWork,
  job: Job,
  name: string,
  former: FormerRouters,
  options: PlannedWorkOptions,
): { devices: PlannedDevice[]; wanted: readonly AppliedRouter[] } {
  const secrets = new Set(
    [{ type: work.ref.type, body: work.body }, ...involved(job, options.view)].flatMap(({ type, body }) =>
      secretsOf(options.catalogue, type, body),
    ),
  );
  try {
    const wanted = job.action === "delete" ? [] : renderedFor(work, job, options);
    const devices = editsBetween(former.routers, wanted, former.residue).map(({ address, configuration }) => ({
      router: address.host,
      job: name,
      configuration: maskedTree(configuration, secrets),
    }));
    return { devices, wanted };
  } catch (thrown) {
    const error = asSignalboxError(thrown);
    if (error.code === "SB_INTERNAL") throw error;
    const problem = new SignalboxError(error.code, error.message, { ...error.toJson(), cause: error }).report;
    const devices = devicesOf(job.params).map((router) => ({ router, job: name, configuration: undefined, problem }));
    return { devices, wanted: former.routers };
  }
}

/** What a job would put on its routers, as rendered. */
export function renderedFor(
  { ref, plan }: Pick<PlannedWork, "ref" | "plan">,
  job: Job,
  { catalogue, renderer, outputsOf }: PlannedWorkOptions,
): AppliedRouter[] {
  const template = catalogue.types.get(ref.type)?.handlers[plan.templates["heat_worker"] ?? ""];
  if (template?.routers === undefined) return [];
  const params = resolveParams(job.params, outputsWithPlaceholders(job.params, outputsOf));
  return renderRouters(template.routers, params, renderer);
}

/** The resources that a job's parameters were read from. */
function involved({ params }: Job, view: ResourceView): Array<{ type: string; body: Body }> {
  return params.flatMap(({ resources }) =>
    resources.flatMap(({ resource_type: type, resource_id: id }) => {
      const found = view.get(type, id);
      return found === undefined ? [] : [{ type, body: found.body }];
    }),
  );
}
