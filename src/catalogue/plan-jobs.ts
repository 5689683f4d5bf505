import { SignalboxError } from "../errors.ts";
import { type Evaluated, type EvaluationContext, evaluate } from "./evaluate.ts";
import type { Catalogue } from "./load-catalogue.ts";
import type { Body, Handler, ResourceRef, ResourceView, ViewedResource } from "./resource-view.ts";
import type { HandlerTemplate, TypeDefinition } from "./type-definition.ts";

/** A job as its document shows it (reference: etcd documents). Field names are the original's. */
export interface Job {
  readonly id: string;
  readonly action: "create" | "modify" | "delete";
  readonly handler: Handler;
  readonly job_name: string;
  readonly resource_type: string;
  readonly resource_id: string;
  readonly version: number;
  readonly resource_input: Body;
  readonly dependency: readonly string[];
  readonly is_first: boolean;
  readonly is_last: boolean;
  readonly on_failure: "fail" | "ignore";
  readonly params: readonly JobParam[];
}

export interface JobParam {
  readonly param: string;
  readonly type: "value" | "output_key" | "list";
  readonly value: unknown;
  readonly resources: ReadonlyArray<{ readonly resource_type: string; readonly resource_id: string }>;
}

/** What a version does: nothing on devices has no jobs. */
export interface Plan {
  readonly jobs: readonly Job[];
  /** Name of the template of each handler, for the workers. */
  readonly templates: Readonly<Partial<Record<Handler, string>>>;
}

export interface PlanRequest {
  readonly type: TypeDefinition;
  readonly id: string;
  readonly action: "create" | "update" | "delete";
  readonly version: number;
  readonly body: Body;
  /** The body of the version that is in effect; for an update. */
  readonly previousBody?: Body;
  /** The other resources, those of the same request planned before this one included. */
  readonly view: ResourceView;
  /** Five characters of [a-z0-9] for each job id. */
  readonly suffix: () => string;
}

/**
 * Turns a version of a resource into its chain of jobs (reference: jobs).
 * @throws SB_PARAMETER_INVALID when a parameter leads nowhere
 */
export function planJobs(request: PlanRequest, catalogue: Catalogue): Plan {
  const { type } = request;
  const steps = chainOf(request, catalogue);
  if (steps.length === 0) return { jobs: [], templates: {} };
  const jobs: Job[] = [];
  const refs: ResourceRef[] = steps.flatMap((step) => step.params.flatMap((param) => param.refs));
  for (const [at, step] of steps.entries()) {
    const first = at === 0;
    jobs.push({
      id: `${step.action}:${step.template.handler}:${type.type}:${request.id}:${request.version}:${request.suffix()}`,
      action: step.action,
      handler: step.template.handler,
      job_name: `${type.type}:${request.id}:${request.version}`,
      resource_type: type.type,
      resource_id: request.id,
      version: request.version,
      resource_input: request.body,
      dependency: first ? outsideDependencies(request, refs) : ownDependencies(request.action, jobs),
      is_first: first,
      is_last: at === steps.length - 1,
      on_failure: step.action === "delete" && step.template.handler === "monitoring_worker" ? "ignore" : "fail",
      params: step.params.map((param) => param.param),
    });
  }
  const templates = Object.fromEntries(steps.map((step) => [step.template.handler, step.template.name]));
  return { jobs, templates };
}

/** A job of a chain depends on the one before it; the monitoring of an update on both before it. */
function ownDependencies(action: PlanRequest["action"], before: readonly Job[]): string[] {
  const ids = before.map((job) => job.id).reverse();
  return action === "update" ? ids : ids.slice(0, 1);
}

/** What the first job waits for: resources that its chain builds on, and resources that are built on this one. */
function outsideDependencies(request: PlanRequest, refs: readonly ResourceRef[]): string[] {
  const ids = new Set<string>();
  for (const ref of refs) {
    if (ref.id === request.id) continue;
    const unfinished = request.view.get(ref.type, ref.id)?.unfinishedJobs ?? [];
    const heat = unfinished.filter((job) => job.handler === "heat_worker");
    // A resource without a stack is there when its monitoring says so.
    const monitoringOnly = unfinished.filter((job) => job.handler === "monitoring_worker" && job.first);
    for (const job of heat.length > 0 ? heat : monitoringOnly) ids.add(job.id);
  }
  if (request.action !== "create") {
    for (const referrer of request.view.referrers(request.type.type, request.id)) {
      for (const job of referrer.unfinishedJobs) ids.add(job.id);
    }
  }
  return [...ids];
}

interface ChainStep {
  readonly action: Job["action"];
  readonly template: HandlerTemplate;
  readonly params: ReadonlyArray<{ readonly param: JobParam; readonly refs: readonly ResourceRef[] }>;
}

function chainOf(request: PlanRequest, catalogue: Catalogue): ChainStep[] {
  const { type, id, body, view } = request;
  const previous = request.previousBody ?? body;
  // A changed field may give an instance templates that it had not, or take away those that it had.
  const now = templatesOf(type, id, body, view, catalogue);
  const before = templatesOf(type, id, previous, view, catalogue);
  const current = (template: HandlerTemplate) => paramsOf(template, request, body, catalogue);
  const former = (template: HandlerTemplate) => paramsOf(template, request, previous, catalogue);
  const both = (template: HandlerTemplate) => merge(former(template), current(template));
  type Params = (template: HandlerTemplate) => ChainStep["params"];
  const step = (action: Job["action"], template: HandlerTemplate | undefined, params: Params): ChainStep[] =>
    template === undefined ? [] : [{ action, template, params: params(template) }];
  switch (request.action) {
    case "create":
      return [...step("create", now.stack, current), ...step("create", now.monitoring, current)];
    case "delete":
      return [
        ...step("delete", now.monitoring ?? before.monitoring, current),
        ...step("delete", now.stack ?? before.stack, current),
      ];
    case "update":
      return [
        ...step("delete", before.monitoring, former),
        ...(before.stack && now.stack
          ? step("modify", now.stack, both)
          : [...step("delete", before.stack, former), ...step("create", now.stack, current)]),
        ...step("create", now.monitoring, before.monitoring === undefined ? current : both),
      ];
    default:
      return request.action satisfies never;
  }
}

/** The templates that apply to this instance; a type may say none for some. */
export function templatesOf(
  type: TypeDefinition,
  id: string,
  body: Body,
  view: ResourceView,
  catalogue: Catalogue,
): { stack: HandlerTemplate | undefined; monitoring: HandlerTemplate | undefined } {
  const context = contextOf(type.type, id, body, view, catalogue);
  const pick = (expression: TypeDefinition["stackTemplate"]) => {
    if (expression === null) return undefined;
    const name = evaluate(expression, context);
    return name.kind === "value" && typeof name.value === "string" ? type.handlers[name.value] : undefined;
  };
  return { stack: pick(type.stackTemplate), monitoring: pick(type.monitoringTemplate) };
}

export function contextOf(
  type: string,
  id: string,
  body: Body,
  view: ResourceView,
  catalogue: Catalogue,
): EvaluationContext {
  return {
    view,
    self: { type, id, body },
    fieldsOf: (name) => catalogue.types.get(name)?.fields,
    mayLeadTo: (target) => isOfTenant(target, body, catalogue),
  };
}

/** What a resource may be led to by a value that nobody has checked: infrastructure, what is shared, and what is of its own tenant. */
function isOfTenant(target: ViewedResource, { tenant_id: tenant }: Body, catalogue: Catalogue): boolean {
  if (catalogue.types.get(target.type)?.infrastructure === true || target.body["shared"] === true) return true;
  return tenant === undefined || tenant === null || tenant === "" || tenant === target.body["tenant_id"];
}

function paramsOf(
  template: HandlerTemplate,
  request: PlanRequest,
  body: Body,
  catalogue: Catalogue,
): ChainStep["params"] {
  const context = contextOf(request.type.type, request.id, body, request.view, catalogue);
  return template.params.map(({ param, value }) => {
    try {
      const evaluated = evaluate(value, context);
      return { param: toParam(param, evaluated), refs: evaluated.resources };
    } catch (error) {
      if (!(error instanceof SignalboxError) || error.code !== "SB_PARAMETER_INVALID") throw error;
      // What is taken away is known from what was applied: a relation that is gone already must not keep it there.
      if (request.action === "delete") return { param: { param, type: "value", value: "", resources: [] }, refs: [] };
      throw new SignalboxError("SB_PARAMETER_INVALID", `parameter ${param} of ${template.name}: ${error.message}`, {
        cause: error,
      });
    }
  });
}

function toParam(param: string, evaluated: Evaluated): JobParam {
  const resources = evaluated.resources.map((ref) => ({ resource_type: ref.type, resource_id: ref.id }));
  switch (evaluated.kind) {
    case "value":
      return { param, type: "value", value: evaluated.value, resources };
    case "output":
      return { param, type: "output_key", value: evaluated.reference, resources };
    case "outputs": {
      const entries = evaluated.references.map((value) => ({ param, type: "output_key", value, resources: [] }));
      return { param, type: "list", value: entries, resources };
    }
    default:
      return evaluated satisfies never;
  }
}

/** On an update `resources` is the chain of the former body followed by the new one's; the value is the new one's. */
function merge(former: ChainStep["params"], current: ChainStep["params"]): ChainStep["params"] {
  return current.map((entry, at) => {
    const before = former[at];
    if (before === undefined) return entry;
    const resources = [...before.param.resources, ...entry.param.resources];
    return { param: { ...entry.param, resources }, refs: [...before.refs, ...entry.refs] };
  });
}
