import { SignalboxError } from "../errors.ts";
import type { Expression, Step } from "./expression.ts";
import type { FieldSchema } from "./field-schema.ts";
import { callFunction } from "./functions.ts";
import type { Body, ResourceRef, ResourceView, ViewedResource } from "./resource-view.ts";

/** Where an expression is evaluated. */
export interface EvaluationContext {
  readonly view: ResourceView;
  /** The resource itself: its type, id and body. */
  readonly self: { readonly type: string; readonly id: string; readonly body: Body };
  /** Fields of a type; undefined for an unknown type. */
  readonly fieldsOf: (type: string) => Readonly<Record<string, FieldSchema>> | undefined;
  /**
   * Whether a field that is declared as no reference may lead the resource to another one: nobody has checked what its value names.
   * Undefined: it may lead anywhere.
   */
  readonly mayLeadTo?: (target: ViewedResource) => boolean;
  /** Dependents made so far in the same request, by alias. */
  readonly members?: Readonly<Record<string, Body>>;
}

/** A reference to an output of a stack, known only when that stack is done. */
export interface OutputReference {
  readonly output_key: string;
  readonly resource_type: string;
  readonly resource_id: string;
}

export type Evaluated = { readonly resources: readonly ResourceRef[] } & (
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "output"; readonly reference: OutputReference }
  | { readonly kind: "outputs"; readonly references: readonly OutputReference[] }
);

/**
 * Evaluates an expression for a resource (reference: parameters).
 * @throws SB_PARAMETER_INVALID when a relation leads nowhere and the expression is not optional
 */
export function evaluate(expression: Expression, context: EvaluationContext): Evaluated {
  return evaluateIn(expression, context, undefined);
}

/** Evaluates to a plain value; an output reference is an error here. */
export function evaluateValue(expression: Expression, context: EvaluationContext, item?: unknown): unknown {
  return plainValue(evaluateIn(expression, context, item));
}

/** What is known only when a job runs cannot be part of anything that is worked out before. */
function plainValue(result: Evaluated): unknown {
  if (result.kind !== "value") {
    throw new SignalboxError("SB_PARAMETER_INVALID", "an output of a stack cannot be used here");
  }
  return result.value;
}

function evaluateIn(expression: Expression, context: EvaluationContext, item: unknown): Evaluated {
  switch (expression.kind) {
    case "constant":
      return { kind: "value", value: expression.value, resources: [] };
    case "member":
      return { kind: "value", value: readField(context.members?.[expression.alias], expression.field), resources: [] };
    case "call": {
      const args = expression.args.map((argument) => evaluateIn(argument, context, item));
      return {
        kind: "value",
        value: callFunction(expression.name, args.map(plainValue), context.view),
        resources: args.flatMap((argument) => argument.resources),
      };
    }
    case "concat": {
      const parts = expression.parts.map((part) => evaluateIn(part, context, item));
      return {
        kind: "value",
        value: parts.map((part) => String(plainValue(part) ?? "")).join(""),
        resources: parts.flatMap((part) => part.resources),
      };
    }
    case "if": {
      const left = evaluateValue(expression.left, context, item);
      const right = evaluateValue(expression.right, context, item);
      return evaluateIn(left === right ? expression.then : expression.otherwise, context, item);
    }
    case "each":
      return evaluateEach(expression.list, expression.item, context, item);
    case "path":
      return evaluatePath(expression, context, item);
    default:
      return expression satisfies never;
  }
}

function evaluateEach(
  list: Expression,
  itemExpression: Expression,
  context: EvaluationContext,
  item: unknown,
): Evaluated {
  const evaluated = evaluateIn(list, context, item);
  const found = plainValue(evaluated);
  const items: readonly unknown[] = Array.isArray(found) ? found : [];
  const results = items.map((entry) => evaluateIn(itemExpression, context, entry));
  const resources = [...evaluated.resources, ...results.flatMap((result) => result.resources)];
  const references = results.flatMap((result) => (result.kind === "output" ? [result.reference] : []));
  // An item whose resource is not there (yet), where that is allowed, has no output.
  if (references.length > 0) return { kind: "outputs", references, resources };
  return { kind: "value", value: results.map(plainValue), resources };
}

type PathExpression = Extract<Expression, { kind: "path" }>;

function evaluatePath(path: PathExpression, context: EvaluationContext, item: unknown): Evaluated {
  const resources: ResourceRef[] = [];
  let here: { type: string | undefined; id: string; body: Body } = scopeOf(context, item);
  let first = true;
  for (const step of path.steps) {
    const target = followStep(step, here, first ? item : undefined, context);
    const found = target === undefined ? undefined : targetOf(step, here, target, context);
    if (target === undefined || found === undefined) {
      if (path.optional) return { kind: "value", value: "", resources: [] };
      throw unresolved(step, here, target, context);
    }
    resources.push({ type: target.type, id: target.id });
    here = { type: target.type, id: target.id, body: found.body };
    first = false;
  }
  if (path.tail.kind === "output") {
    const type = here.type ?? context.self.type;
    return {
      kind: "output",
      reference: { output_key: path.tail.key, resource_type: type, resource_id: here.id },
      resources,
    };
  }
  const value = readField(here.body, path.tail.field);
  // A plain field that is itself a relation counts as one step.
  const relation =
    path.steps.length === 0 && item === undefined ? relationOf(context, here.type, path.tail.field) : undefined;
  if (relation !== undefined && typeof value === "string" && value !== "") {
    resources.push({ type: relation, id: value });
  }
  return { kind: "value", value: value === undefined ? null : value, resources };
}

/** What a step leads to; a field that is no declared reference leads to nothing that is another tenant's. */
function targetOf(
  step: Step,
  here: { type: string | undefined },
  target: ResourceRef,
  context: EvaluationContext,
): ViewedResource | undefined {
  const found = context.view.get(target.type, target.id);
  if (found === undefined || step.kind !== "cast" || here.type === undefined) return found;
  const schema = context.fieldsOf(here.type)?.[step.field];
  const isDeclared = schema?.relation !== undefined || schema?.refers_to !== undefined || schema?.writable.length === 0;
  return isDeclared || (context.mayLeadTo?.(found) ?? true) ? found : undefined;
}

function scopeOf(context: EvaluationContext, item: unknown): { type: string | undefined; id: string; body: Body } {
  if (item === undefined) return context.self;
  const body: Body = typeof item === "object" && item !== null ? (item as Body) : {};
  return { type: undefined, id: "", body };
}

function followStep(
  step: Step,
  here: { type: string | undefined; body: Body },
  item: unknown,
  context: EvaluationContext,
): ResourceRef | undefined {
  switch (step.kind) {
    case "cast": {
      const id = step.field === "item" && item !== undefined ? item : here.body[step.field];
      return typeof id === "string" && id !== "" ? { type: step.type, id } : undefined;
    }
    case "computed":
    case "relation": {
      const field = step.kind === "relation" ? step.field : String(evaluateValue(step.field, context, item));
      const type = relationOf(context, here.type, [field]);
      const id = here.body[field];
      if (type === undefined || typeof id !== "string" || id === "") return undefined;
      return { type, id };
    }
    default:
      return step satisfies never;
  }
}

function relationOf(
  context: EvaluationContext,
  type: string | undefined,
  field: readonly string[],
): string | undefined {
  const [name] = field;
  if (type === undefined || field.length !== 1 || name === undefined) return undefined;
  return context.fieldsOf(type)?.[name]?.relation;
}

function unresolved(
  step: Step,
  here: { type: string | undefined; id: string },
  target: ResourceRef | undefined,
  context: EvaluationContext,
): SignalboxError {
  const field = step.kind === "computed" ? "the relation" : step.field;
  const owner =
    here.type === undefined
      ? "the list item"
      : here.id === context.self.id
        ? `this ${here.type}`
        : `${here.type} ${here.id}`;
  const reason =
    target === undefined
      ? `${field} of ${owner} is not set`
      : `${target.type} ${target.id} (${field} of ${owner}) does not exist`;
  return new SignalboxError("SB_PARAMETER_INVALID", reason);
}

function readField(body: Body | undefined, field: readonly string[]): unknown {
  let value: unknown = body;
  for (const name of field) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Body)[name];
  }
  return value;
}
