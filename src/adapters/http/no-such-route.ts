import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { SignalboxError } from "../../errors.ts";

const RESOURCES = "/v2.0";

/** The error for a path that there is nothing at; under /v2.0 it says which collections there are. */
export function noSuchRoute(path: string, types: readonly TypeSchema[]): SignalboxError {
  const shown = path.length > 100 ? `${path.slice(0, 100)}...` : path;
  const [root, collection, ...rest] = path.split("/").slice(1);
  if (`/${root}` !== RESOURCES || types.length === 0)
    return new SignalboxError("SB_NO_SUCH_ROUTE", `There is nothing at ${shown}.`);
  const known = types.find((type) => type.collection === collection);
  if (known !== undefined) {
    return new SignalboxError("SB_NO_SUCH_ROUTE", `There is nothing at ${shown}.`, {
      advice: `Below ${RESOURCES}/${known.collection} there are /<id>, /<id>/history, /<id>/retry and /bulk.`,
    });
  }
  const close = types.find((type) => [type.type, type.collection].some((name) => alike(name, collection ?? "")));
  const slip = close === undefined ? "" : `Did you mean ${RESOURCES}/${[close.collection, ...rest].join("/")}? `;
  const all = types.map((type) => type.collection).sort();
  return new SignalboxError("SB_NO_SUCH_ROUTE", `There is no collection at ${shown}.`, {
    advice: `${slip}The collections are ${all.join(", ")}.`,
  });
}

function alike(name: string, given: string): boolean {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  return plain(name) === plain(given);
}
