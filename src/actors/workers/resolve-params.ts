import type { OutputReference } from "../../catalogue/evaluate.ts";
import type { JobParam } from "../../catalogue/plan-jobs.ts";
import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { SignalboxError } from "../../errors.ts";
import type { StackOutput } from "../../machines/resource/resource-types.ts";

/** Outputs of a resource's stack; undefined when it has none (yet). */
export type OutputsOf = (ref: ResourceRef) => readonly StackOutput[] | null | undefined;

/**
 * The values of a job's parameters when it runs: outputs of other stacks are known by now.
 * @throws SB_PARAMETER_INVALID naming the parameter and the stack whose output is missing
 */
export function resolveParams(params: readonly JobParam[], outputsOf: OutputsOf): Record<string, unknown> {
  return Object.fromEntries(params.map((param) => [param.param, resolve(param, outputsOf)]));
}

function resolve(param: JobParam, outputsOf: OutputsOf): unknown {
  switch (param.type) {
    case "value":
      return param.value;
    case "output_key":
      return output(param.param, param.value as OutputReference, outputsOf);
    case "list":
      return (param.value as JobParam[]).map((entry) => output(param.param, entry.value as OutputReference, outputsOf));
    default:
      return param.type satisfies never;
  }
}

function output(param: string, reference: OutputReference, outputsOf: OutputsOf): unknown {
  const ref = { type: reference.resource_type, id: reference.resource_id };
  const found = outputsOf(ref)?.find((candidate) => candidate.output_key === reference.output_key);
  if (found === undefined) {
    throw new SignalboxError(
      "SB_PARAMETER_INVALID",
      `parameter ${param}: the stack of ${ref.type} ${ref.id} has no output ${reference.output_key}`,
      { advice: `Look at ${ref.type} ${ref.id}: its stack must be complete first.` },
    );
  }
  return found.output_value;
}
