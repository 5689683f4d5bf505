import { type FieldProblem, SignalboxError } from "../errors.ts";
import { type EvaluationContext, evaluateValue } from "./evaluate.ts";
import type { Expression } from "./expression.ts";
import { invalidBody } from "./mistakes.ts";
import type { Body } from "./resource-view.ts";
import type { BelongingCondition, TypeDefinition } from "./type-definition.ts";

/**
 * Checks that what a resource refers to belongs to what its type says, and that its values go together, in the body of the context.
 * @param when `coming`: what is not worked out yet is passed over; `complete`: what leads nowhere does not belong;
 *   a set of field names: of an update that changes these, only what reads one of them
 * @throws SB_INVALID_BODY naming each field and what it must belong to
 */
export function checkBelonging(
  type: TypeDefinition,
  context: EvaluationContext,
  when: "coming" | "complete" | ReadonlySet<string>,
): void {
  const problems: FieldProblem[] = [];
  const all = [
    ...[...type.belonging].flatMap(([field, { conditions }]) => conditions.map((each) => [field, each] as const)),
    ...type.constraints,
  ];
  const wrong = new Set<string>();
  for (const [path, condition] of all) {
    const names = path.split(".");
    if (wrong.has(path) || isUnset(memberOf(context.self.body, names))) continue;
    if (typeof when !== "string" && ![...condition.reads].some((read) => when.has(read))) continue;
    const found = violations(names, condition, context, when === "coming");
    if (found.length > 0) wrong.add(path);
    problems.push(...found);
  }
  if (problems.length > 0) throw invalidBody(type.type, problems);
}

function memberOf(body: Body, names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (value, name) => (typeof value === "object" && value !== null ? (value as Body)[name] : undefined),
    body,
  );
}

/** The values of a field that do not fulfil a condition. */
function violations(
  names: readonly string[],
  { value, kind, wanted, at: member, says }: BelongingCondition,
  context: EvaluationContext,
  coming: boolean,
): FieldProblem[] {
  const own: Expression = { kind: "path", steps: [], tail: { kind: "field", field: names }, optional: false };
  const found = evaluated(value ?? own, context);
  const right = evaluated(wanted, context);
  if (coming && (isUnset(found) || isUnset(right))) return [];
  const allowed = kind === "in" ? (Array.isArray(right) ? right : []) : [right];
  const fits = (each: unknown) => !isUnset(each) && allowed.includes(each);
  const detail = `must be ${says}`;
  const pointer = `/${names.join("/")}`;
  const pointerTo = (at: number) => `${pointer}/${at}${member === undefined ? "" : `/${member}`}`;
  if (!Array.isArray(found)) return fits(found) ? [] : [{ pointer, detail }];
  return found.flatMap((each, at) => (fits(each) ? [] : [{ pointer: pointerTo(at), detail }]));
}

/** Undefined: it leads nowhere. */
function evaluated(expression: Expression, context: EvaluationContext): unknown {
  try {
    return evaluateValue(expression, context);
  } catch (error) {
    if (error instanceof SignalboxError && error.code === "SB_PARAMETER_INVALID") return undefined;
    throw error;
  }
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}
