import { describe, expect, it } from "vitest";
import { dryRunForTenant, jobForTenant, namedIn, reportForTenant } from "../../../../src/actors/access/tenant-view.ts";
import type { DryRun } from "../../../../src/actors/dry-run/dry-run.ts";
import type { JobView } from "../../../../src/actors/gateway-api.ts";
import { errorTable, SignalboxError } from "../../../../src/errors.ts";

const everything = () => true;
const nothing = () => false;
const SECRETS = ["10.79.5.184", "vrf_gw_other_1025", "0ac3e000-0000-4000-8000-000000000001", "alice@ops"];

describe("an error as a tenant is told it", () => {
  it.each(errorTable().map(({ code }) => code))("%s: its code and meaning, nothing that the message quotes", (code) => {
    const [device = "", statement = "", id = "", user = ""] = SECRETS;
    const error = new SignalboxError(code, `${device} rejects it for ${user}: vault ${id} is in the way`, {
      device,
      statement: `routing-instances ${statement}`,
      advice: `Ask ${user}.`,
    });
    for (const sees of [everything, nothing]) {
      const told = reportForTenant(error.report, sees);
      expect(told.startsWith(`${code}: `)).toBe(true);
      expect(SECRETS.filter((secret) => told.includes(secret))).toEqual([]);
    }
  });

  it("names the resource that has failed, when the tenant sees it", () => {
    const cause = "gw_interface g1 (mine) failed: SB_COMMIT_REJECTED: 10.79.5.184 rejects commit. Repair it";
    const { report } = new SignalboxError("SB_DEPENDENCY_FAILED", cause);
    expect(namedIn(report)).toEqual([{ type: "gw_interface", id: "g1" }]);
    expect(reportForTenant(report, everything)).toContain("gw_interface g1 has failed");
    expect(reportForTenant(report, everything)).not.toContain("10.79");
    expect(reportForTenant(report, nothing)).not.toContain("g1");
  });

  it("is nothing where there is none, and says nothing of what is no report", () => {
    expect(reportForTenant("", everything)).toBe("");
    expect(reportForTenant("10.79.5.184 is burning", everything)).not.toContain("10.79");
  });
});

it("a job has no device and no process, and waits for what the tenant sees", () => {
  const job: JobView = {
    id: "create:heat_worker:link:l1:1:a",
    action: "create",
    handler: "heat_worker",
    phase: "working",
    waitsFor: ["create:heat_worker:site:s1:1:a", "create:heat_worker:link:l2:1:a"],
    attempt: 2,
    worker: "host7-heat_worker",
    devices: ["10.79.5.184"],
    error: "SB_LOCK_DENIED: 10.79.5.184: lock held by user alice. End the session",
  };
  const shown = jobForTenant(job, ({ type }) => type === "link");
  expect(shown).toMatchObject({ id: job.id, phase: "working", attempt: 2, devices: [] });
  expect(shown.waitsFor).toEqual(["create:heat_worker:link:l2:1:a"]);
  expect(JSON.stringify(shown)).not.toMatch(/10\.79|host7|alice/);
});

it("a dry run numbers routers and keeps the pools of others to itself", () => {
  const dryRun: DryRun = {
    resource: {},
    dependents: [],
    allocations: [
      {
        action: "take",
        type: "link",
        id: "l1",
        field: "vlan",
        value: 7,
        pool: { type: "ha_interface", id: "h1", name: "ae0" },
        chosen: true,
      },
    ],
    jobs: [
      {
        name: "jobs/1",
        type: "link",
        id: "l1",
        version: 1,
        action: "create",
        handler: "heat_worker",
        template: "link",
        waits_for: ["jobs/0", "create:heat_worker:site:s1:1:a"],
        devices: ["10.79.5.184"],
      },
    ],
    devices: [
      { router: "10.79.5.184", job: "jobs/1", configuration: "<configuration/>" },
      {
        router: "10.79.5.185",
        job: "jobs/1",
        configuration: "",
        problem: "SB_TEMPLATE_FAILED: h1 at 10.79.5.185. Mend",
      },
    ],
  };
  const shown = dryRunForTenant(dryRun, nothing);
  expect(shown.devices.map(({ router }) => router)).toEqual(["router 1", "router 2"]);
  expect(shown.jobs[0]?.waits_for).toEqual(["jobs/0"]);
  expect(JSON.stringify(shown)).not.toMatch(/10\.79|h1|ae0/);
  expect(dryRunForTenant(dryRun, everything).allocations).toEqual(dryRun.allocations);
});
