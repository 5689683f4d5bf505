import type { ResourceRef } from "../../catalogue/resource-view.ts";
import type { EventLog, Secrets } from "../ports.ts";
import { parseRecord, RESOURCE_SUBJECTS } from "../resource-record.ts";
import { sealPlace } from "./seal-places.ts";

export interface UnplacedSeals {
  /** What a seal that does not say it was made for; undefined when nobody's field holds it, or more than one. */
  readonly placeOf: (token: string) => string | undefined;
  /** Subjects of which the last record has such a seal of which it is known. */
  readonly subjects: ReadonlySet<string>;
}

/**
 * Finds the seals of before version 3 that stand in secret fields, and everything that repeats them: jobs of others have the login of a router.
 * @param secretFields names of a type's secret fields
 */
export async function unplacedSeals(
  { log, secrets }: { log: EventLog; secrets: Secrets },
  secretFields: (type: string) => readonly string[],
): Promise<UnplacedSeals> {
  const places = new Map<string, string | undefined>();
  const note = ({ type, id }: ResourceRef, body: Readonly<Record<string, unknown>>) => {
    for (const field of secretFields(type)) {
      const value = body[field];
      if (typeof value !== "string" || !secrets.isSealed(value) || secrets.placesIn(value)[0] !== undefined) continue;
      const place = sealPlace({ type, id }, field);
      places.set(value, places.has(value) && places.get(value) !== place ? undefined : place);
    }
  };
  for await (const stored of log.lastOfEach(RESOURCE_SUBJECTS)) {
    const context = parseRecord(stored)?.snapshot.context;
    if (context === undefined) continue;
    for (const { body } of [context, ...context.queue]) note(context, body);
  }
  const placeOf = (token: string) => places.get(token);
  const subjects = new Set<string>();
  if (places.size > 0) {
    for await (const { subject, data } of log.lastOfEach(RESOURCE_SUBJECTS)) {
      if (secrets.renewed(JSON.stringify(data), placeOf).size > 0) subjects.add(subject);
    }
  }
  return { placeOf, subjects };
}
