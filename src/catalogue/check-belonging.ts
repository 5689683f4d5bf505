import { type FieldProblem, SignalboxError } from "../errors.ts";
import { type EvaluationContext, evaluateValue } from "./evaluate.ts";
import type { Expression } from "./expression.ts";
import type { BelongingCondition, TypeDefinition } from "./type-definition.ts";
import { invalidBody } from "./validate-body.ts";

/**
 * Checks that what a resource refers to belongs to what its type says, in the body of the context.
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
  for (const [field, { conditions }] of type.belonging) {
    if (isUnset(context.self.body[field])) continue;
    for (const condition of conditions) {
      if (typeof when !== "string" && ![...condition.reads].some((read) => when.has(read))) continue;
      const found = violations(field, condition, context, when === "coming");
      problems.push(...found);
      if (found.length > 0) break;
    }
  }
  if (problems.length > 0) throw invalidBody(type.type, problems);
}

/** The values of a field that do not fulfil a condition. */
function violations(
  field: string,
  { value, kind, wanted, at: member, says }: BelongingCondition,
  context: EvaluationContext,
  coming: boolean,
): FieldProblem[] {
  const own: Expression = { kind: "path", steps: [], tail: { kind: "field", field: [field] }, optional: false };
  const found = evaluated(value ?? own, context);
  const right = evaluated(wanted, context);
  if (coming && (isUnset(found) || isUnset(right))) return [];
  const allowed = kind === "in" ? (Array.isArray(right) ? right : []) : [right];
  const fits = (each: unknown) => !isUnset(each) && allowed.includes(each);
  const detail = `must be ${says}`;
  const pointerTo = (at: number) => `/${field}/${at}${member === undefined ? "" : `/${member}`}`;
  if (!Array.isArray(found)) return fits(found) ? [] : [{ pointer: `/${field}`, detail }];
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
