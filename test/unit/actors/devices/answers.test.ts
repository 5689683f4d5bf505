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

const hosts = ["mx1", "mx2"] as const;

/** What a router can answer to a commit without it being ok, by whether the commit is in effect. */
const answers: ReadonlyArray<readonly [name: string, fault: RouterFault]> = [
  ["an error, and is not in effect", { kind: "error", on: "commit-confirmed", when: "before", times: 1 }],
  ["an error, and is in effect", { kind: "error", on: "commit-confirmed", when: "after", times: 1 }],
  ["that the disk is full", { kind: "diskFull", times: 1 }],
  ["that the disk is full, and is in effect", { kind: "diskFullAfterCommit", times: 1 }],
  ["garbage, and is not in effect", { kind: "garbage", on: "commit-confirmed", when: "before", times: 1 }],
  ["garbage, and is in effect", { kind: "garbage", on: "commit-confirmed", when: "after", times: 1 }],
  ["nothing, and is in effect", { kind: "hang", on: "commit-confirmed", when: "after", times: 1 }],
];

describe.each(answers)("a commit that is answered with %s", (_, fault) => {
  it.each([["mx1"], ["mx2"], ["mx1", "mx2"]] as const)(
    "on %s %s: the pair is equal, and says why",
    async (...struck) => {
      const lanes = lab.start();
      await lanes.submit(lab.job("earlier"));
      for (const host of struck) lab.router(host).setFault(fault);
      const error = await lanes.submit(lab.job("one")).then(
        () => undefined,
        (thrown: { code: string; device: string }) => thrown,
      );
      for (const host of struck) expect(lab.router(host).faults()).toEqual([]);
      expect(lab.holding("one")).toEqual(error === undefined ? hosts : []);
      // What the device calls failed is reported as that; what was only not heard of is done, or tried again.
      if (fault.kind === "error") expect(error).toMatchObject({ code: "SB_COMMIT_REJECTED" });
      if (fault.kind.startsWith("diskFull")) expect(error).toMatchObject({ code: "SB_DEVICE_BUSY", transient: true });
      await lanes.submit(lab.job("next"));
      expect(lab.holding("one")).toEqual(error === undefined ? hosts : []);
      await lanes.stop();
      expect((await lab.journal()).at(-1)).toMatchObject({ phase: "settled" });
      expect(lab.remains()).toEqual([]);
    },
  );
});

describe("a router whose history cannot be read", () => {
  it.each([
    ["an error", { kind: "error", on: "get-commit-information", when: "before" }, "SB_RPC_FAILED"],
    ["garbage", { kind: "garbage", on: "get-commit-information", when: "before" }, "SB_DEVICE_PROTOCOL"],
    ["nothing", { kind: "hang", on: "get-commit-information" }, "SB_RPC_TIMEOUT"],
    ["a closed session", { kind: "drop", on: "get-commit-information", when: "before" }, "SB_DEVICE_CLOSED"],
  ] as const)("and answers with %s: no commit is sent to any", async (_, fault, code) => {
    const lanes = lab.start();
    lab.router("mx2").setFault(fault);
    await expect(lanes.submit(lab.job("one"))).rejects.toMatchObject({
      code,
      device: "mx2",
      message: expect.stringContaining("cannot say what became of a commit"),
    });
    expect(hosts.map((host) => lab.router(host).statistics().commits)).toEqual([0, 0]);
    expect(await lab.journal()).toEqual([]);
    lab.router("mx2").clearFault();
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(hosts);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });
});

describe("a lock that is answered with an error", () => {
  it.each(["before", "after"] as const)("%s it was taken is not kept", async (when) => {
    const lanes = lab.start();
    await lanes.submit(lab.job("earlier"));
    lab.router("mx1").setFault({ kind: "error", on: "lock", when, times: 1 });
    await expect(lanes.submit(lab.job("one"))).rejects.toMatchObject({ code: "SB_RPC_FAILED", device: "mx1" });
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(hosts);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });
});

describe("taking back", () => {
  it.each([
    ["before", "rollback"],
    ["after", "rollback"],
    // The commit that takes back is one without confirmation while one is pending.
    ["before", "confirm"],
    ["after", "confirm"],
  ] as const)("that is answered with an error %s its %s is done all the same", async (when, on) => {
    const lanes = lab.start();
    lab.router("mx1").setFault({ kind: "error", on, when, times: 1 });
    lab.router("mx2").setFault({ kind: "error", on: "commit-confirmed", when: "before", times: 1 });
    await expect(lanes.submit(lab.job("one"))).rejects.toMatchObject({ code: "SB_COMMIT_REJECTED", device: "mx2" });
    expect(lab.router("mx1").faults()).toEqual([]);
    expect(lab.holding("one")).toEqual([]);
    await lanes.stop();
    expect((await lab.journal()).at(-1)).toMatchObject({ phase: "settled" });
    expect(lab.remains()).toEqual([]);
  });
});

describe("a commit of somebody else on top of one that is in doubt", () => {
  it.each(["committing", "confirming"])("at %s: the pair is equal, and the other's commit stays", async (at) => {
    const lanes = lab.start();
    const router = lab.router("mx2");
    const on = at === "committing" ? "commit-confirmed" : "confirm";
    router.setFault({ kind: "drop", on, when: at === "committing" ? "after" : "before", times: 1 });
    const unsubscribe = router.subscribe((event) => {
      if (event.kind !== "session-closed") return;
      unsubscribe();
      router.setFault({ kind: "refuse" });
      router.changeByHand("set system domain-name by.hand\n", "by hand");
    });
    await expect(lanes.submit(lab.job("one"))).rejects.toMatchObject({ code: "SB_LANE_IN_DOUBT", device: "mx2" });
    router.clearFault();
    await router.faultsApplied();
    await lab.settled();
    expect(lab.holding("one")).toEqual(at === "committing" ? [] : hosts);
    expect(router.runningSet()).toContain("set system domain-name by.hand");
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(hosts);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });
});

it("takes a confirmed commit back where the other router has rolled it back and cannot be told again", async () => {
  await lab.stop();
  lab = await startLabPair({ secondMs: 5 });
  const router = lab.router("mx2");
  const lanes = lab.start();
  // Its confirmation is lost and it is away until it has rolled back.
  router.setFault({ kind: "drop", on: "confirm", when: "before", times: 1 });
  const unsubscribe = router.subscribe((event) => {
    if (event.kind === "session-closed") router.setFault({ kind: "refuse" });
    if (event.kind !== "rollback") return;
    unsubscribe();
    router.clearFault();
  });
  await expect(lanes.submit(lab.job("one"))).rejects.toMatchObject({ code: "SB_LANE_IN_DOUBT" });
  await lab.settled();
  expect(lab.holding("one")).toEqual([]);
  await lanes.submit(lab.job("one"));
  expect(lab.holding("one")).toEqual(hosts);
  await lanes.stop();
  expect(lab.remains()).toEqual([]);
});
