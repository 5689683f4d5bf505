import type { ListQuery, SortKey } from "../../actors/gateway-api.ts";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { SignalboxError } from "../../errors.ts";

/** What a list can be asked for besides its filters; no field of a type has such a name. `sort_dir` is Neutron's word for `sort_order`. */
export const LIST_PARAMETERS = ["sort_key", "sort_order", "sort_dir", "limit", "offset", "marker", "fields"] as const;

/** A list request as a transport has read it. */
export interface ListRequest {
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly sortKeys: readonly string[];
  readonly sortOrders: readonly string[];
  readonly limit: number | undefined;
  readonly offset: number | undefined;
  readonly marker: string | undefined;
  /** Each may be several, separated by commas. */
  readonly fields: readonly string[];
}

/**
 * The query of a list request.
 * @throws SB_MALFORMED_REQUEST naming what the type does not have, and for secrets: whoever filters or sorts by one can find it out
 */
export function listQuery(schema: TypeSchema, request: ListRequest): ListQuery {
  const { filters, limit, offset, marker } = request;
  const open = openFields(schema);
  requireKnown(schema, "be filtered by", Object.keys(filters), open, LIST_PARAMETERS);
  requireKnown(schema, "be sorted by", request.sortKeys, open);
  const twice = request.sortKeys.find((name, at) => request.sortKeys.indexOf(name) < at);
  if (twice !== undefined) throw malformed(`The sort key ${shown(twice)} is given more than once.`, "Give each once.");
  const fields = [...new Set(request.fields.flatMap((names) => names.split(",")).filter((name) => name !== ""))];
  requireKnown(schema, "show", fields, [...Object.keys(schema.fields), "error"]);
  const sort = sortOf(request);
  return {
    ...(Object.keys(filters).length === 0 ? {} : { filters: truthValues(schema, filters) }),
    ...(sort.length === 0 ? {} : { sort }),
    ...(limit === undefined ? {} : { limit }),
    ...(offset === undefined ? {} : { offset }),
    ...(marker === undefined ? {} : { marker }),
    ...(fields.length === 0 ? {} : { fields }),
  };
}

/** The fields that a list can be filtered and sorted by: all but secrets. */
export function openFields(schema: TypeSchema): string[] {
  return Object.entries(schema.fields).flatMap(([name, field]) => (field.secret === true ? [] : [name]));
}

/** The fields that an answer is asked to have; undefined: all. @throws SB_MALFORMED_REQUEST naming what the type does not have */
export function fieldSelection(schema: TypeSchema, given: readonly string[]): readonly string[] | undefined {
  return listQuery(schema, { ...NOTHING, fields: given }).fields;
}

const NOTHING: ListRequest = {
  filters: {},
  sortKeys: [],
  sortOrders: [],
  limit: undefined,
  offset: undefined,
  marker: undefined,
  fields: [],
};

function sortOf({ sortKeys, sortOrders }: ListRequest): SortKey[] {
  if (sortOrders.length > 0 && sortKeys.length === 0)
    throw malformed("There is a sort_order and no sort_key.", "Say by which field to sort.");
  if (sortOrders.length > 1 && sortOrders.length !== sortKeys.length) {
    throw malformed(
      `There are ${sortKeys.length} sort keys and ${sortOrders.length} sort orders.`,
      "Give one order for each key, or one for all of them.",
    );
  }
  const wrong = sortOrders.find((order) => order !== "asc" && order !== "desc");
  if (wrong !== undefined) throw malformed(`The sort order must be asc or desc, not "${shown(wrong)}".`);
  return sortKeys.map((field, at) => ({ field, descending: (sortOrders[at] ?? sortOrders[0]) === "desc" }));
}

/** Python's clients write True and False. */
function truthValues(schema: TypeSchema, filters: ListRequest["filters"]): ListRequest["filters"] {
  return Object.fromEntries(
    Object.entries(filters).map(([name, values]) => [
      name,
      schema.fields[name]?.type === "boolean" ? values.map((value) => value.toLowerCase()) : values,
    ]),
  );
}

function requireKnown(
  { collection }: TypeSchema,
  what: string,
  names: readonly string[],
  known: readonly string[],
  parameters: readonly string[] = [],
): void {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const listed = unknown
    .slice(0, 5)
    .map((name) => `"${shown(name)}"`)
    .join(", ");
  const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : "";
  const others = parameters.length === 0 ? "" : ` The other parameters are ${parameters.join(", ")}.`;
  throw malformed(`${collection} cannot ${what} ${listed}${more}.`, `The fields are ${known.join(", ")}.${others}`);
}

function shown(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}...` : name;
}

function malformed(message: string, advice?: string): SignalboxError {
  return new SignalboxError("SB_MALFORMED_REQUEST", message, advice === undefined ? {} : { advice });
}
