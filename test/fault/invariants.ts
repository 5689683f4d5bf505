import { counts, differences, doubles } from "./compare.ts";
import type { RouterOutcome } from "./lab-pages.ts";
import type { LoggedResource } from "./logged-resources.ts";
import { loneInvariants, withResources } from "./lone-invariants.ts";
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
  ...loneInvariants,

  "documents are those of an undisturbed run": (found, wanted) =>
    differences(namedDocuments(wanted), namedDocuments(found)),

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
      ...doubles(outcome.objects.map(({ kind, fqName }) => `${kind} ${fqName.join(":")}`)),
    ];
  },

  "the same jobs are planned": (found, wanted) => {
    // <action>:<handler>:<type>:<id>:<version>:<suffix>
    const kinds = ({ resources, names }: Examined) =>
      counts(
        resources.flatMap(({ jobs }) => jobs.planned).map((id) => names.stable(id).split(":").slice(0, -1).join(":")),
      );
    return differences(kinds(wanted), kinds(found));
  },

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
  return { ...withResources(outcome), names: new StableNames(outcome) };
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
