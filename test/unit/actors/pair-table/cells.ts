import type { RouterFault } from "../../../../src/lab/junos/router-faults.ts";
import { ANSWER_MS, HOSTS, type Host } from "./pair-world.ts";

/** A step of the protocol between the process and a router, and what it takes for it to come. */
interface Step {
  readonly name: string;
  /** By which the lab knows the request. */
  readonly on: string;
  /** How many such requests come before it. */
  readonly skip?: number;
  /** It is a commit, and how many commits come before it. */
  readonly commits?: number;
  /** What makes the process come to the step on the routers that are struck. */
  readonly lead?: "not-committed" | "answered-with-error" | "rolled-back";
}

const STEPS: readonly Step[] = [
  { name: "connect", on: "hello" },
  { name: "lock", on: "lock" },
  { name: "discard", on: "discard-changes" },
  { name: "history before a change", on: "get-commit-information" },
  { name: "load", on: "load" },
  { name: "validate", on: "validate" },
  { name: "commit", on: "commit-confirmed", commits: 0 },
  { name: "history before the confirmation", on: "get-commit-information", skip: 1 },
  { name: "confirm", on: "confirm", commits: 1 },
  { name: "history after the confirmation", on: "get-commit-information", skip: 2 },
  { name: "outcome of a commit", on: "get-commit-information", skip: 1, lead: "answered-with-error" },
  { name: "history before taking back", on: "get-commit-information", skip: 1, lead: "not-committed" },
  { name: "rollback", on: "rollback", lead: "not-committed" },
  { name: "history after the rollback", on: "get-commit-information", skip: 3, lead: "not-committed" },
  // Taking back is a commit without confirmation while one is pending, as a confirmation is.
  { name: "revert", on: "confirm", commits: 1, lead: "not-committed" },
  { name: "history after taking back", on: "get-commit-information", skip: 4, lead: "not-committed" },
  { name: "load of the roll-forward", on: "load", skip: 1, lead: "rolled-back" },
  { name: "commit of the roll-forward", on: "commit-confirmed", skip: 1, commits: 1, lead: "rolled-back" },
  { name: "confirm of the roll-forward", on: "confirm", commits: 2, lead: "rolled-back" },
  { name: "unlock", on: "unlock" },
];

const FAULTS = [
  "error and not in effect",
  "error and in effect",
  "garbage and not in effect",
  "garbage and in effect",
  "silence and not in effect",
  "silence and in effect",
  "close and not in effect",
  "close and in effect",
  "late answer",
  "full disk",
  "full disk and in effect",
] as const;
type FaultName = (typeof FAULTS)[number];

const STRUCK = ["first", "second", "both"] as const;
const NEXT = ["next job", "DELETE", "kill -9"] as const;
const JOBS = ["create", "update", "delete"] as const;

export interface Cell {
  readonly name: string;
  /** What is under way when the routers are struck. */
  readonly job: (typeof JOBS)[number];
  readonly step: Step;
  readonly fault: FaultName;
  readonly hosts: readonly Host[];
  readonly next: (typeof NEXT)[number];
}

/** Why a combination cannot be; undefined when it can. */
function impossible({ job, step, fault, hosts, next }: Cell): string | undefined {
  if (job === "delete" && next === "DELETE") return "what is being deleted is not deleted again";
  if (fault.startsWith("full disk") && step.commits === undefined) return "only a commit writes to the disk";
  if (step.on === "hello" && fault.endsWith("in effect") && !fault.endsWith("not in effect"))
    return "a session that was not opened is not in effect";
  if (step.lead === "rolled-back" && hosts.length > 1)
    return "what both have rolled back is on neither, and nothing is rolled forward";
  return undefined;
}

/** All cells of the table, and those that cannot be with the reason. */
export function allCells(): { cells: Cell[]; impossible: Array<{ name: string; reason: string }> } {
  const all = JOBS.flatMap((job) =>
    STEPS.flatMap((step) =>
      FAULTS.flatMap((fault) => STRUCK.flatMap((struck) => NEXT.map((next) => cellOf(job, step, fault, struck, next)))),
    ),
  );
  return {
    cells: all.filter((cell) => impossible(cell) === undefined),
    impossible: all.flatMap((cell) => {
      const reason = impossible(cell);
      return reason === undefined ? [] : [{ name: cell.name, reason }];
    }),
  };
}

function cellOf(
  job: Cell["job"],
  step: Step,
  fault: FaultName,
  struck: (typeof STRUCK)[number],
  next: Cell["next"],
): Cell {
  const hosts = struck === "both" ? HOSTS : [struck === "first" ? HOSTS[0] : HOSTS[1]];
  return { name: [job, step.name, fault, struck, next].join(" / "), job, step, fault, hosts, next };
}

/** The fault of a cell, as each router that is struck has it. */
export function faultOf({ step, fault }: Cell): RouterFault {
  const { on, skip = 0, commits = 0 } = step;
  const when = fault.endsWith("not in effect") ? "before" : "after";
  switch (fault) {
    case "error and not in effect":
    case "error and in effect":
      return { kind: "error", on, when, skip, times: 1 };
    case "garbage and not in effect":
    case "garbage and in effect":
      return { kind: "garbage", on, when, skip, times: 1 };
    case "silence and not in effect":
    case "silence and in effect":
      return { kind: "hang", on, when, skip, times: 1 };
    case "close and not in effect":
    case "close and in effect":
      return { kind: "drop", on, when, skip, times: 1 };
    case "late answer":
      return { kind: "late", on, ms: ANSWER_MS * 1.5, skip, times: 1 };
    case "full disk":
      return { kind: "diskFull", skip: commits, times: 1 };
    case "full disk and in effect":
      return { kind: "diskFullAfterCommit", skip: commits, times: 1 };
    default:
      return fault satisfies never;
  }
}

/** The faults that lead to the step, by the router that has them. */
export function leadOf({ step, hosts }: Cell): ReadonlyArray<readonly [host: Host, fault: RouterFault]> {
  const others = HOSTS.filter((host) => !hosts.includes(host));
  const answered = (when: "before" | "after"): RouterFault => ({
    kind: "error",
    on: "commit-confirmed",
    when,
    times: 1,
  });
  switch (step.lead) {
    case "not-committed":
      // Where both are to take back, both have committed and call it failed.
      return others.length > 0
        ? others.map((host) => [host, answered("before")])
        : hosts.map((host) => [host, answered("after")]);
    case "answered-with-error":
      return hosts.map((host) => [host, answered("after")]);
    case "rolled-back":
      return hosts.map((host) => [host, { kind: "hang", on: "confirm", times: 1 }]);
    default:
      return [];
  }
}
