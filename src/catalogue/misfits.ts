import type { Job } from "./plan-jobs.ts";
import type { Body } from "./resource-view.ts";
import { TARGET_KINDS, type TypeDefinition } from "./type-definition.ts";

/** What a living resource needs of the catalogue. */
export interface NeedsOfResource {
  readonly type: string;
  readonly collection: string;
  readonly body: Body;
  /** Names of the templates that its version was planned with. */
  readonly templates: readonly string[];
  /** Something of it is on routers or on the controller. */
  readonly isApplied: boolean;
  /** Kinds of its monitoring targets. */
  readonly targetKinds: readonly string[];
  /** Jobs that are not over. */
  readonly openJobs: readonly Job[];
}

/**
 * What the catalogue lacks of what a resource needs, each without the resource's name so that equal ones can be counted; none when it fits.
 * Such a resource cannot be shown, changed or taken away rightly: with its template gone a deletion would plan nothing and leave all of it on
 * the devices.
 */
export function misfitsOf(resource: NeedsOfResource, types: ReadonlyMap<string, TypeDefinition>): string[] {
  const type = types.get(resource.type);
  if (type === undefined) return ["there is no such type any more"];
  const { collection, body } = resource;
  const misfits: string[] = [];
  if (collection !== type.collection) {
    misfits.push(`the collection was ${collection} and is ${type.collection} now`);
  }
  for (const name of resource.templates) {
    if (type.handlers[name] === undefined) misfits.push(`there is no template ${name} any more`);
  }
  if (resource.isApplied && type.stackTemplate === null) {
    misfits.push("the type has no stack any more, and what theirs has made would stay on the devices");
  }
  for (const [field, value] of Object.entries(body)) {
    if (value === null || value === undefined || type.fields[field] !== undefined) continue;
    misfits.push(`there is no field ${field} any more, and they have a value in it`);
  }
  for (const kind of new Set(resource.targetKinds)) {
    if (!TARGET_KINDS.some((known) => known === kind)) misfits.push(`there is no kind of monitoring ${kind} any more`);
  }
  return [...new Set([...misfits, ...resource.openJobs.flatMap((job) => lackingParams(job, resource, type))])];
}

/** Parameters that a template has now and that a job, planned before, does not bring. */
function lackingParams(job: Job, { templates }: NeedsOfResource, type: TypeDefinition): string[] {
  const template = templates.map((name) => type.handlers[name]).find((found) => found?.handler === job.handler);
  const given = new Set(job.params.map(({ param }) => param));
  const lacking = template?.params.filter(({ param }) => !given.has(param)) ?? [];
  return lacking.map(
    ({ param }) => `the template ${template?.name} wants ${param}, which a job that is not over does not bring`,
  );
}
