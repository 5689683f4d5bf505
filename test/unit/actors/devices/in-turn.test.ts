import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OtherEditors } from "../../../../src/actors/devices/device-lanes.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { interfaceTree, type LabPair, startLabPair, uncommittable } from "./lab-pair.ts";

let lab: LabPair;
beforeEach(async () => {
  lab = await startLabPair();
});
afterEach(async () => {
  await lab.stop();
});

/** What happens to the candidates' commits on both routers, in order. */
function commitsInOrder(): string[] {
  const seen: string[] = [];
  for (const [host, router] of lab.routers)
    router.subscribe((event) => {
      if (event.kind === "commit" && event.confirmedWithinMs !== undefined) seen.push(host);
    });
  return seen;
}

describe("a job whose routers commit in turn", () => {
  it.each([[["mx2", "mx1"]], [["mx1", "mx2"]]] as const)("begins with the first of its edits: %j", async (hosts) => {
    const seen = commitsInOrder();
    const lanes = lab.start();
    for (let round = 0; round < 5; round += 1) {
      await lanes.submit({ ...lab.job(`job-${round}`, hosts), inTurn: true });
      expect(seen.splice(0)).toEqual(hosts);
    }
    expect(lab.holding("job-0")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("sets the order of its whole batch", async () => {
    const seen = commitsInOrder();
    const lanes = lab.start();
    await Promise.all([
      lanes.submit(lab.job("one")),
      lanes.submit({ ...lab.job("two", ["mx2", "mx1"]), inTurn: true }),
      lanes.submit(lab.job("three")),
    ]);
    expect(seen).toEqual(["mx2", "mx1"]);
    for (const name of ["one", "two", "three"]) expect(lab.holding(name)).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("leaves both routers as before when the second does not accept it", async () => {
    const lanes = lab.start();
    const [first, second] = lab.job("job", ["mx2", "mx1"], interfaceTree("job")).edits;
    const [, bad] = lab.job("job", ["mx2", "mx1"], uncommittable("job")).edits;
    if (first === undefined || second === undefined || bad === undefined) throw new Error("there are two edits");
    await expect(lanes.submit({ id: "job", edits: [first, bad], inTurn: true })).rejects.toMatchObject({
      device: "mx1",
    });
    expect(lab.holding("job")).toEqual([]);
    await lanes.submit({ id: "again", edits: [first, second], inTurn: true });
    expect(lab.holding("job")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("is not begun on the second, and is taken back on the first, when the right to edit ends in between", async () => {
    const seen = commitsInOrder();
    let isOurs = true;
    lab.router("mx2").subscribe((event) => {
      if (event.kind === "commit") isOurs = false;
    });
    const check = () => {
      if (!isOurs) throw new SignalboxError("SB_LEASE_LOST", "this process may not edit it any more");
    };
    const others: OtherEditors = {
      name: "this",
      owns: () => true,
      acquire: async (host) => ({ host, check, release: async () => {} }),
      caughtUp: async () => {},
    };
    const lanes = lab.start({ others });
    const job = { ...lab.job("job", ["mx2", "mx1"]), inTurn: true };
    await expect(lanes.submit(job)).rejects.toMatchObject({ code: "SB_LEASE_LOST", transient: true });
    expect(seen).toEqual(["mx2"]);
    expect(lab.holding("job")).toEqual([]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("is not begun on the second when the first is lost before it commits", async () => {
    const seen = commitsInOrder();
    lab.router("mx2").setFault({ kind: "drop", on: "commit", when: "before", times: 1 });
    const lanes = lab.start();
    const job = { ...lab.job("job", ["mx2", "mx1"]), inTurn: true };
    await expect(lanes.submit(job)).rejects.toMatchObject({ device: "mx2", transient: true });
    expect([seen, lab.holding("job")]).toEqual([[], []]);
    await lanes.submit(job);
    expect([seen, lab.holding("job")]).toEqual([
      ["mx2", "mx1"],
      ["mx1", "mx2"],
    ]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });
});
