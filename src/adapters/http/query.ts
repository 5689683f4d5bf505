import { SignalboxError } from "../../errors.ts";

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Throws SB_MALFORMED_REQUEST when the query names a parameter that the path does not have: a typo must not go unseen. */
export function onlyParameters(query: Query, known: readonly string[]): void {
  for (const name of Object.keys(query)) {
    if (!known.includes(name)) {
      const which = known.length === 0 ? "takes none" : `takes ${known.join(", ")}`;
      throw malformed(`There is no query parameter "${name}" here; the path ${which}.`);
    }
  }
}

/** A parameter that is given once at most. */
export function textParameter(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === "string") return value;
  throw malformed(`The query parameter "${name}" is given ${value.length} times.`);
}

/** `true` or `false`; false when it is not given, true for a bare `?name`. */
export function flagParameter(query: Query, name: string): boolean {
  const value = textParameter(query, name);
  if (value === undefined || value === "false") return false;
  if (value === "true" || value === "") return true;
  throw malformed(`The query parameter "${name}" must be true or false, not "${value}".`);
}

/** A whole number from 0 on. */
export function countParameter(query: Query, name: string): number | undefined {
  const value = textParameter(query, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^[0-9]+$/.test(value) && Number.isSafeInteger(number)) return number;
  throw malformed(`The query parameter "${name}" must be a whole number from 0 on, not "${value}".`);
}

/** All values of a parameter. */
export function listParameter(query: Query, name: string): readonly string[] {
  const value = query[name];
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}

function malformed(message: string): SignalboxError {
  return new SignalboxError("SB_MALFORMED_REQUEST", message);
}
