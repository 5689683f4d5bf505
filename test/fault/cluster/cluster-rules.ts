import { differences, doubles } from "../compare.ts";
import { foldedDocuments, type LeftResources, loneInvariants, withResources } from "../lone-invariants.ts";
import type { ClusterOutcome } from "./cluster-outcome.ts";
import { changesMadeTwice, jobsByTag, jobsDoneAgain } from "./repeated-changes.ts";
import { wantedRouters } from "./wanted-configuration.ts";

/** A number that a rule comes to. */
export interface Figure {
  readonly what: string;
  readonly count: number;
  /** What is wrong, a text for each; undefined for a number that is only told. */
  readonly wrong?: readonly string[];
}

interface Examined extends LeftResources {
  readonly outcome: ClusterOutcome;
}

const told = (what: string, count: number): Figure => ({ what, count });
const none = (what: string, wrong: readonly string[]): Figure => ({ what, count: wrong.length, wrong });

/** The seven rules of docs/architecture.md, "What must always hold", and two of secrets and of processes. */
const rules = {
  "1 an accepted command is never lost; what was not accepted leaves nothing": (found) => {
    const { outcome, resources } = found;
    const accepted = outcome.acknowledged.length + outcome.changed.size + outcome.deleted.size;
    return [
      told("accepted", accepted),
      told("completed", resources.filter(({ outcome: end }) => end === "done").length),
      none("lost", loneInvariants["what was acknowledged is ACTIVE and UP"](found)),
      none("changes lost", changesLost(found)),
      told("refused", outcome.refused.size),
      none("left behind by refused requests", leftByRefused(found)),
      none("told to a follower and not kept", loneInvariants["a follower is told nothing but what stays"](found)),
    ];
  },

  "2 versions of a resource take effect in order; at most one job of a resource runs": (found) => [
    told("transitions", found.resources.flatMap(({ transitions }) => transitions).length),
    none("out of order", loneInvariants["transitions of a resource follow one another"](found)),
    told("jobs", found.resources.flatMap(({ jobs }) => jobs.planned).length),
    none("planned or finished twice, or not at all", loneInvariants["each job is planned and done once"](found)),
  ],

  "3 no VLAN, address or number is given twice": (found) => [
    told("given", found.resources.flatMap(({ claims }) => claims).length),
    none("double allocations", loneInvariants["no number or value is given twice"](found)),
    none("both of two rivals accepted, or none", rivals(found)),
    none("controller objects of one name", sameNames(found)),
  ],

  "4 every resource reaches a final state, and every router holds exactly what the resources ask for": (found) => {
    const { outcome, resources } = found;
    const jobs = jobsByTag(outcome.records);
    const unequal = unequalRouters(found);
    return [
      told("commits", outcome.routers.flatMap(({ ledger }) => ledger).length),
      told("jobs done again after a kill", jobsDoneAgain(outcome.routers, jobs)),
      none("not in a final state", unsettledResources(resources)),
      none("jobs left in a queue", loneInvariants["no job is left in a queue"](found)),
      none("transactions left open", loneInvariants[SETTLED](found)),
      none("routers unequal to what the resources ask for", unequal.routers),
      none("pairs of which only one router is unequal", unequal.halfPairs),
      none("duplicate commits", changesMadeTwice(outcome.routers, jobs)),
      none("statements doubled", loneInvariants["no statement is on a router twice"](found)),
      none("candidate held or edited by two sessions at once, or left held", loneInvariants[ONE_EDITOR](found)),
    ];
  },

  "5 the documents equal the log": (found) => [
    told("documents", found.outcome.documents.size),
    none("unequal to those folded from the log", loneInvariants["documents are the log folded"](found)),
  ],

  "6 a deleted resource leaves nothing": (found) => [
    told("deleted", found.outcome.deleted.size),
    none("left of deleted resources", leftOfDeleted(found)),
  ],

  "7 a tenant sees and touches only its own and what is shared": ({ outcome }) => {
    const foreign = outcome.requests.filter(({ fate }) => fate === "foreign").map(({ name }) => name);
    return [
      told("requests for another tenant's", foreign.length),
      none(
        "accepted",
        foreign.filter((name) => !outcome.refused.has(name)),
      ),
    ];
  },

  "secrets are nowhere in the clear": ({ outcome }) => [
    told("texts searched", outcome.records.length + outcome.documents.size + outcome.lines.length),
    none("secrets in the clear", inTheClear(outcome)),
  ],

  "processes end only when they are asked to, and then well": ({ outcome }) => [
    none("ended by themselves", outcome.endedBySelf),
    none(
      "ended badly",
      outcome.endings.flatMap(({ name, ending }) =>
        ending.code === 0 ? [] : [`${name} ended with ${ending.code ?? ending.signal}`],
      ),
    ),
  ],
} satisfies Record<string, (found: Examined) => Figure[]>;

const SETTLED = "a transaction of routers is settled before the next, and none is left open";
const ONE_EDITOR = "one editor at a time, and nobody holds a router in the end";

export type RuleName = keyof typeof rules;

/** What each rule comes to for what a run has left. */
export function figuresOf(outcome: ClusterOutcome): Map<RuleName, Figure[]> {
  const found = withResources(outcome);
  return new Map(
    (Object.entries(rules) as Array<[RuleName, (of: Examined) => Figure[]]>).map(([name, rule]) => [name, rule(found)]),
  );
}

/** The figures that are not what they must be. */
export function brokenFigures(figures: ReadonlyMap<RuleName, readonly Figure[]>): Figure[] {
  return [...figures.values()].flat().filter(({ wrong = [] }) => wrong.length > 0);
}

function changesLost({ outcome, resources }: Examined): string[] {
  const byId = new Map(resources.map((resource) => [resource.id, resource]));
  return [...outcome.changed].flatMap(([id, fields]) =>
    Object.entries(fields).flatMap(([name, value]) =>
      byId.get(id)?.body[name] === value ? [] : [`${name} of ${id} is ${byId.get(id)?.body[name]} and not ${value}`],
    ),
  );
}

/** Resources that nobody was told of, and those whose name only refused requests have. */
function leftByRefused(found: Examined): string[] {
  const { refused } = found.outcome;
  const named = found.resources.filter(({ body }) => refused.has(String(body["name"])));
  // What was refused is in the audit; the log names itself, and is tried with probes while it takes no writes.
  const queued = found.outcome.records.filter(
    ({ subject }) => !/^((resource|lane|audit)\..+|log\.(identity|probe))$/.test(subject),
  );
  return [
    ...loneInvariants["what was not acknowledged leaves nothing"](found),
    ...named.map(({ type, id, body }) => `${type} ${id} is ${body["name"]}`),
    ...queued.map(({ subject }) => `a record of ${subject}`),
  ];
}

function rivals({ outcome }: Examined): string[] {
  const accepted = new Map<string, number>();
  for (const { rivals: group, name } of outcome.requests) {
    if (group !== undefined) accepted.set(group, (accepted.get(group) ?? 0) + (outcome.refused.has(name) ? 0 : 1));
  }
  return [...accepted].flatMap(([group, count]) => (count === 1 ? [] : [`${count} of the ${group}`]));
}

const sameNames = ({ outcome }: Examined): string[] =>
  doubles(outcome.objects.map(({ kind, fqName }) => `${kind} ${fqName.join(":")}`));

const unsettledResources = (resources: Examined["resources"]): string[] =>
  resources.flatMap(({ type, id, outcome, state }) => (outcome === "pending" ? [`${type} ${id} is ${state}`] : []));

function unequalRouters({ outcome, resources }: Examined): { routers: string[]; halfPairs: string[] } {
  const unequal = wantedRouters(outcome.pairs, resources, outcome.open).flatMap(({ name, pair, lines }) => {
    const found = outcome.routers
      .find((router) => router.name === name)
      ?.configuration.trimEnd()
      .split("\n")
      .sort();
    const differing = differences(new Map([[name, lines.join("\n")]]), new Map([[name, (found ?? []).join("\n")]]));
    return differing.map((text) => ({ pair, text }));
  });
  const pairs = unequal.map(({ pair }) => String(pair));
  const both = new Set(doubles(pairs));
  return {
    routers: unequal.map(({ text }) => text),
    halfPairs: pairs.filter((pair) => !both.has(pair)).map((pair) => `pair ${pair}`),
  };
}

function leftOfDeleted({ outcome }: Examined): string[] {
  const { deleted } = outcome;
  const keys = [...outcome.documents.keys()].filter((key) => [...deleted].some((id) => key.includes(id)));
  const indexed = [...outcome.documents].flatMap(([key, value]) => {
    const text = JSON.stringify(value);
    return [...deleted].filter((id) => text.includes(id)).map((id) => `${key} names ${id}`);
  });
  const objects = outcome.objects.filter(({ uuid }) => deleted.has(uuid)).map(({ kind, uuid }) => `${kind} ${uuid}`);
  return [...keys, ...indexed, ...objects];
}

function inTheClear({ records, documents, lines, secrets }: ClusterOutcome): string[] {
  const search = (where: string, text: string) =>
    secrets.filter((secret) => text.includes(secret)).map((secret) => `${secret} in ${where}`);
  return [
    ...records.flatMap(({ seq, data }) => search(`record ${seq}`, JSON.stringify(data))),
    ...[...documents].flatMap(([key, value]) => search(key, JSON.stringify(value))),
    ...lines.flatMap((line) => search(`the line ${line.slice(0, 80)}`, line)),
  ];
}

/** True when the documents are what the records come to: the projectors have nothing more to write. */
export function isProjected(outcome: Pick<ClusterOutcome, "records" | "documents">): boolean {
  const stored = new Map([...outcome.documents].map(([key, value]) => [key, JSON.stringify(value)]));
  return differences(foldedDocuments(outcome.records), stored).length === 0;
}
