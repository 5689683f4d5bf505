import { setImmediate as othersFirst } from "node:timers/promises";
import type { GatewayApi, JsonObject, RequestOptions, ResourceView } from "../../actors/gateway-api.ts";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { pointingInto } from "./pointing-into.ts";
import type { Problem } from "./problem.ts";

/** Longest key of a request: with `/` and the number of an item it must still be one. */
const LONGEST_KEY = 250;
/** Creations under way at a time: enough to share the writes of the log, few enough to leave room for others. */
const AT_ONCE = 8;

/** Mistakes that the answer lists at most, over all items; of each item beyond it the first is there. */
const LISTED = 1000;

/** What became of one item. */
export type BulkResult =
  | { readonly status: 201; readonly [type: string]: ResourceView | 201 }
  | { readonly status: number; readonly error: Problem };

export interface BulkOptions extends RequestOptions {
  /** What an item's error looks like to the client. */
  readonly problem: (error: SignalboxError) => Problem;
}

/**
 * Creates each item as a request of its own would, some at a time; one that is refused does not stop the others, and in front of each the
 * process does what else is to do. With a key, item n has the
 * key `<key>/<n>`, so that the whole request can be sent again.
 * @returns what became of each, in their order
 * @throws SB_MALFORMED_REQUEST when the key is too long
 */
export async function bulkCreate(
  api: GatewayApi,
  schema: Pick<TypeSchema, "type" | "collection">,
  items: readonly unknown[],
  { key, problem }: BulkOptions,
): Promise<BulkResult[]> {
  if (key !== undefined && key.length > LONGEST_KEY) {
    throw new SignalboxError("SB_MALFORMED_REQUEST", `The key is longer than ${LONGEST_KEY} characters.`);
  }
  const { type, collection } = schema;
  const results: BulkResult[] = [];
  let next = 0;
  let listed = 0;
  const shown = (answer: Problem): Problem => {
    const { errors } = answer;
    if (errors === undefined) return answer;
    const some = listed + errors.length > LISTED ? errors.slice(0, 1) : errors;
    listed += some.length;
    return { ...answer, errors: some };
  };
  const work = async () => {
    for (let at = next++; at < items.length; at = next++) {
      await othersFirst();
      const options = key === undefined ? {} : { key: `${key}/${at}` };
      try {
        const create = () => api.create(type, fieldsOf(items[at]), options);
        results[at] = { status: 201, [type]: await pointingInto(`${collection}/${at}`, create) };
      } catch (thrown) {
        const error = asSignalboxError(thrown);
        results[at] = { status: error.status, error: shown(problem(error)) };
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

function fieldsOf(item: unknown): JsonObject {
  if (isObject(item)) return item;
  throw new SignalboxError("SB_INVALID_BODY", "Each item must be an object.", {
    fields: [{ pointer: "", detail: "must be an object" }],
  });
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
