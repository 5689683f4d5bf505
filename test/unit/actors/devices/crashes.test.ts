import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LabPair, logThat, startLabPair } from "./lab-pair.ts";

let lab: LabPair;
beforeEach(async () => {
  lab = await startLabPair();
});
afterEach(async () => {
  await lab.stop();
});

function signal(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve: () => resolve() };
}

/** Submits a job to lanes whose log makes them stand still at a phase, then kills them there. */
async function crashAt(phase: string, fate: "hangs" | "hangs-before"): Promise<void> {
  const reached = signal();
  const lanes = lab.start({ log: logThat(lab.log, fate, phase, reached.resolve) });
  void lanes.submit(lab.job("one"));
  await reached.promise;
  await lab.kill(lanes);
}

describe("a process that dies in a transaction", () => {
  it.each([
    ["before it wrote that it commits", "committing", "hangs-before", []],
    ["before the commits", "committing", "hangs", []],
    ["between commits and confirmations, unwritten", "confirming", "hangs-before", []],
    ["between commits and confirmations", "confirming", "hangs", ["mx1", "mx2"]],
    ["after the confirmations", "settled", "hangs-before", ["mx1", "mx2"]],
    ["at the very end", "settled", "hangs", ["mx1", "mx2"]],
  ] as const)("%s: the next life leaves both routers equal", async (_, phase, fate, expected) => {
    await crashAt(phase, fate);
    const lanes = lab.start();
    await lanes.recover();
    if ((await lab.journal()).length > 0) await lab.settled();
    expect(lab.holding("one")).toEqual(expected);
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it.each(["mx1", "mx2"] as const)("with only %s committed: it is taken back", async (host) => {
    const committed = signal();
    const connector = lab.connector((name, session) => {
      const { commitConfirmed } = session;
      session.commitConfirmed = async (options) => {
        if (name !== host) return new Promise(() => {});
        await commitConfirmed.call(session, options);
        committed.resolve();
      };
      return session;
    });
    const first = lab.start({ connector });
    void first.submit(lab.job("one"));
    await committed.promise;
    expect(lab.holding("one")).toEqual([host]);
    await lab.kill(first);
    const lanes = lab.start();
    await lanes.recover();
    await lab.settled();
    expect(lab.holding("one")).toEqual([]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("is settled by the lane's next job, also without a recovery", async () => {
    await crashAt("confirming", "hangs-before");
    const lanes = lab.start();
    await lanes.submit(lab.job("two"));
    expect([lab.holding("one"), lab.holding("two")]).toEqual([[], ["mx1", "mx2"]]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("is settled before another lane touches one of its routers", async () => {
    await crashAt("confirming", "hangs-before");
    const lanes = lab.start();
    await lanes.submit(lab.job("alone", ["mx2"]));
    expect([lab.holding("one"), lab.holding("alone")]).toEqual([[], ["mx2"]]);
    expect(await lab.journal()).toMatchObject([
      { phase: "committing" },
      { phase: "settled", jobs: ["one"] },
      { phase: "committing", jobs: ["alone"] },
      { phase: "confirming" },
      { phase: "settled" },
    ]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });
});

describe("a log that fails", () => {
  it.each(["committing", "confirming"])("at %s: nothing stays on the routers", async (phase) => {
    let failing = true;
    const broken = logThat(lab.log, "fails", phase, () => {});
    const log = {
      ...broken,
      append: (...args: Parameters<typeof broken.append>) => (failing ? broken : lab.log).append(...args),
    };
    const lanes = lab.start({ log });
    await expect(lanes.submit(lab.job("one"))).rejects.toMatchObject({ device: "mx1,mx2" });
    expect(lab.holding("one")).toEqual([]);
    failing = false;
    await lanes.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("at settled: the job is done all the same, and the lane is settled later", async () => {
    let failing = true;
    const log = logThat(lab.log, "fails", "settled", () => {});
    const { append } = log;
    log.append = (...args) => (failing ? append : lab.log.append.bind(lab.log))(...args);
    const lanes = lab.start({ log });
    await lanes.submit(lab.job("one"));
    failing = false;
    await lanes.submit(lab.job("two"));
    for (const name of ["one", "two"]) expect(lab.holding(name)).toEqual(["mx1", "mx2"]);
    await lanes.stop();
    expect(lab.remains()).toEqual([]);
  });
});

it("two processes with the same lane: the lock and the journal keep them apart", async () => {
  const [one, other] = [lab.start(), lab.start()];
  const names = ["a", "b", "c", "d", "e", "f"];
  const until = async (name: string, index: number): Promise<void> => {
    for (;;) {
      const error = await (index % 2 === 0 ? one : other).submit(lab.job(name)).then(
        () => undefined,
        (thrown) => thrown,
      );
      if (error === undefined) return;
      expect(error).toMatchObject({ transient: true });
    }
  };
  await Promise.all(names.map(until));
  for (const name of names) expect(lab.holding(name)).toEqual(["mx1", "mx2"]);
  await Promise.all([one.stop(), other.stop()]);
  expect(lab.remains()).toEqual([]);
});
