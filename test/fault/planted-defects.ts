import type { Json, StoredRecord } from "../../src/actors/ports.ts";
import type { InvariantName } from "./invariants.ts";
import type { RouterOutcome } from "./lab-pages.ts";
import type { Left, LoneInvariantName } from "./lone-invariants.ts";
import type { Outcome } from "./outcome.ts";

type Change = (outcome: Outcome) => Partial<Outcome>;
type Statistics = RouterOutcome["overview"]["statistics"];

/** The same for what every run is held to, also one of several processes. */
export const lonePlantedDefects: Readonly<Record<LoneInvariantName, (left: Left) => Partial<Left>>> = {
  "what was acknowledged is ACTIVE and UP": ({ acknowledged }) => ({
    acknowledged: [...acknowledged, { type: "network", id: "lost", alias: "lost", how: "answered" }],
  }),
  "what was not acknowledged leaves nothing": ({ acknowledged }) => ({ acknowledged: acknowledged.slice(0, -1) }),
  "a follower is told nothing but what stays": ({ records, followed }) => {
    const last = followed.at(-1);
    return { records: records.filter(({ seq }) => seq !== last?.seq) };
  },
  "documents are the log folded": ({ documents }) => ({ documents: new Map([...documents].slice(1)) }),
  "no statement is on a router twice": ({ routers }) => ({
    routers: routers.map((router) => ({ ...router, set: `${router.set}${router.set}` })),
  }),
  "transitions of a resource follow one another": ({ records }) => ({
    records: records.filter((record) => eventOf(record) !== "ADMIT"),
  }),
  "no number or value is given twice": ({ records }) => ({ records: records.map(withEveryClaim) }),
  "each job is planned and done once": ({ records }) => ({
    records: records.flatMap((record) => (eventOf(record) === "JOB_FINISHED" ? [record, record] : [record])),
  }),
  "no job is left in a queue": ({ queued }) => ({ queued: { ...queued, heat_worker: 1 } }),
  "a transaction of routers is settled before the next, and none is left open": ({ records }) => ({
    records: records.filter(({ data }) => (data as { phase?: Json }).phase !== "settled"),
  }),
  "one editor at a time, and nobody holds a router in the end": ({ routers }) => ({
    routers: routers.map((router) => withStatistics(router, { lockHolder: { id: 4201, user: "signalbox" } })),
  }),
};

/** For each invariant something that breaks it, put into an outcome where all is well: a check that never fails is none. */
export const plantedDefects: Readonly<Record<InvariantName, Change>> = {
  ...lonePlantedDefects,
  "documents are those of an undisturbed run": ({ documents }) => ({
    documents: new Map(
      [...documents].map(([key, value]) => [key, key.startsWith("/state/") ? withMember(value, "error") : value]),
    ),
  }),
  "routers hold what an undisturbed run leaves": ({ routers }) => ({
    routers: routers.map((router) => ({
      ...router,
      compare: router.compare.replace("priority 105;", "priority 100;"),
    })),
  }),
  "the controller holds what an undisturbed run leaves": ({ objects }) => ({
    objects: objects.map((object) => ({ ...object, data: { ...object.data, display_name: "another" } })),
  }),
  "nothing is there twice": ({ objects }) => ({
    objects: [...objects, ...objects.slice(0, 1).map((object) => ({ ...object, uuid: "another" }))],
  }),
  "the same jobs are planned": ({ records }) => ({ records: records.filter((record) => !plansJobs(record)) }),
  "it ends when it is asked to": () => ({ stopped: { code: 1, signal: null } }),
};

/** Every resource claims the same number. */
function withEveryClaim(record: StoredRecord): StoredRecord {
  const data = record.data as { snapshot?: { context?: { [key: string]: Json } } };
  const { context } = data.snapshot ?? {};
  if (context === undefined) return record;
  const claims = [{ pool: "vlan", number: 1025 }];
  return { ...record, data: { ...data, snapshot: { ...data.snapshot, context: { ...context, claims } } } as Json };
}

function plansJobs({ data }: StoredRecord): boolean {
  const { documents = [] } = data as { documents?: ReadonlyArray<{ key: string }> };
  return documents.some(({ key }) => key.startsWith("/jobs/all/"));
}

function eventOf({ data }: StoredRecord): unknown {
  return (data as { event?: Json }).event;
}

function withMember(value: Json, name: string): Json {
  return { ...(value as { [key: string]: Json }), [name]: "something else" };
}

function withStatistics(router: RouterOutcome, statistics: Partial<Statistics>): RouterOutcome {
  const { overview } = router;
  return { ...router, overview: { ...overview, statistics: { ...overview.statistics, ...statistics } } };
}
