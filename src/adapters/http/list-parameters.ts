import type { ListQuery } from "../../actors/gateway-api.ts";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { LIST_PARAMETERS, listQuery } from "../api/list-query.ts";
import { countParameter, listParameter, type Query, textParameter } from "./query.ts";

/** What the query of a list asks for. @throws SB_MALFORMED_REQUEST */
export function listParameters(schema: TypeSchema, query: Query): ListQuery {
  const filters = Object.keys(query).filter((name) => !LIST_PARAMETERS.some((parameter) => parameter === name));
  return listQuery(schema, {
    filters: Object.fromEntries(filters.map((name) => [name, listParameter(query, name)])),
    sortKeys: listParameter(query, "sort_key"),
    sortOrders: [...listParameter(query, "sort_order"), ...listParameter(query, "sort_dir")],
    limit: countParameter(query, "limit"),
    offset: countParameter(query, "offset"),
    marker: textParameter(query, "marker"),
    fields: listParameter(query, "fields"),
  });
}
