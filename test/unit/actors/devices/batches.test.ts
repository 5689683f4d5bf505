import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LabPair, startLabPair, uncommittable, unloadable } from "./lab-pair.ts";

let lab: LabPair;
beforeEach(async () => {
  lab = await startLabPair();
});
afterEach(async () => {
  await lab.stop();
});

const commits = () => [...lab.routers.values()].map((router) => router.statistics().commits);
const names = Array.from({ length: 8 }, (_, index) => `job-${index}`);

describe("a batch", () => {
  it("of several jobs is one commit and its confirmation per router", async () => {
    const lanes = lab.start();
    await Promise.all(names.map((name) => lanes.submit(lab.job(name))));
    for (const name of names) expect(lab.holding(name)).toEqual(["mx1", "mx2"]);
    expect(commits()).toEqual([2, 2]);
    const [view] = lanes.lanes();
    expect(view).toMatchObject({ id: "mx1,mx2", waiting: [], inHand: [], lastError: undefined });
    expect(view?.commitDurationsMs).toHaveLength(1);
    await lanes.stop();
    expect((await lab.journal()).map(({ phase, jobs }) => [phase, jobs])).toEqual([
      ["committing", names],
      ["confirming", names],
      ["settled", names],
    ]);
    expect(JSON.stringify([await lab.journal(), lab.lines])).not.toContain("lab-secret");
    expect(lab.lines.filter(({ level }) => level === "info")).toHaveLength(1);
    expect(lab.remains()).toEqual([]);
  });

  it("takes no more than its limit, and keeps the sessions for the next", async () => {
    const lanes = lab.start({ maxBatch: 4 });
    await Promise.all(names.map((name) => lanes.submit(lab.job(name))));
    expect(commits()).toEqual([4, 4]);
    expect(lab.router("mx1").statistics().sessionsOpened).toBe(1);
    await lanes.stop();
    expect(lab.router("mx1").statistics().sessions).toEqual([]);
    expect(lab.remains()).toEqual([]);
  });

  it("loses only the job that does not load", async () => {
    const lanes = lab.start();
    const bad = lab.job("bad", ["mx1", "mx2"], unloadable("bad"));
    const results = await Promise.allSettled([lab.job("one"), bad, lab.job("two")].map((job) => lanes.submit(job)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[1]).toMatchObject({ reason: { code: "SB_LOAD_REJECTED", device: "mx1", transient: false } });
    expect([lab.holding("one"), lab.holding("bad"), lab.holding("two")]).toEqual([["mx1", "mx2"], [], ["mx1", "mx2"]]);
    expect(commits()).toEqual([2, 2]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("loses only the jobs that the commit check rejects, and commits the others together", async () => {
    const lanes = lab.start();
    const jobs = names.map((name, index) =>
      index === 2 || index === 5 ? lab.job(name, ["mx1", "mx2"], uncommittable(name)) : lab.job(name),
    );
    const results = await Promise.allSettled(jobs.map((job) => lanes.submit(job)));
    for (const [index, result] of results.entries()) {
      const name = names[index] ?? "";
      if (index === 2 || index === 5) {
        expect(result).toMatchObject({ reason: { code: "SB_COMMIT_REJECTED", transient: false } });
        expect(String((result as PromiseRejectedResult).reason.message)).toContain(`NO-POLICY-OF-${name}`);
        expect(lab.holding(name)).toEqual([]);
      } else expect(lab.holding(name)).toEqual(["mx1", "mx2"]);
    }
    expect(commits()).toEqual([2, 2]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("is as before on both routers when one of them rejects", async () => {
    const lanes = lab.start();
    lab.router("mx2").setFault({ kind: "reject", statement: "text of one", at: "commit" });
    const results = await Promise.allSettled(["one", "two"].map((name) => lanes.submit(lab.job(name))));
    expect(results).toMatchObject([{ reason: { code: "SB_COMMIT_REJECTED", device: "mx2" } }, { status: "fulfilled" }]);
    expect([lab.holding("one"), lab.holding("two")]).toEqual([[], ["mx1", "mx2"]]);
    lab.router("mx2").clearFault();
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("is bisected when a router rejects the commit after it has accepted the check", async () => {
    const router = lab.router("mx2");
    const connector = lab.connector((host, session) => {
      const { commitConfirmed } = session;
      if (host !== "mx2") return session;
      session.commitConfirmed = async (options) => {
        router.setFault({ kind: "reject", statement: "text of job-5", at: "commit" });
        await commitConfirmed.call(session, options).finally(() => router.clearFault());
      };
      return session;
    });
    const lanes = lab.start({ connector });
    const results = await Promise.allSettled(names.map((name) => lanes.submit(lab.job(name))));
    expect(results.map(({ status }) => status === "fulfilled")).toEqual(names.map((name) => name !== "job-5"));
    for (const name of names) expect(lab.holding(name)).toEqual(name === "job-5" ? [] : ["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
    expect((await lab.journal()).at(-1)).toMatchObject({ phase: "settled" });
  });
});

describe("a lane", () => {
  it("gives everything back when somebody else holds a lock, and says that trying again can help", async () => {
    const lanes = lab.start();
    const id = lab.router("mx2").setFault({ kind: "holdLock", user: "alice" });
    const denied = { code: "SB_LOCK_DENIED", device: "mx2", transient: true };
    const results = await Promise.allSettled(["one", "two"].map((name) => lanes.submit(lab.job(name))));
    expect(results).toMatchObject([{ reason: denied }, { reason: denied }]);
    expect(lanes.lanes()[0]?.lastError).toMatchObject(denied);
    lab.router("mx2").clearFault(id);
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    expect(await lab.journal()).toHaveLength(3);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("opens sealed values only for the router", async () => {
    const lanes = lab.start();
    const job = lab.job("one");
    const sealed = lab.secrets.seal("text of sealed", "router/1/password");
    const text = JSON.stringify(job).replaceAll("text of one", sealed);
    await lanes.submit(JSON.parse(text));
    expect(lab.holding("sealed")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(JSON.stringify([await lab.journal(), lab.lines])).not.toContain("text of sealed");
  });

  it("does not do a job twice that is submitted twice", async () => {
    const lanes = lab.start();
    await Promise.all([lanes.submit(lab.job("one")), lanes.submit(lab.job("one"))]);
    expect(lab.router("mx1").statistics()).toMatchObject({ commits: 2, edits: 1 });
  });

  it("takes nothing any more when it is stopped, and ends what is in hand", async () => {
    const lanes = lab.start({ maxBatch: 1 });
    const results = Promise.allSettled(["one", "two"].map((name) => lanes.submit(lab.job(name))));
    await new Promise<void>((resolve) => {
      lab.router("mx1").subscribe(({ kind }) => kind === "commit" && resolve());
    });
    await lanes.stop();
    expect(await results).toMatchObject([
      { status: "fulfilled" },
      { reason: { code: "SB_NOT_READY", transient: true } },
    ]);
    await expect(lanes.submit(lab.job("three"))).rejects.toMatchObject({ code: "SB_NOT_READY" });
    expect([lab.holding("one"), lab.holding("two")]).toEqual([["mx1", "mx2"], []]);
    expect(lab.remains()).toEqual([]);
    expect(lab.router("mx1").statistics().sessions).toEqual([]);
  });

  it("says that the login is wrong, which trying again does not help", async () => {
    const lanes = lab.start();
    const job = lab.job("one");
    const edits = job.edits.map((edit) => ({ ...edit, address: { ...edit.address, password: "wrong" } }));
    const results = await Promise.allSettled([lanes.submit({ id: "wrong", edits }), lanes.submit(job)]);
    expect(results).toMatchObject([{ reason: { code: "SB_DEVICE_AUTH", transient: false } }, { status: "fulfilled" }]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });
});

describe("lanes that overlap", () => {
  it("never edit a router at the same time", async () => {
    await lab.stop();
    lab = await startLabPair({ third: true });
    const lanes = lab.start();
    const pairs = [["mx1", "mx2"], ["mx2", "mx3"], ["mx1", "mx3"], ["mx2"]] as const;
    await Promise.all(names.map((name, index) => lanes.submit(lab.job(name, pairs[index % pairs.length]))));
    expect(lanes.lanes().map(({ id }) => id)).toEqual(["mx1,mx2", "mx2,mx3", "mx1,mx3", "mx2"]);
    for (const [index, name] of names.entries()) expect(lab.holding(name)).toEqual(pairs[index % pairs.length]);
    await lanes.stop();
    for (const router of lab.routers.values()) {
      expect(router.statistics()).toMatchObject({ maxConcurrentEditors: 1, locksDenied: 0 });
    }
    expect(lab.remains()).toEqual([]);
  });
});
