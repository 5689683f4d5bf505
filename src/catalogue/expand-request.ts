import { type FieldProblem, SignalboxError } from "../errors.ts";
import { numbersOf } from "./address-blocks.ts";
import { overlap } from "./address-functions.ts";
import { type AddressRange, addressAt, countAddresses, parseAddressRanges } from "./address-ranges.ts";
import { isTaken, lowestFree, lowestUnclaimed } from "./bitmap.ts";
import { checkBelonging } from "./check-belonging.ts";
import { type EvaluationContext, evaluateValue } from "./evaluate.ts";
import type { FieldSchema } from "./field-schema.ts";
import type { Catalogue } from "./load-catalogue.ts";
import { cut, invalidBody, Mistakes } from "./mistakes.ts";
import { contextOf, type Plan, planJobs } from "./plan-jobs.ts";
import { type Body, poolKey, type ResourceRef, type ResourceView, type ViewedResource } from "./resource-view.ts";
import { takeBlock } from "./take-block.ts";
import type { CheckRule, ClaimRule, DependentRule, PoolRule, TypeDefinition, ValueTree } from "./type-definition.ts";

/** A number, or a run of them, that a resource takes from a pool. */
export interface Claim {
  readonly pool: string;
  /** Which bit of the pool it is. */
  readonly number: number;
  /** How many there are, of a block: all from `number` on. One when it is not said. */
  readonly count?: number;
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

/**
 * Everything that one POST sets off: the resource itself, and its dependents and theirs in the order in which they are planned. The resource
 * is planned after those dependents that come before it.
 */
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
  const contextWith = (body: Body) => contextOf(type.type, id, body, sources.view, sources.catalogue);
  checkBelonging(type, contextWith(given), "coming");
  const ids = idsFor(type, sources);
  const { body, claims } = derive(type, id, given, sources, ids);
  checkRelations(type, body, sources.view, sources.catalogue);
  checkBelonging(type, contextWith(body), "complete");
  checkNoOverlap(type, body, relatedTo(type, body, sources.view));
  const overlay = new Overlay(sources.view);
  return expandWith({ type: type.type, id, body, owner: undefined, claims }, type, ids, overlay, sources);
}

/** The other resources of the type at what the blocks of addresses are within. */
function relatedTo({ type, fields, noOverlap }: TypeDefinition, body: Body, view: ResourceView): Body[] {
  if (noOverlap === undefined) return [];
  const target = fields[noOverlap.within]?.relation ?? "";
  const others = view.referrers(target, String(body[noOverlap.within]));
  return others.filter((other) => other.type === type).map((other) => other.body);
}

/**
 * @param others bodies of the resources of the type within the same one
 * @throws SB_ADDRESSES_OVERLAP; it does not say which other has them, which may be another's
 */
export function checkNoOverlap({ type, noOverlap }: TypeDefinition, body: Body, others: readonly Body[]): void {
  if (noOverlap === undefined) return;
  const { field, within } = noOverlap;
  if (!others.some((other) => overlap(other[field], body[field]))) return;
  const detail = `overlaps another ${type} of ${within} ${String(body[within])}`;
  throw new SignalboxError("SB_ADDRESSES_OVERLAP", `${field} ${String(body[field])} ${detail}`, {
    fields: [{ pointer: `/${field}`, detail }],
  });
}

/** The ids of the dependents, known before any of them is made. */
function idsFor(type: TypeDefinition, { uuid }: ExpansionSources): Record<string, Body> {
  return Object.fromEntries(type.dependents.map(({ alias }) => [alias, { id: uuid() }]));
}

/** Plans a resource with its dependents: those that come before it, itself, the others. */
function expandWith(
  made: Omit<Creation, "plan">,
  type: TypeDefinition,
  ids: Readonly<Record<string, Body>>,
  overlay: Overlay,
  sources: ExpansionSources,
): Expansion {
  const members: Record<string, Body> = {};
  const dependents: Creation[] = [];
  const expandAll = (rules: readonly DependentRule[]) => {
    const context = { ...contextOf(made.type, made.id, made.body, overlay, sources.catalogue), members };
    for (const rule of rules) {
      if (rule.when !== undefined && isUnset(evaluateValue(rule.when, context))) continue;
      const id = String(ids[rule.alias]?.["id"]);
      const expansion = expandDependent(rule, id, made, members, overlay, sources);
      members[rule.alias] = expansion.root.body;
      dependents.push(expansion.root, ...expansion.dependents);
    }
  };
  expandAll(type.dependents.filter(({ before }) => before));
  const root = planned(made, overlay, sources);
  overlay.add(root);
  expandAll(type.dependents.filter(({ before }) => !before));
  return { root, dependents };
}

function expandDependent(
  rule: DependentRule,
  id: string,
  parent: Omit<Creation, "plan">,
  members: Readonly<Record<string, Body>>,
  overlay: Overlay,
  sources: ExpansionSources,
): Expansion {
  const type = sources.catalogue.types.get(rule.type);
  if (type === undefined) throw new SignalboxError("SB_CATALOGUE_INVALID", `unknown type ${rule.type}`);
  const context = { ...contextOf(parent.type, parent.id, parent.body, overlay, sources.catalogue), members };
  const fields: Record<string, unknown> = { id };
  for (const [field, tree] of Object.entries(rule.fields)) fields[field] = evaluateTree(tree, context);
  const filled = withDefaults(type, fields, rule.status ?? "PENDING_CREATE");
  for (const field of rule.omit) delete filled[field];
  const ids = idsFor(type, sources);
  const { body, claims } = derive(type, id, filled, { ...sources, view: overlay }, ids);
  const owner = { type: parent.type, id: parent.id };
  return expandWith({ type: rule.type, id, body, owner, claims }, type, ids, overlay, sources);
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
  members: Readonly<Record<string, Body>>,
): { body: Body; claims: Claim[] } {
  const claims: Claim[] = [];
  // Each step sees the fields of the steps before it.
  const context = { ...contextOf(type.type, id, body, sources.view, sources.catalogue), members };
  for (const step of type.derive) {
    if (step.kind === "claim") {
      // Of what a resource may not take from it is not told what is taken there.
      checkBelonging(type, context, "coming");
      claims.push(...takeNumber(type, step.field, step.claim, body, context, sources));
    } else if (
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
  rule: ClaimRule,
  body: Record<string, unknown>,
  context: EvaluationContext,
  { catalogue, view }: Pick<ExpansionSources, "catalogue" | "view">,
): Claim[] {
  const [ownerType, ownerId, named] =
    rule.owner.kind === "relation"
      ? [type.fields[rule.owner.field]?.relation ?? "", String(body[rule.owner.field] ?? ""), rule.owner.field]
      : [rule.owner.type, String(evaluateValue(rule.owner.id, context) ?? ""), field];
  const owner = view.get(ownerType, ownerId);
  const pool = catalogue.types.get(ownerType)?.pools[rule.pool];
  if (owner === undefined || pool === undefined) {
    throw new SignalboxError("SB_RELATION_NOT_FOUND", `${named} of the ${type.type} leads to no ${ownerType}`, {
      fields: [{ pointer: `/${named}`, detail: `there is no ${ownerType} ${ownerId}` }],
    });
  }
  if (pool.block !== undefined) {
    const { block, claim } = takeBlock({ type, field, rule, body }, owner, pool, view);
    body[field] = block;
    return claim === undefined ? [] : [claim];
  }
  const key = poolKey(ownerType, ownerId, rule.pool);
  const bitmap = pool.recorded ? "" : String(owner.body[pool.bitmap] ?? "");
  const size = pool.size ?? countAddresses(rangesOf(pool, owner.body));
  const wanted = body[field];
  if (wanted !== undefined && wanted !== null && wanted !== "") {
    const number = Number(wanted) - pool.first;
    const inPool =
      Number.isInteger(number) &&
      number >= 0 &&
      number < size &&
      (pool.recorded || !isTaken(Buffer.from(bitmap, "base64"), number));
    if (!inPool)
      throw invalidBody(type.type, [
        {
          pointer: `/${field}`,
          detail: `${Number(wanted)} is no ${rule.pool} that ${ownerType} ${ownerId} gives out: it is out of range or restricted there`,
        },
      ]);
    if (view.claimed(key).has(number)) throw numberTaken(type.type, field, Number(wanted), `${ownerType} ${ownerId}`);
    return [{ pool: key, number, field, allocated: false }];
  }
  const free = pool.recorded ? lowestUnclaimed(size, view.claimed(key)) : lowestFree(bitmap, size, view.claimed(key));
  const number = rule.allocate ? free : undefined;
  const given = number === undefined ? undefined : numberOrAddress(number, pool, owner.body);
  if (number === undefined || given === undefined)
    throw new SignalboxError("SB_POOL_EXHAUSTED", `no ${rule.pool} is left on ${ownerType} ${ownerId}`);
  body[field] = rule.text ? String(given) : given;
  return [{ pool: key, number, field, allocated: true }];
}

/** What the resource gets for a bit of the pool: the number, or the address. */
function numberOrAddress(bit: number, pool: PoolRule, owner: Body): number | string | undefined {
  if (pool.addresses === undefined) return bit + pool.first;
  return addressAt(rangesOf(pool, owner), bit);
}

function rangesOf(pool: PoolRule, owner: Body): readonly AddressRange[] {
  return parseAddressRanges(owner[pool.addresses ?? ""]) ?? [];
}

/** 409: what a client asked for is in use. */
export function numberTaken(type: string, field: string, number: unknown, owner: string): SignalboxError {
  return new SignalboxError("SB_UNIQUE_TAKEN", `${field} ${String(number)} of the ${type} is in use on ${owner}`, {
    fields: [{ pointer: `/${field}`, detail: `${String(number)} is in use on ${owner}` }],
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
    if (!applies(rule, fields)) continue;
    const because = reasonOf(rule);
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

/**
 * Checks that an update leaves alone what is fixed in a resource as it is.
 * @throws SB_INVALID_BODY
 */
export function checkFixed(type: TypeDefinition, body: Body, set: Body): void {
  const problems = type.checks
    .filter((rule) => applies(rule, body))
    .flatMap((rule) =>
      rule.fixed
        .filter((field) => Object.hasOwn(set, field) && JSON.stringify(set[field]) !== JSON.stringify(body[field]))
        .map((field) => ({ pointer: `/${field}`, detail: `cannot be changed${reasonOf(rule)}` })),
    );
  if (problems.length > 0) throw invalidBody(type.type, problems);
}

function applies({ when }: CheckRule, fields: Body): boolean {
  if (when === undefined) return true;
  return when.equals === undefined ? !isUnset(fields[when.field]) : fields[when.field] === when.equals;
}

function reasonOf({ when }: CheckRule): string {
  return when === undefined ? "" : ` when ${when.field} is ${when.equals ?? "set"}`;
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

/** The values of a body that no other resource of the type may have. */
export function uniquesOf(
  type: TypeDefinition,
  body: Body,
): Array<{ field: string; value: string; among?: readonly string[] }> {
  const alone = Object.entries(type.fields).flatMap(([field, schema]) => {
    if (!schema.unique || isUnset(body[field])) return [];
    const among = type.uniqueAmong.find((fields) => fields.includes(field));
    return [{ field, value: String(body[field]), ...(among && { among }) }];
  });
  // An empty text is a value like any other; an empty relation leads nowhere.
  const isNone = (field: string) =>
    isUnset(body[field]) && !(body[field] === "" && type.fields[field]?.relation === undefined);
  const together = type.uniqueTogether.flatMap((fields) =>
    fields.some(isNone)
      ? []
      : [{ field: fields.join("+"), value: fields.map((field) => String(body[field])).join("+") }],
  );
  return [...alone, ...together];
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
  const missing = new Mistakes();
  for (const reference of referencesOf(type, body)) {
    if (missing.full) break;
    const target = view.get(reference.type, reference.id);
    if (target === undefined) {
      missing.add(reference.pointer, `there is no ${reference.type} ${cut(reference.id)}`);
    } else if (!mayReferTo(body, target, catalogue.types.get(reference.type)?.infrastructure === true)) {
      // A resource of another tenant does not exist for this one.
      missing.add(reference.pointer, `there is no ${reference.type} ${cut(reference.id)}`);
    } else if (target.markedForDeletion) {
      throw new SignalboxError("SB_BEING_DELETED", `${reference.type} ${reference.id} is being deleted`, {
        fields: [{ pointer: reference.pointer, detail: `${reference.type} ${reference.id} is being deleted` }],
      });
    }
  }
  if (missing.none) return;
  throw new SignalboxError(
    "SB_RELATION_NOT_FOUND",
    `the ${type.type} refers to what does not exist: ${missing.summary}`,
    {
      fields: missing.listed,
    },
  );
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
    const own = this.claims.flatMap((claim) => (claim.pool === pool ? numbersOf(claim) : []));
    return new Set([...this.below.claimed(pool), ...own]);
  }

  holder(type: string, field: string, value: string): string | undefined {
    return this.below.holder(type, field, value);
  }
}
