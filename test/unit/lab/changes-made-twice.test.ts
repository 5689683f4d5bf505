import { expect, it } from "vitest";
import type { LedgerEntry } from "../../../src/lab/junos/commit-ledger.ts";
import { changesMadeTwice, jobsDoneAgain } from "../../fault/cluster/repeated-changes.ts";

const ROUTE = "set routing-options static route 198.51.100.0/24 next-hop 192.0.2.1";
const UNROUTE = ROUTE.replace("set", "delete");
const jobs = new Map([
  ["sb-1", ["job-a"]],
  ["sb-2", ["job-a", "job-b"]],
]);

function router(...entries: ReadonlyArray<readonly [log: string, ...lines: string[]]>) {
  const ledger = entries.map(
    ([log, ...lines], at): LedgerEntry => ({
      number: at + 1,
      time: 0,
      user: "signalbox",
      log,
      comment: "",
      lines,
      automatic: log === "",
    }),
  );
  return [{ name: "MX-1", ledger }];
}

it("a job that is done again and changes nothing more has changed nothing twice", () => {
  const routers = router(["sb-1", ROUTE], ["sb-1 confirm"], ["sb-2"], ["sb-2 confirm"]);
  expect(changesMadeTwice(routers, jobs)).toEqual([]);
  expect(jobsDoneAgain(routers, jobs)).toBe(1);
});

it("a change that was taken back, by a worker or by the router itself, does not count", () => {
  const reverted = router(["sb-1", ROUTE], ["sb-1 revert", UNROUTE], ["sb-2", ROUTE], ["sb-2 confirm"]);
  const rolledBack = router(["sb-1", ROUTE], ["", UNROUTE], ["sb-2", ROUTE], ["sb-2 confirm"]);
  expect(changesMadeTwice(reverted, jobs)).toEqual([]);
  expect(changesMadeTwice(rolledBack, jobs)).toEqual([]);
});

it("a change that stands and is made again is found, with the job and both commits", () => {
  const routers = router(["sb-1", ROUTE], ["sb-1 confirm"], ["by hand", UNROUTE], ["sb-2", ROUTE], ["sb-2 confirm"]);
  expect(changesMadeTwice(routers, jobs)).toEqual([`MX-1: sb-1 and sb-2, for job-a: ${ROUTE}`]);
});

it("the same change of two jobs is no repetition", () => {
  const routers = router(["sb-1", ROUTE], ["sb-3", ROUTE]);
  expect(changesMadeTwice(routers, new Map([...jobs, ["sb-3", ["job-c"]]]))).toEqual([]);
});
