import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shareOf } from "../../../../src/actors/cluster/shares.ts";
import { Outbox } from "../../../../src/actors/outbox.ts";
import type { Json } from "../../../../src/actors/ports.ts";
import { ResourceIndex } from "../../../../src/actors/resource-index.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { absentResource } from "../../../../src/machines/resource/resource-machine.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { openCluster, quiet, TTL_MS } from "./cluster-fixture.ts";

let cluster: Awaited<ReturnType<typeof openCluster>>;
let stops: Array<() => Promise<void>>;
beforeEach(async () => {
  cluster = await openCluster();
  stops = [];
});
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  await cluster.close();
});

/** Commits a record of a resource that asks for a job; with a phase it also says how far that job is. */
async function commit(id: string, jobId: string, phase?: string): Promise<void> {
  const subject = `resource.network.${id}`;
  const empty = absentResource();
  const snapshot = {
    ...empty,
    value: { ...empty.value, lifecycle: "create_completed" },
    context: {
      ...empty.context,
      type: "network",
      collection: "networks",
      id,
      jobs:
        phase === undefined ? [] : [{ job: { id: jobId, handler: "heat_worker", params: [] }, phase, waitsFor: [] }],
    },
  };
  const ref = { type: "network", id };
  const offer = {
    kind: "offer",
    queue: "heat_worker",
    jobId,
    devices: [],
    delayMs: 0,
    messageId: jobId,
    resource: ref,
  };
  const record = { v: 1, event: "CREATE", before: "absent", after: "x", snapshot, documents: [], outbox: [offer] };
  const expectedSeq = (await cluster.log.last(subject))?.seq ?? 0;
  await cluster.log.append(subject, record as unknown as Json, { expectedSeq, messageId: jobId });
}

/** A process that hands out; `refuses`: its queue does not take jobs. */
async function dispatcher(name: string) {
  const process = await cluster.join(name);
  const index = new ResourceIndex();
  await index.start(cluster.log, () => {});
  const offered: string[] = [];
  const state = { refuses: false };
  const outbox = new Outbox({
    ...process,
    log: cluster.log,
    clock: cluster.clock,
    index,
    logger: silentLogger,
    command: async () => {},
    offer: async ({ jobId }) => {
      if (state.refuses) throw new SignalboxError("SB_STORE_FAILED", "the queue is full");
      offered.push(jobId);
    },
  });
  outbox.start();
  await quiet();
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await outbox.stop();
    await index.stop();
  };
  stops.push(stop);
  return { ...process, outbox, offered, state, stop };
}

const ids = Array.from({ length: 60 }, (_, number) => `n${number}`);

describe("what records ask for", () => {
  it("is handed out once, by the process that looks after the resource", async () => {
    const a = await dispatcher("a");
    const b = await dispatcher("b");
    for (const id of ids) await commit(id, `job-${id}`);
    await quiet();
    expect([...a.offered, ...b.offered].sort()).toEqual(ids.map((id) => `job-${id}`).sort());
    const share = (id: string) => shareOf(`network/${id}`);
    for (const id of ids) {
      expect(a.offered.includes(`job-${id}`)).toBe(a.membership.owns("actors", share(id)));
    }
  });

  it("is handed out in order, and again until it is taken", async () => {
    const a = await dispatcher("a");
    a.state.refuses = true;
    await commit("n1", "first");
    await commit("n1", "second");
    await cluster.elapse(500);
    expect(a.offered).toEqual([]);
    expect(a.outbox.isHandingOut({ type: "network", id: "n1" })).toBe(true);
    a.state.refuses = false;
    await cluster.elapse(6_000);
    expect(a.offered).toEqual(["first", "second"]);
    expect(a.outbox.isHandingOut({ type: "network", id: "n1" })).toBe(false);
  });

  it("is handed out by another when its process dies before it could", async () => {
    const a = await dispatcher("a");
    a.state.refuses = true;
    const b = await dispatcher("b");
    for (const id of ids) await commit(id, `job-${id}`);
    await quiet();
    expect(b.offered.length).toBeLessThan(ids.length);
    a.sever();
    await cluster.elapse(TTL_MS + 500);
    expect([...b.offered].sort()).toEqual(ids.map((id) => `job-${id}`).sort());
  });

  it("is offered again when nothing is heard of it, by the process that looks after the resource", async () => {
    const a = await dispatcher("a");
    const b = await dispatcher("b");
    for (const id of ids) await commit(id, `job-${id}`, "ready");
    await cluster.elapse(1_000);
    const once = a.offered.length + b.offered.length;
    expect(once).toBe(ids.length);
    await cluster.elapse(125_000);
    expect([...a.offered, ...b.offered].sort()).toEqual(ids.flatMap((id) => [`job-${id}`, `job-${id}`]).sort());
    expect(a.offered.filter((job) => b.offered.includes(job))).toEqual([]);
  });

  it("is not offered again when it is done, or while something is heard of its resource", async () => {
    const a = await dispatcher("a");
    await commit("done", "job-done", "finished");
    for (let at = 0; at < 6; at += 1) {
      await commit("busy", `job-${at}`, "working");
      await cluster.elapse(25_000);
    }
    expect(a.offered).toEqual(["job-done", ...Array.from({ length: 6 }, (_, at) => `job-${at}`)]);
  });

  it("is handed out after a restart when it was not before, and not again when it was", async () => {
    const first = await dispatcher("first");
    await commit("n1", "done");
    await quiet();
    first.state.refuses = true;
    await commit("n1", "open");
    await quiet();
    await first.stop();
    await first.membership.leave();
    const second = await dispatcher("second");
    await cluster.elapse(500);
    expect(second.offered).toEqual(["open"]);
  });

  it("is read again only from the mark on", async () => {
    const first = await dispatcher("first");
    for (const id of ids) await commit(id, `job-${id}`);
    await cluster.elapse(1_500);
    first.sever();
    await cluster.elapse(TTL_MS);
    const second = await dispatcher("second");
    await cluster.elapse(500);
    expect(second.offered).toEqual([]);
  });
});
