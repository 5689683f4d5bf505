import type { RouterOutcome } from "../lab-pages.ts";
import type { LoneInvariantName } from "../lone-invariants.ts";
import { lonePlantedDefects } from "../planted-defects.ts";
import type { ClusterOutcome } from "./cluster-outcome.ts";

type Change = (outcome: ClusterOutcome) => Partial<ClusterOutcome>;

const lone =
  (name: LoneInvariantName): Change =>
  (outcome) =>
    lonePlantedDefects[name](outcome);

/** By the name of a figure that must be 0: something that makes it more, put into an outcome where all is well. */
export const plantedClusterDefects: Readonly<Record<string, Change>> = {
  lost: lone("what was acknowledged is ACTIVE and UP"),
  "changes lost": ({ changed }) => ({ changed: new Map([...changed].map(([id]) => [id, { description: "another" }])) }),
  "left behind by refused requests": lone("what was not acknowledged leaves nothing"),
  "told to a follower and not kept": lone("a follower is told nothing but what stays"),
  "out of order": lone("transitions of a resource follow one another"),
  "planned or finished twice, or not at all": lone("each job is planned and done once"),
  "double allocations": lone("no number or value is given twice"),
  "both of two rivals accepted, or none": ({ refused }) => ({
    refused: new Map([...refused].filter(([name]) => !name.includes("twin"))),
  }),
  "controller objects of one name": ({ objects }) => ({
    objects: [...objects, ...objects.slice(0, 1).map((object) => ({ ...object, uuid: "another" }))],
  }),
  "not in a final state": ({ records }) => ({
    records: records.filter(({ data }) => (data as { event?: unknown }).event !== "JOB_FINISHED"),
  }),
  "jobs left in a queue": lone("no job is left in a queue"),
  "transactions left open": lone("a transaction of routers is settled before the next, and none is left open"),
  "routers unequal to what the resources ask for": ({ routers }) => ({ routers: withLine(routers, routers.length) }),
  "pairs of which only one router is unequal": ({ routers }) => ({ routers: withLine(routers, 1) }),
  "duplicate commits": ({ routers }) => ({
    routers: routers.map((router) => ({ ...router, ledger: [...router.ledger, ...router.ledger] })),
  }),
  "statements doubled": lone("no statement is on a router twice"),
  "candidate held or edited by two sessions at once, or left held": lone(
    "one editor at a time, and nobody holds a router in the end",
  ),
  "unequal to those folded from the log": lone("documents are the log folded"),
  "left of deleted resources": ({ documents, deleted }) => ({
    documents: new Map([...documents, ...[...deleted].map((id) => [`/state/v2.0/static_routes/${id}`, {}] as const)]),
  }),
  accepted: ({ refused }) => ({ refused: new Map([...refused].filter(([name]) => !name.includes("foreign"))) }),
  "secrets in the clear": ({ lines, secrets }) => ({ lines: [...lines, `login with ${secrets[0]}`] }),
  "ended by themselves": () => ({ endedBySelf: ["worker-1 ended with 1"] }),
  "ended badly": ({ endings }) => ({
    endings: endings.map(({ name }) => ({ name, ending: { code: 1, signal: null } })),
  }),
};

/** A statement that no resource asks for, on the first so many routers. */
function withLine(routers: readonly RouterOutcome[], count: number): RouterOutcome[] {
  return routers.map((router, at) =>
    at < count ? { ...router, configuration: `${router.configuration}set system host-name other\n` } : router,
  );
}
