import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LabPair, startLabPair, uncommittable } from "./lab-pair.ts";

let lab: LabPair;
beforeEach(async () => {
  lab = await startLabPair();
});
afterEach(async () => {
  await lab.stop();
});

const MANY = 60;
/** Each has a commit and its confirmation. */
const transactions = () => lab.router("mx1").statistics().commits / 2;
const jobOf = (turn: string, at: number | string, tree?: Parameters<LabPair["job"]>[2]) => ({
  ...(tree === undefined ? lab.job(`${turn}-${at}`) : lab.job(`${turn}-${at}`, ["mx1", "mx2"], tree)),
  turn,
});

async function firstCommit(): Promise<void> {
  await new Promise<void>((resolve) => {
    lab.router("mx1").subscribe(({ kind }) => kind === "commit" && resolve());
  });
}

describe("a lane whose jobs are of several tenants", () => {
  it("has one of each in the next transaction, however many another has waiting", async () => {
    const lanes = lab.start({ maxBatch: 10 });
    const many = Promise.all(Array.from({ length: MANY }, (_, at) => lanes.submit(jobOf("many", at))));
    await firstCommit();
    const before = Math.floor(transactions());
    const others = ["one", "two", ""].map(async (turn) => {
      await lanes.submit(jobOf(turn, 0));
      return transactions() - before;
    });
    for (const passed of await Promise.all(others)) expect(passed).toBeLessThanOrEqual(2);
    expect(lanes.lanes()[0]?.waiting.length).toBeGreaterThan(MANY / 2);
    await many;
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("goes on in the order of each one's own jobs", async () => {
    const lanes = lab.start({ maxBatch: 3 });
    const done: string[] = [];
    const jobs = ["a-0", "a-1", "a-2", "a-3", "b-0", "a-4", "b-1", "c-0"];
    const all = jobs.map(async (name) => {
      await lanes.submit({ ...lab.job(name), turn: name.charAt(0) });
      done.push(name);
    });
    expect(lanes.lanes()[0]?.waiting).toEqual(["a-0", "b-0", "c-0", "a-1", "b-1", "a-2", "a-3", "a-4"]);
    await Promise.all(all);
    for (const turn of ["a", "b", "c"]) {
      const own = done.filter((name) => name.startsWith(turn));
      expect(own).toEqual(own.toSorted());
    }
    await lanes.stop();
  });

  it("has who ordered little soon apart from who ordered much that no router takes", async () => {
    const lanes = lab.start({ maxBatch: 16 });
    const bad = Array.from({ length: 16 }, (_, at) =>
      lanes.submit(jobOf("bad", at, uncommittable(`bad-${at}`))).then(
        () => "taken",
        () => "refused",
      ),
    );
    let refused = 0;
    for (const each of bad) void each.then(() => (refused += 1));
    await lanes.submit(jobOf("good", 0));
    expect(refused).toBeLessThanOrEqual(16);
    expect(new Set(await Promise.all(bad))).toEqual(new Set(["refused"]));
    expect(lab.holding("good-0")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("does not let one whose login is another hold up the others", async () => {
    const lanes = lab.start({ maxBatch: 4 });
    const wrong = jobOf("wrong", 0);
    const edits = wrong.edits.map((edit) => ({ ...edit, address: { ...edit.address, password: "wrong" } }));
    const results = await Promise.allSettled([
      ...Array.from({ length: 8 }, (_, at) => lanes.submit(jobOf("right", at))),
      lanes.submit({ ...wrong, edits }),
      lanes.submit(jobOf("other", 0)),
    ]);
    expect(results.map(({ status }) => status).filter((status) => status === "rejected")).toHaveLength(1);
    expect(results[8]).toMatchObject({ reason: { code: "SB_DEVICE_AUTH" } });
    await lanes.stop();
  });
});
