import Type, { type Static } from "typebox";
import type { RequestSourceOptions } from "../adapters/http/request-source.ts";
import { type Entry, isLoopback } from "./access-settings.ts";

const strict = { additionalProperties: false } as const;

/** The `http` section of the configuration. */
export const httpSchema = Type.Object(
  {
    allowed_hosts: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    allowed_origins: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
  },
  strict,
);

export type HttpSettings = Static<typeof httpSchema>;

/**
 * From where a process takes requests over HTTP. Where every request brings a token, a name that somebody else has pointed here gives him
 * nothing; everywhere else only names that are known lead here.
 * @param entry undefined where there is nothing but health to be had
 */
export function requestSourceOf(settings: HttpSettings, host: string, entry: Entry | undefined): RequestSourceOptions {
  const { allowed_hosts: hosts, allowed_origins: origins } = settings;
  const isAny = hosts === undefined && !isLoopback(host) && (entry === "tokens" || entry === undefined);
  return {
    hosts: isAny ? "any" : [...(hosts ?? []), ...listened(host)],
    ...(origins === undefined ? {} : { origins }),
    noProxies: entry === "local",
  };
}

/** The name that the address was given by; every address stands for itself. */
function listened(host: string): string[] {
  return /^[A-Za-z][\w.-]*$/.test(host) ? [host] : [];
}
