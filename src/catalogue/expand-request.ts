import { type FieldProblem, SignalboxError } from "../errors.ts";
import { isTaken, lowestFree } from "./bitmap.ts";
import { type EvaluationContext, evaluateValue } from "./evaluate.ts";
import type { FieldSchema } from "./field-schema.ts";
import type { Catalogue } from "./load-catalogue.ts";
import { contextOf, type Plan, planJobs } from "./plan-jobs.ts";
import { type Body, poolKey, type ResourceRef, type ResourceView, type ViewedResource } from "./resource-view.ts";
import type { DependentRule, TypeDefinition, ValueTree } from "./type-definition.ts";
import { invalidBody } from "./validate-body.ts";

/** A number that a resource takes from a pool. */
export interface Claim {
  readonly pool: string;
  readonly number: number;
  /** The field that holds it. */
  readonly field: string;
  /** Chosen by the system: when somebody else was faster, another number will do. */
  readonly allocated: boolean;
}

/** One resource that a request creates. */
export interface Creation {
  readonly type: string;
  readonly id: string;
  readonly body: Body;
  readonly owner: ResourceRef | undefined;
  readonly claims: readonly Claim[];
  readonly plan: Plan;
}

/** Everything that one POST sets off: the resource itself first, then its dependents, in the order in which they are planned. */
export interface Expansion {
  readonly root: Creation;
  readonly dependents: readonly Creation[];
}

export interface ExpansionSources {
  readonly catalogue: Catalogue;
  readonly view: ResourceView;
  readonly uuid: () => string;
  readonly suffix: () => string;
}

/**
 * Works out all that a creation means: defaults, derived fields, allocations, dependents and the jobs of each (reference: side effects).
 * Pure but for the ids that are handed in.
 * @throws SB_RELATION_NOT_FOUND, SB_POOL_EXHAUSTED, SB_UNIQUE_TAKEN, SB_INVALID_BODY, SB_PARAMETER_INVALID
 */
export function expandCreate(type: TypeDefinition, fields: Body, sources: ExpansionSources): Expansion {
  const id = sources.uuid();
  checkRules(type, fields);
  const given = withDefaults(type, { ...fields, id }, "PENDING_CREATE");
  // Before anything is derived from what they lead to, and again with what was derived.
  checkRelations(type, given, sources.view, sources.catalogue);
  const { body, claims } = derive(type, id, given, sources);
  checkRelations(type, body, sources.view, sources.catalogue);
  const overlay = new Overlay(sources.view);
  const root = planned({ type: type.type, id, body, owner: undefined, claims }, overlay, sources);
  overlay.add(root);
  const members: Record<string, Body> = {};
  const dependents: Creation[] = [];
  for (const rule of type.dependents) {
    const dependent = expandDependent(rule, root, members, overlay, sources);
    members[rule.alias] = dependent.body;
    overlay.add(dependent);
    dependents.push(dependent);
  }
  return { root, dependents };
}

function expandDependent(
  rule: DependentRule,
  root: Creation,
  members: Readonly<Record<string, Body>>,
  overlay: Overlay,
  sources: ExpansionSources,
): Creation {
  const type = sources.catalogue.types.get(rule.type);
  if (type === undefined) throw new SignalboxError("SB_CATALOGUE_INVALID", `unknown type ${rule.type}`);
  const context = { ...contextOf(root.type, root.id, root.body, overlay, sources.catalogue), members };
  const id = sources.uuid();
  const fields: Record<string, unknown> = { id };
  for (const [field, tree] of Object.entries(rule.fields)) fields[field] = evaluateTree(tree, context);
  const filled = withDefaults(type, fields, rule.status ?? "PENDING_CREATE");
  for (const field of rule.omit) delete filled[field];
  const { body, claims } = derive(type, id, filled, { ...sources, view: overlay });
  return planned({ type: rule.type, id, body, owner: { type: root.type, id: root.id }, claims }, overlay, sources);
}

function planned(creation: Omit<Creation, "plan">, view: ResourceView, sources: ExpansionSources): Creation {
  const type = sources.catalogue.types.get(creation.type);
  if (type === undefined) throw new SignalboxError("SB_CATALOGUE_INVALID", `unknown type ${creation.type}`);
  const request = {
    type,
    id: creation.id,
    action: "create",
    version: 1,
    body: creation.body,
    view,
    suffix: sources.suffix,
  } as const;
  return { ...creation, plan: planJobs(request, sources.catalogue) };
}

const STATES = new Set(["orchestration_state", "operational_state"]);

/** Adds what nobody set: defaults of the schema, and the status. Fields that nobody set and that have no default stay out. */
function withDefaults(type: TypeDefinition, fields: Body, status: string): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(type.fields)) {
    if (name === "status") body[name] = status;
    else if (STATES.has(name)) continue;
    else if (fields[name] !== undefined) body[name] = fields[name];
    else if (schema.default !== undefined) body[name] = structuredClone(schema.default);
  }
  return body;
}

/** Computes the derived fields in the order in which the type names them. */
function derive(
  type: TypeDefinition,
  id: string,
  body: Record<string, unknown>,
  sources: Pick<ExpansionSources, "catalogue" | "view">,
): { body: Body; claims: Claim[] } {
  const claims: Claim[] = [];
  // Each step sees the fields of the steps before it.
  const context = contextOf(type.type, id, body, sources.view, sources.catalogue);
  for (const step of type.derive) {
    if (step.kind === "claim") claims.push(takeNumber(type, step.field, step.claim, body, sources));
    else if (
      body[step.field] === undefined ||
      body[step.field] === type.fields[step.field]?.default ||
      isEmptyList(body[step.field])
    ) {
      const value = evaluateTree(step.value, context);
      if (value !== null) body[step.field] = value;
    }
  }
  return { body, claims };
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function takeNumber(
  type: TypeDefinition,
  field: string,
  rule: { pool: string; of: string; allocate: boolean; text: boolean },
  body: Record<string, unknown>,
  { catalogue, view }: Pick<ExpansionSources, "catalogue" | "view">,
): Claim {
  const ownerType = type.fields[rule.of]?.relation ?? "";
  const ownerId = String(body[rule.of] ?? "");
  const owner = view.get(ownerType, ownerId);
  const pool = catalogue.types.get(ownerType)?.pools[rule.pool];
  if (owner === undefined || pool === undefined) {
    throw new SignalboxError("SB_RELATION_NOT_FOUND", `${rule.of} of the ${type.type} leads to no ${ownerType}`, {
      fields: [{ pointer: `/${rule.of}`, detail: `there is no ${ownerType} ${ownerId}` }],
    });
  }
  const key = poolKey(ownerType, ownerId, rule.pool);
  const bitmap = String(owner.body[pool.bitmap] ?? "");
  const wanted = body[field];
  if (wanted !== undefined && wanted !== null && wanted !== "") {
    const number = Number(wanted);
    const inPool =
      Number.isInteger(number) && number >= 0 && number < pool.size && !isTaken(Buffer.from(bitmap, "base64"), number);
    if (!inPool)
      throw invalidBody(type.type, [
        {
          pointer: `/${field}`,
          detail: `${number} is no ${rule.pool} that ${ownerType} ${ownerId} gives out: it is out of range or restricted there`,
        },
      ]);
    if (view.claimed(key).has(number)) throw numberTaken(type.type, field, number, `${ownerType} ${ownerId}`);
    return { pool: key, number, field, allocated: false };
  }
  const number = rule.allocate ? lowestFree(bitmap, pool.size, view.claimed(key)) : undefined;
  if (number === undefined)
    throw new SignalboxError("SB_POOL_EXHAUSTED", `no ${rule.pool} is left on ${ownerType} ${ownerId}`);
  body[field] = rule.text ? String(number) : number;
  return { pool: key, number, field, allocated: true };
}

/** 409: the number that a client asked for is in use. */
export function numberTaken(type: string, field: string, number: number, owner: string): SignalboxError {
  return new SignalboxError("SB_UNIQUE_TAKEN", `${field} ${number} of the ${type} is in use on ${owner}`, {
    fields: [{ pointer: `/${field}`, detail: `${number} is in use on ${owner}` }],
  });
}

/** Evaluates a tree of expressions to plain data. */
export function evaluateTree(tree: ValueTree, context: EvaluationContext): unknown {
  switch (tree.kind) {
    case "literal":
      return tree.value;
    case "expression":
      return evaluateValue(tree.expression, context);
    case "list":
      return tree.items.map((item) => evaluateTree(item, context));
    case "object":
      return Object.fromEntries(
        Object.entries(tree.members).map(([key, value]) => [key, evaluateTree(value, context)]),
      );
    default:
      return tree satisfies never;
  }
}

function checkRules(type: TypeDefinition, fields: Body): void {
  const problems: FieldProblem[] = [];
  for (const rule of type.checks) {
    if (rule.when !== undefined && fields[rule.when.field] !== rule.when.equals) continue;
    const because = rule.when === undefined ? "" : ` when ${rule.when.field} is ${rule.when.equals}`;
    for (const field of rule.require)
      if (isUnset(fields[field])) problems.push({ pointer: `/${field}`, detail: `is required${because}` });
    for (const field of rule.forbid)
      if (!isUnset(fields[field])) problems.push({ pointer: `/${field}`, detail: `is not allowed${because}` });
    for (const [at, field] of rule.distinct.entries()) {
      const same = rule.distinct.slice(0, at).find((other) => fields[other] === fields[field]);
      if (same !== undefined && !isUnset(fields[field]))
        problems.push({ pointer: `/${field}`, detail: `must be another one than ${same}` });
    }
  }
  if (problems.length > 0) throw invalidBody(type.type, problems);
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

/** The values of a body that no other resource of the type may have. */
export function uniquesOf(type: TypeDefinition, body: Body): Array<{ field: string; value: string }> {
  return Object.entries(type.fields).flatMap(([field, schema]) =>
    schema.unique && !isUnset(body[field]) ? [{ field, value: String(body[field]) }] : [],
  );
}

/** Every resource that a body refers to, with the pointer to the field that names it. */
export function referencesOf(type: TypeDefinition, body: Body): Array<ResourceRef & { pointer: string }> {
  const references: Array<ResourceRef & { pointer: string }> = [];
  for (const [field, schema] of Object.entries(type.fields)) {
    const value = body[field];
    const target = schema.relation ?? schema.refers_to;
    if (target !== undefined && typeof value === "string" && value !== "")
      references.push({ type: target, id: value, pointer: `/${field}` });
    if (Array.isArray(value)) {
      for (const [at, item] of value.entries())
        references.push(...itemReferences(schema.items, item, `/${field}/${at}`));
    }
  }
  return references;
}

/** References of a list item: the item itself, or members of it. */
function itemReferences(
  schema: FieldSchema | undefined,
  item: unknown,
  pointer: string,
): Array<ResourceRef & { pointer: string }> {
  const target = schema?.refers_to ?? schema?.relation;
  if (target !== undefined && typeof item === "string" && item !== "") return [{ type: target, id: item, pointer }];
  if (typeof item !== "object" || item === null) return [];
  return Object.entries(schema?.properties ?? {}).flatMap(([name, member]) =>
    itemReferences(member, (item as Body)[name], `${pointer}/${name}`),
  );
}

/**
 * Checks that what a body refers to is there, is not on its way out, and belongs to the tenant or is shared infrastructure.
 * @throws SB_RELATION_NOT_FOUND, SB_BEING_DELETED
 */
export function checkRelations(type: TypeDefinition, body: Body, view: ResourceView, catalogue: Catalogue): void {
  const missing: FieldProblem[] = [];
  for (const reference of referencesOf(type, body)) {
    const target = view.get(reference.type, reference.id);
    if (target === undefined) {
      missing.push({ pointer: reference.pointer, detail: `there is no ${reference.type} ${reference.id}` });
    } else if (!mayReferTo(body, target, catalogue.types.get(reference.type)?.infrastructure === true)) {
      // A resource of another tenant does not exist for this one.
      missing.push({ pointer: reference.pointer, detail: `there is no ${reference.type} ${reference.id}` });
    } else if (target.markedForDeletion) {
      throw new SignalboxError("SB_BEING_DELETED", `${reference.type} ${reference.id} is being deleted`, {
        fields: [{ pointer: reference.pointer, detail: `${reference.type} ${reference.id} is being deleted` }],
      });
    }
  }
  if (missing.length > 0) {
    const list = missing.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("; ");
    throw new SignalboxError("SB_RELATION_NOT_FOUND", `the ${type.type} refers to what does not exist: ${list}`, {
      fields: missing,
    });
  }
}

function mayReferTo(body: Body, target: ViewedResource, infrastructure: boolean): boolean {
  const tenant = body["tenant_id"];
  const owner = target.body["tenant_id"];
  return infrastructure || target.body["shared"] === true || isUnset(tenant) || isUnset(owner) || tenant === owner;
}

/** The view with the resources of the request in hand added. */
class Overlay implements ResourceView {
  private readonly below: ResourceView;
  private readonly added = new Map<string, ViewedResource>();
  private readonly claims: Claim[] = [];

  constructor(below: ResourceView) {
    this.below = below;
  }

  add(creation: Creation): void {
    this.claims.push(...creation.claims);
    this.added.set(`${creation.type}/${creation.id}`, {
      type: creation.type,
      id: creation.id,
      body: creation.body,
      markedForDeletion: false,
      deletionFailed: false,
      owner: creation.owner,
      unfinishedJobs: creation.plan.jobs.map((job) => ({ id: job.id, handler: job.handler, first: job.is_first })),
    });
  }

  get(type: string, id: string): ViewedResource | undefined {
    return this.added.get(`${type}/${id}`) ?? this.below.get(type, id);
  }

  referrers(type: string, id: string): readonly ViewedResource[] {
    return this.below.referrers(type, id);
  }

  claimed(pool: string): ReadonlySet<number> {
    const own = this.claims.flatMap((claim) => (claim.pool === pool ? [claim.number] : []));
    return new Set([...this.below.claimed(pool), ...own]);
  }

  holder(type: string, field: string, value: string): string | undefined {
    return this.below.holder(type, field, value);
  }
}
