import { JOURNAL_PREFIX, parseJournal } from "../../src/actors/devices/lane-journal.ts";
import type { Json } from "../../src/actors/ports.ts";
import { counts, differences, doubles } from "./compare.ts";
import { type LoggedResource, loggedResources } from "./logged-resources.ts";
import type { Outcome } from "./outcome.ts";

/** What every run has left, whatever was killed in it: one process or one of many. */
export type Left = Pick<
  Outcome,
  "records" | "documents" | "projected" | "queued" | "routers" | "acknowledged" | "followed" | "shortfall"
> & {
  /** Ids of what a client has deleted. */
  readonly deleted?: ReadonlySet<string>;
};

/** That with the resources of its log. */
export interface LeftResources {
  readonly outcome: Left;
  readonly resources: readonly LoggedResource[];
}

export function withResources<T extends Left>(outcome: T): { outcome: T; resources: readonly LoggedResource[] } {
  return { outcome, resources: loggedResources(outcome.records) };
}

type LoneInvariant = (found: LeftResources) => string[];

/** What must hold for one outcome by itself; each answers what is wrong, nothing when it holds. */
export const loneInvariants = {
  "what was acknowledged is ACTIVE and UP": ({ outcome, resources }) => {
    const byId = new Map(resources.map((resource) => [resource.id, resource]));
    const lost = outcome.acknowledged.flatMap(({ type, id }) => {
      const resource = byId.get(id);
      if (resource === undefined) return [`${type} ${id} is not in the log`];
      const wanted = outcome.deleted?.has(id) ? "gone" : "done";
      return resource.outcome === wanted ? [] : [`${type} ${id} is ${resource.outcome}: ${resource.state}`];
    });
    return [...outcome.shortfall, ...lost];
  },

  "what was not acknowledged leaves nothing": ({ outcome, resources }) => {
    const wanted = new Set(outcome.acknowledged.map(({ id }) => id));
    // An owner comes before what belongs to it.
    for (const { id, owner } of resources) if (owner !== undefined && wanted.has(owner)) wanted.add(id);
    return resources.flatMap(({ type, id, state }) => (wanted.has(id) ? [] : [`${type} ${id} (${state})`]));
  },

  "a follower is told nothing but what stays": ({ outcome, resources }) => {
    const kept = new Map(resources.flatMap(({ transitions }) => transitions.map((each) => [each.seq, each] as const)));
    return outcome.followed.flatMap(({ seq, type, id, event, state }) => {
      const found = kept.get(seq);
      if (found?.id === id && found.event === event && found.state === state) return [];
      return [
        `${seq} was ${event} of ${type} ${id} and is ${found === undefined ? "gone" : `${found.event} of ${found.id}`}`,
      ];
    });
  },

  "documents are the log folded": ({ outcome }) => {
    const stored = new Map([...outcome.documents].map(([key, value]) => [key, JSON.stringify(value)]));
    const { records, projected = Number.POSITIVE_INFINITY } = outcome;
    return differences(foldedDocuments(records.filter(({ seq }) => seq <= projected)), stored);
  },

  "no statement is on a router twice": ({ outcome }) =>
    outcome.routers.flatMap(({ name, set }) => doubles(set.trimEnd().split("\n")).map((line) => `${name}: ${line}`)),

  "no number or value is given twice": ({ resources }) => doubles(resources.flatMap(({ claims }) => claims)),

  "transitions of a resource follow one another": ({ resources }) =>
    resources.flatMap(({ type, id, transitions }) =>
      transitions.flatMap(({ seq, before, version }, at) => {
        const last = transitions[at - 1] ?? { seq: 0, state: "absent", version: 0 };
        return before === last.state && seq > last.seq && version >= last.version
          ? []
          : [`${seq} of ${type} ${id}: from ${before} in version ${version} after ${last.state} in ${last.version}`];
      }),
    ),

  "each job is planned and done once": ({ resources }) => {
    const [planned, finished] = (["planned", "finished"] as const).map((what) =>
      resources.flatMap(({ jobs }) => jobs[what]),
    );
    return [
      ...doubles(planned ?? []).map((id) => `planned twice: ${id}`),
      ...doubles(finished ?? []).map((id) => `finished twice: ${id}`),
      ...differences(counts(planned ?? []), counts(finished ?? [])),
    ];
  },

  "no job is left in a queue": ({ outcome }) =>
    Object.entries(outcome.queued).flatMap(([queue, left]) => (left === 0 ? [] : [`${queue}: ${left}`])),

  "a transaction of routers is settled before the next, and none is left open": ({ outcome }) => {
    const open = new Map<string, string>();
    const unsettled: string[] = [];
    for (const record of outcome.records) {
      if (!record.subject.startsWith(JOURNAL_PREFIX)) continue;
      const { phase, tag } = parseJournal(record);
      const before = open.get(record.subject) ?? tag;
      if (before !== tag) unsettled.push(`${record.subject}: ${tag} is ${phase} and ${before} was not settled`);
      if (phase === "settled") open.delete(record.subject);
      else open.set(record.subject, tag);
    }
    return [...unsettled, ...[...open].map(([subject, tag]) => `${subject}: ${tag} is open`)];
  },

  "one editor at a time, and nobody holds a router in the end": ({ outcome }) =>
    outcome.routers.flatMap(({ name, overview }) => {
      const { violations, maxConcurrentEditors, automaticRollbacks, lockHolder, sessions } = overview.statistics;
      return [
        ...violations,
        ...(maxConcurrentEditors > 1 ? [`${maxConcurrentEditors} editors at a time`] : []),
        ...(automaticRollbacks > 0 ? [`${automaticRollbacks} commits were left until the router took them back`] : []),
        ...(overview.pending_deadline === null ? [] : ["a commit waits for its confirmation"]),
        ...(lockHolder === null ? [] : [`locked by session ${lockHolder.id}`]),
        ...(sessions.length === 0 ? [] : [`${sessions.length} sessions are open`]),
      ].map((text) => `${name}: ${text}`);
    }),
} satisfies Record<string, LoneInvariant>;

export type LoneInvariantName = keyof typeof loneInvariants;

/** The documents that the records of a log come to, as texts by key. */
export function foldedDocuments(records: Outcome["records"]): Map<string, string> {
  const folded = new Map<string, string>();
  for (const { data } of records) {
    const { documents = [] } = data as { documents?: ReadonlyArray<{ key: string; value: Json }> };
    for (const { key, value } of documents) {
      // The program's own, such as who did what: swept away in time.
      if (key.startsWith("/signalbox/")) continue;
      if (value === null) folded.delete(key);
      else folded.set(key, JSON.stringify(value));
    }
  }
  return folded;
}
