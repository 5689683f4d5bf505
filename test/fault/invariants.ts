import { JOURNAL_PREFIX, parseJournal } from "../../src/actors/devices/lane-journal.ts";
import { counts, differences, doubles } from "./compare.ts";
import type { RouterOutcome } from "./lab-pages.ts";
import { type LoggedResource, loggedResources } from "./logged-resources.ts";
import type { Outcome } from "./outcome.ts";
import { StableNames } from "./stable-names.ts";

/** An outcome with what the invariants ask of it more than once. */
interface Examined {
  readonly outcome: Outcome;
  readonly names: StableNames;
  readonly resources: readonly LoggedResource[];
}

/** What is wrong with an outcome, given that of an undisturbed run; nothing when it is as it must be. */
type Invariant = (found: Examined, wanted: Examined) => string[];

const invariants = {
  "what was acknowledged is ACTIVE and UP": ({ outcome, resources }) => {
    const byId = new Map(resources.map((resource) => [resource.id, resource]));
    const lost = outcome.acknowledged.flatMap(({ type, id }) => {
      const resource = byId.get(id);
      if (resource === undefined) return [`${type} ${id} is not in the log`];
      return resource.outcome === "done" ? [] : [`${type} ${id} is ${resource.outcome}: ${resource.state}`];
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

  "documents are those of an undisturbed run": (found, wanted) =>
    differences(namedDocuments(wanted), namedDocuments(found)),

  "documents are the log folded": ({ outcome }) => {
    const folded = new Map<string, string>();
    for (const { data } of outcome.records) {
      const { documents = [] } = data as { documents?: ReadonlyArray<{ key: string; value: unknown }> };
      for (const { key, value } of documents) {
        if (value === null) folded.delete(key);
        else folded.set(key, JSON.stringify(value));
      }
    }
    const stored = new Map([...outcome.documents].map(([key, value]) => [key, JSON.stringify(value)]));
    return differences(folded, stored);
  },

  "routers hold what an undisturbed run leaves": (found, wanted) => {
    // The lab shows statements in the order in which they came; with a client that does not wait, jobs that do not depend
    // on one another may be committed in either order.
    const text = ({ outcome: { pace } }: Examined, { compare, set }: RouterOutcome) =>
      pace === "burst" ? set.trimEnd().split("\n").sort().join("\n") : compare;
    const texts = (examined: Examined) =>
      new Map(
        examined.outcome.routers.map((router) => [router.name, examined.names.stable(text(examined, router))] as const),
      );
    return differences(texts(wanted), texts(found));
  },

  "no statement is on a router twice": ({ outcome }) =>
    outcome.routers.flatMap(({ name, set }) => doubles(set.trimEnd().split("\n")).map((line) => `${name}: ${line}`)),

  "the controller holds what an undisturbed run leaves": (found, wanted) => {
    const objects = ({ outcome, names }: Examined) =>
      new Map(
        outcome.objects.map(({ kind, uuid, data }) => [
          `${kind} ${names.stable(uuid)}`,
          names.unorderedJson(shown(data)),
        ]),
      );
    const kinds = ({ outcome }: Examined) => counts(outcome.objects.map(({ kind }) => kind));
    return [...differences(kinds(wanted), kinds(found)), ...differences(objects(wanted), objects(found))];
  },

  "nothing is there twice": ({ outcome, names, resources }, wanted) => {
    const types = (of: readonly LoggedResource[]) => counts(of.map(({ type }) => type));
    return [
      ...names.alike,
      ...differences(types(wanted.resources), types(resources)),
      ...doubles(resources.flatMap(({ claims }) => claims)),
      ...doubles(outcome.objects.map(({ kind, fqName }) => `${kind} ${fqName.join(":")}`)),
    ];
  },

  "transitions of a resource follow one another": ({ resources }) =>
    resources.flatMap(({ type, id, transitions }) =>
      transitions.flatMap(({ seq, before, version }, at) => {
        const last = transitions[at - 1] ?? { seq: 0, state: "absent", version: 0 };
        return before === last.state && seq > last.seq && version >= last.version
          ? []
          : [`${seq} of ${type} ${id}: from ${before} in version ${version} after ${last.state} in ${last.version}`];
      }),
    ),

  "each job is planned and done once": (found, wanted) => {
    const jobs = ({ resources }: Examined, what: "planned" | "finished") =>
      resources.flatMap((each) => each.jobs[what]);
    // <action>:<handler>:<type>:<id>:<version>:<suffix>
    const kinds = (examined: Examined) =>
      counts(jobs(examined, "planned").map((id) => examined.names.stable(id).split(":").slice(0, -1).join(":")));
    const [planned, finished] = [jobs(found, "planned"), jobs(found, "finished")];
    return [
      ...doubles(planned).map((id) => `planned twice: ${id}`),
      ...doubles(finished).map((id) => `finished twice: ${id}`),
      ...differences(counts(planned), counts(finished)),
      ...differences(kinds(wanted), kinds(found)),
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

  "it ends when it is asked to": ({ outcome }) =>
    outcome.stopped.code === 0 ? [] : [`it ended with ${outcome.stopped.code ?? outcome.stopped.signal}`],
} satisfies Record<string, Invariant>;

export type InvariantName = keyof typeof invariants;

/** An invariant that does not hold, and how. */
export interface Violation {
  readonly invariant: InvariantName;
  readonly details: readonly string[];
}

/** The invariants that do not hold for what a run has left, given what an undisturbed run of the same scenario leaves. */
export function violations(outcome: Outcome, undisturbed: Outcome): Violation[] {
  const [found, wanted] = [examine(outcome), examine(undisturbed)];
  return (Object.entries(invariants) as Array<[InvariantName, Invariant]>).flatMap(([invariant, holds]) => {
    const details = holds(found, wanted);
    return details.length === 0 ? [] : [{ invariant, details }];
  });
}

function examine(outcome: Outcome): Examined {
  return { outcome, names: new StableNames(outcome), resources: loggedResources(outcome.records) };
}

function namedDocuments({ outcome, names }: Examined): Map<string, string> {
  // With a client that does not wait it is chance whether a change finds the creation done.
  const settled = (text: string) =>
    outcome.pace === "burst" ? text.replace(/"status": "PENDING_(CREATE|UPDATE)"/, '"status": "<pending>"') : text;
  return new Map([...outcome.documents].map(([key, value]) => [names.stable(key), settled(names.json(value))]));
}

/** What the controller says of an object, without the address at which it said so and the time of its last change. */
function shown(data: object): object {
  const text = JSON.stringify(data, (name, value: unknown) =>
    name === "href" || name === "created" || name === "last_modified" || name.startsWith("uuid_") ? undefined : value,
  );
  return JSON.parse(text) as object;
}
