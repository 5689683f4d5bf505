import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RouterFault } from "../../../../src/lab/junos/router-faults.ts";
import { type LabPair, startLabPair } from "./lab-pair.ts";

let lab: LabPair;
beforeEach(async () => {
  lab = await startLabPair();
});
afterEach(async () => {
  await lab.stop();
});

const drop = (on: string, when: "before" | "after", skip = 0): RouterFault => ({
  kind: "drop",
  on,
  when,
  skip,
  times: 1,
});
const hang = (on: string): RouterFault => ({ kind: "hang", on, times: 1 });
const points = [
  "lock",
  "discard-changes",
  "load",
  "validate",
  "commit-confirmed",
  "get-commit-information",
  "confirm",
  "unlock",
];
const faults: RouterFault[] = [
  ...points.flatMap((on) => [drop(on, "before"), drop(on, "after"), hang(on)]),
  drop("get-commit-information", "after", 1),
];

describe("a session that is lost", () => {
  it.each(faults)("leaves both routers equal, and the job done when it comes again: %j", async (fault) => {
    const lanes = lab.start();
    await lanes.submit(lab.job("earlier"));
    lab.router("mx2").setFault(fault);
    const first = await lanes.submit(lab.job("one")).then(
      () => "done",
      (error: { transient: boolean; device: string }) => error,
    );
    if (first === "done") expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    else {
      expect(first).toMatchObject({ transient: true, device: "mx2" });
      expect(lab.holding("one")).toEqual([]);
      await lanes.submit(lab.job("one"));
    }
    await lanes.stop();
    expect(lab.holding("earlier")).toEqual(["mx1", "mx2"]);
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    expect((await lab.journal()).at(-1)).toMatchObject({ phase: "settled" });
    expect(lab.remains()).toEqual([]);
  });

  it("right after the commit does not cost the commit", async () => {
    const lanes = lab.start();
    for (const host of ["mx1", "mx2"] as const) lab.router(host).setFault(drop("commit-confirmed", "after"));
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    expect(lab.router("mx1").statistics().commits).toBe(2);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("in a commit that goes on without it: the outcome is looked up when the commit is over", async () => {
    const lanes = lab.start();
    // Longer than the request's timeout, so that the router commits after the session is gone.
    lab.router("mx1").setFault({ kind: "slowCommit", ms: 500, times: 1 });
    await lanes.submit(lab.job("one")).catch((error) => expect(error).toMatchObject({ transient: true }));
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });
});

describe("a router that goes away", () => {
  it("before the commit: the job fails as one to try again, the other router is untouched", async () => {
    const lanes = lab.start();
    await lanes.submit(lab.job("earlier"));
    lab.router("mx2").setFault({ kind: "refuse", cut: true });
    await lab.router("mx2").faultsApplied();
    const gone = { code: "SB_DEVICE_REFUSED", device: "mx2", transient: true };
    await expect(lanes.submit(lab.job("one"))).rejects.toMatchObject(gone);
    expect(lab.holding("one")).toEqual([]);
    lab.router("mx2").clearFault();
    await lab.router("mx2").faultsApplied();
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it.each(["commit-confirmed", "confirm"])("in %s, for long: in doubt, and settled when it is back", async (on) => {
    const lanes = lab.start();
    const router = lab.router("mx2");
    router.setFault(drop(on, "after"));
    const unsubscribe = router.subscribe((event) => {
      if (event.kind !== "session-closed") return;
      unsubscribe();
      router.setFault({ kind: "refuse" });
    });
    await expect(lanes.submit(lab.job("one"))).rejects.toMatchObject({
      code: "SB_LANE_IN_DOUBT",
      device: "mx2",
      transient: true,
    });
    expect(lanes.lanes()).toMatchObject([{ lastError: { code: "SB_LANE_IN_DOUBT" } }]);
    await expect(lanes.submit(lab.job("two"))).rejects.toMatchObject({ code: "SB_LANE_IN_DOUBT", transient: true });
    // A lane of the router that answers is not held up once nothing is pending on it.
    await lanes.submit(lab.job("alone", ["mx1"]));
    router.clearFault();
    await router.faultsApplied();
    await lab.settled();
    expect(lab.holding("one")).toEqual(on === "confirm" ? ["mx1", "mx2"] : []);
    await lanes.submit(lab.job("one"));
    await lanes.submit(lab.job("two"));
    for (const name of ["one", "two"]) expect(lab.holding(name)).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("rolls back while the other confirms: it is rolled forward", async () => {
    await lab.stop();
    // A confirm timeout of the router, a minute at least, lasts 300 ms here.
    lab = await startLabPair({ secondMs: 5 });
    const router = lab.router("mx2");
    const rolledBack = new Promise<void>((resolve) => {
      router.subscribe(({ kind }) => kind === "rollback" && resolve());
    });
    let held = false;
    const connector = lab.connector((host, session) => {
      const { confirm } = session;
      session.confirm = async (tag) => {
        if (host === "mx2" && !held) {
          held = true;
          await rolledBack;
        }
        await confirm.call(session, tag);
      };
      return session;
    });
    const lanes = lab.start({ connector, confirmTimeoutS: 60 });
    await lanes.submit(lab.job("one"));
    expect(router.statistics().automaticRollbacks).toBe(1);
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect((await lab.journal()).at(-1)).toMatchObject({ phase: "settled" });
    expect(lab.remains()).toEqual([]);
  });

  it("rolls back as the other does: the change is on none, and can be tried again", async () => {
    await lab.stop();
    lab = await startLabPair({ secondMs: 5 });
    const rolledBack = Promise.all(
      [...lab.routers.values()].map(
        (router) => new Promise<void>((resolve) => router.subscribe(({ kind }) => kind === "rollback" && resolve())),
      ),
    );
    const connector = lab.connector((_, session) => {
      const { confirm } = session;
      session.confirm = async (tag) => {
        await rolledBack;
        await confirm.call(session, tag);
      };
      return session;
    });
    const lanes = lab.start({ connector, confirmTimeoutS: 60 });
    await expect(lanes.submit(lab.job("one"))).rejects.toMatchObject({ code: "SB_COMMIT_REJECTED", transient: true });
    expect(lab.holding("one")).toEqual([]);
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });
});
