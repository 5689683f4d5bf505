import { numbersOf } from "../catalogue/address-blocks.ts";
import { countFree, withBits } from "../catalogue/bitmap.ts";
import { checkBelonging } from "../catalogue/check-belonging.ts";
import { evaluateValue } from "../catalogue/evaluate.ts";
import {
  type Claim,
  checkFixed,
  checkRelations,
  evaluateTree,
  referencesOf,
  uniquesOf,
} from "../catalogue/expand-request.ts";
import type { Catalogue } from "../catalogue/load-catalogue.ts";
import { contextOf, planJobs } from "../catalogue/plan-jobs.ts";
import { type Body, poolOfKey, type ResourceRef, type ResourceView } from "../catalogue/resource-view.ts";
import type { TypeDefinition } from "../catalogue/type-definition.ts";
import { SignalboxError } from "../errors.ts";
import type { ResourceSnapshot } from "../machines/resource/resource-machine.ts";
import { isResting } from "../machines/resource/resource-status.ts";
import { changedBody, latestVersion, NO_CHANGES } from "../machines/resource/resource-steps.ts";
import type {
  BitChange,
  ChangeCommand,
  ChangeCommands,
  PlannedVersion,
  ResourceContext,
  ResourceEvent,
} from "../machines/resource/resource-types.ts";
import type { Random } from "./ports.ts";

/** Puts the pure rules of the catalogue between the state of a resource and the events that move it on. */
export class ResourcePlanner {
  private readonly catalogue: Catalogue;
  private readonly view: ResourceView;
  private readonly random: Random;

  constructor(catalogue: Catalogue, view: ResourceView, random: Random) {
    this.catalogue = catalogue;
    this.view = view;
    this.random = random;
  }

  /** Names of the secret fields of a type; none of one that there is not. */
  secretFields(type: string): readonly string[] {
    const fields = Object.entries(this.catalogue.types.get(type)?.fields ?? {});
    return fields.flatMap(([name, field]) => (field.secret === true ? [name] : []));
  }

  definition(type: string): TypeDefinition {
    const definition = this.catalogue.types.get(type);
    if (definition === undefined) throw new SignalboxError("SB_NOT_FOUND", `there is no resource type ${type}`);
    return definition;
  }

  /**
   * The event that gives a resource new field values: with its plan when it can start now. Undefined when nothing would change.
   * @param view what there is for whoever asks: what he does not see he cannot refer to
   * @throws SB_BEING_DELETED, SB_INVALID_BODY, SB_RELATION_NOT_FOUND
   */
  update(
    snapshot: ResourceSnapshot,
    set: Body,
    { messageId, view = this.view }: { messageId?: string | undefined; view?: ResourceView | undefined } = {},
  ): ResourceEvent | undefined {
    const { context, value } = snapshot;
    if (context.markedForDeletion || context.deletionProposed) {
      throw new SignalboxError("SB_BEING_DELETED", `${context.type} ${context.id} is being deleted`);
    }
    const body = changedBody(context, set);
    const latest = context.queue.at(-1)?.body ?? context.body;
    const unchanged = Object.keys(set).every((field) => JSON.stringify(set[field]) === JSON.stringify(latest[field]));
    if (unchanged && !value.lifecycle.endsWith("_failed")) return undefined;
    const definition = this.definition(context.type);
    checkFixed(definition, latest, set);
    const changed = new Set(
      Object.keys(set).filter((field) => JSON.stringify(set[field]) !== JSON.stringify(latest[field])),
    );
    checkRelations(definition, body, this.view, this.catalogue);
    if (view !== this.view) checkRelations(definition, onlyOf(body, changed), view, this.catalogue);
    checkBelonging(definition, contextOf(context.type, context.id, body, view, this.catalogue), changed);
    const idle = isResting(value.lifecycle) && context.queue.length === 0;
    const action = context.effective === null ? "create" : "update";
    return {
      type: "UPDATE",
      ...(messageId === undefined ? {} : { messageId }),
      set,
      plan: idle ? this.plan(context, action, latestVersion(context) + 1, body) : null,
      changes: NO_CHANGES,
      uniques: uniquesOf(definition, body),
      references: this.references(definition, body, context.claims),
    };
  }

  /** What a body refers to, and what gave it the numbers that it has. */
  references(definition: TypeDefinition, body: Body, claims: readonly Claim[]): ResourceRef[] {
    const named = referencesOf(definition, body).map(({ type, id }) => ({ type, id }));
    const owners = claims.map(({ pool }) => poolOfKey(pool).owner);
    return [...named, ...owners.filter((owner) => !named.some(({ id }) => id === owner.id))];
  }

  /** The bitmaps of a resource with what is given out and comes back. A number that somebody has taken anew stays taken. */
  withRecorded(context: ResourceContext, bits: readonly BitChange[]): Body {
    const body: Record<string, unknown> = {};
    const { pools } = this.definition(context.type);
    const latest = changedBody(context, {});
    for (const change of bits) {
      const { bitmap: field, left } = pools[poolOfKey(change.pool).pool] ?? {};
      if (field === undefined) continue;
      const claimed = this.view.claimed(change.pool);
      const [set, cleared] = partition(numbersOf(change), (number) => change.taken || claimed.has(number));
      const bitmap = withBits(withBits(String(body[field] ?? latest[field] ?? ""), set, true), cleared, false);
      body[field] = bitmap;
      if (left !== undefined) body[left] = countFree(bitmap);
    }
    return body;
  }

  /** The event that starts the next version that waits. A version that cannot be planned fails. */
  start(snapshot: ResourceSnapshot): ResourceEvent | undefined {
    const { context, value } = snapshot;
    const [next] = context.queue;
    if (next === undefined || !isResting(value.lifecycle)) return undefined;
    const action = next.action === "delete" ? "delete" : context.effective === null ? "create" : "update";
    try {
      if (action === "delete") this.checkNothingIsLeftOn(context);
      return { type: "START", plan: this.plan(context, action, next.version, next.body) };
    } catch (error) {
      if (!(error instanceof SignalboxError)) throw error;
      return { type: "START_FAILED", error: error.report };
    }
  }

  /** What could not be deleted is still on the devices, and built on this resource. */
  private checkNothingIsLeftOn(context: ResourceContext): void {
    const left = this.view
      .referrers(context.type, context.id)
      .find((other) => other.markedForDeletion && other.deletionFailed);
    if (left === undefined) return;
    throw new SignalboxError(
      "SB_DEPENDENCY_FAILED",
      `${left.type} ${left.id} could not be deleted and is built on this ${context.type}`,
    );
  }

  retry(snapshot: ResourceSnapshot): ResourceEvent {
    const { context, value } = snapshot;
    if (!value.lifecycle.endsWith("_failed")) {
      throw new SignalboxError("SB_NOT_RETRYABLE", `${context.type} ${context.id} has not failed`);
    }
    if (context.queue.length > 0) {
      throw context.markedForDeletion
        ? new SignalboxError("SB_BEING_DELETED", `${context.type} ${context.id} is being deleted`)
        : new SignalboxError("SB_NOT_RETRYABLE", `${context.type} ${context.id} has a newer version that comes next`);
    }
    const action = context.markedForDeletion ? "delete" : context.effective === null ? "create" : "update";
    if (action === "delete") this.checkNothingIsLeftOn(context);
    return { type: "RETRY", plan: this.plan(context, action, context.version, context.body) };
  }

  /** The plan of a version that has to wait for its turn, as if what is before it were in effect. */
  preview(context: ResourceContext, action: "create" | "update" | "delete", body: Body): PlannedVersion {
    const latest = context.queue.findLast((version) => version.action === "update")?.body ?? context.body;
    return this.plan({ ...context, effective: latest }, action, latestVersion(context) + 1, body);
  }

  private plan(
    context: ResourceContext,
    action: "create" | "update" | "delete",
    version: number,
    body: Body,
  ): PlannedVersion {
    return planJobs(
      {
        type: this.definition(context.type),
        id: context.id,
        action,
        version,
        body,
        ...(context.effective === null ? {} : { previousBody: context.effective }),
        view: this.view,
        suffix: () => this.random.suffix(5),
      },
      this.catalogue,
    );
  }

  /** New versions of other resources that a resource's creation sets off, by when they are due. */
  changes(type: TypeDefinition, id: string, body: Body, claims: readonly Claim[]): ChangeCommands {
    const due = (when: "create" | "complete") =>
      type.changes
        .filter((rule) => rule.when === when)
        .flatMap((rule) => this.commands(type, id, body, rule, rule.set));
    return { now: [...due("create"), ...this.recorded(claims, true)], onComplete: due("complete"), onDeleted: [] };
  }

  /** The same for its deletion. */
  deletionChanges(type: TypeDefinition, id: string, body: Body, claims: readonly Claim[]): ChangeCommands {
    const due = (when: "create" | "complete") =>
      type.changes
        .filter((rule) => rule.when === when)
        .flatMap((rule) => this.commands(type, id, body, rule, rule.onDelete ?? {}));
    return { now: due("create"), onComplete: [], onDeleted: [...due("complete"), ...this.recorded(claims, false)] };
  }

  /** What the owners of pools whose bitmaps show what is given out have to show of these claims. */
  private recorded(claims: readonly Claim[], taken: boolean): ChangeCommand[] {
    return claims.flatMap(({ pool, number, count }) => {
      const { owner, pool: name } = poolOfKey(pool);
      if (this.catalogue.types.get(owner.type)?.pools[name]?.recorded !== true) return [];
      return [{ to: owner, set: {}, bits: [{ pool, number, ...(count !== undefined && { count }), taken }] }];
    });
  }

  private commands(
    type: TypeDefinition,
    id: string,
    body: Body,
    rule: TypeDefinition["changes"][number],
    values: TypeDefinition["changes"][number]["set"],
  ): ChangeCommand[] {
    if (Object.keys(values).length === 0) return [];
    const context = contextOf(type.type, id, body, this.view, this.catalogue);
    const target = evaluateValue(rule.target, context);
    const targets: ResourceRef[] = (Array.isArray(target) ? target : [target])
      .filter((each): each is string => typeof each === "string" && each !== "")
      .map((each) => ({ type: rule.type, id: each }));
    const set = Object.fromEntries(Object.entries(values).map(([field, tree]) => [field, evaluateTree(tree, context)]));
    return targets.map((to) => ({ to, set }));
  }
}

/** A body with no other fields than these and the tenant, by which it is known what it may refer to. */
function onlyOf(body: Body, fields: ReadonlySet<string>): Body {
  return Object.fromEntries(Object.entries(body).filter(([name]) => fields.has(name) || name === "tenant_id"));
}

/** The numbers that fulfil a condition, and those that do not. */
function partition(numbers: readonly number[], isFirst: (number: number) => boolean): [number[], number[]] {
  return [numbers.filter(isFirst), numbers.filter((number) => !isFirst(number))];
}
