import type { OutputReference } from "../../catalogue/evaluate.ts";
import type { JobParam } from "../../catalogue/plan-jobs.ts";
import type { OutputsOf } from "../workers/resolve-params.ts";

/** What nobody can know before the change is made, such as an address that is derived from a new id. */
const LATER = "(made when it is created)";

/** The outputs of stacks, with a text that says what it will be for each that a job needs and no stack has yet. */
export function outputsWithPlaceholders(params: readonly JobParam[], outputsOf: OutputsOf): OutputsOf {
  const wanted = params.flatMap(referencesOf);
  return (ref) => {
    const known = outputsOf(ref) ?? [];
    const missing = wanted.filter(
      ({ resource_type, resource_id, output_key }) =>
        resource_type === ref.type &&
        resource_id === ref.id &&
        !known.some((output) => output.output_key === output_key),
    );
    return [
      ...known,
      ...missing.map(({ output_key }) => ({
        output_key,
        output_value: `(${output_key} of the stack of ${ref.type} ${ref.id}, known when that is complete)`,
        description: "",
      })),
    ];
  };
}

function referencesOf({ type, value }: JobParam): OutputReference[] {
  if (type === "value") return [];
  return type === "output_key" ? [value as OutputReference] : (value as JobParam[]).flatMap(referencesOf);
}

/**
 * Of the same made twice, each time with other new ids, what both have in common. Ids become their names, and a text that differs in
 * something else depends on an id in a way that cannot be told.
 * @param names for each new id of the one and of the other what it is called
 */
export function inCommon<T>(
  one: T,
  other: T,
  names: readonly [ReadonlyMap<string, string>, ReadonlyMap<string, string>],
): T {
  return common(one, other, names) as T;
}

function common(one: unknown, other: unknown, names: Parameters<typeof inCommon>[2]): unknown {
  if (typeof one === "string") {
    const text = named(one, names[0]);
    return typeof other === "string" && named(other, names[1]) === text ? text : LATER;
  }
  if (Array.isArray(one)) {
    const items: readonly unknown[] = Array.isArray(other) ? other : [];
    return one.map((item: unknown, at) => common(item, items[at], names));
  }
  if (typeof one === "object" && one !== null) {
    const members = typeof other === "object" && other !== null ? (other as Record<string, unknown>) : {};
    return Object.fromEntries(Object.entries(one).map(([name, value]) => [name, common(value, members[name], names)]));
  }
  return Object.is(one, other) ? one : LATER;
}

function named(text: string, names: ReadonlyMap<string, string>): string {
  let shown = text;
  for (const [id, name] of names) if (shown.includes(id)) shown = shown.replaceAll(id, name);
  return shown;
}
