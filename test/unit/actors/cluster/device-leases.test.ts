import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeviceLeases } from "../../../../src/actors/cluster/device-leases.ts";
import { openCluster, quiet, TTL_MS } from "./cluster-fixture.ts";

let cluster: Awaited<ReturnType<typeof openCluster>>;
beforeEach(async () => {
  cluster = await openCluster();
});
afterEach(() => cluster.close());

const never = new AbortController().signal;

async function editor(name: string) {
  const process = await cluster.join(name);
  return { ...process, leases: new DeviceLeases({ ...process, clock: cluster.clock }) };
}

describe("the right to edit a device", () => {
  it("is one process's at a time, and the next one's when it is given back", async () => {
    const a = await editor("a");
    const b = await editor("b");
    const held = await a.leases.acquire("10.0.0.1", never);
    let taken = false;
    const waiting = b.leases.acquire("10.0.0.1", never).then((lease) => {
      taken = true;
      return lease;
    });
    await quiet();
    expect(taken).toBe(false);
    held.check();
    await held.release();
    const next = await waiting;
    next.check();
    await next.release();
  });

  it("ends with its process: another has it within the time to live", async () => {
    const a = await editor("a");
    const b = await editor("b");
    const held = await a.leases.acquire("10.0.0.1", never);
    const waiting = b.leases.acquire("10.0.0.1", never);
    a.sever();
    await cluster.elapse(TTL_MS);
    await (await waiting).release();
    expect(() => held.check()).toThrow(expect.objectContaining({ code: "SB_LEASE_LOST", device: "10.0.0.1" }));
  });

  it("is lost by its holder's own clock before another can have it", async () => {
    const a = await editor("a");
    const b = await editor("b");
    const held = await a.leases.acquire("10.0.0.1", never);
    let taken = false;
    const waiting = b.leases.acquire("10.0.0.1", never).then((lease) => {
      expect(() => held.check()).toThrow(expect.objectContaining({ code: "SB_LEASE_LOST" }));
      taken = true;
      return lease;
    });
    a.sever();
    await cluster.elapse(TTL_MS * 2);
    expect(taken).toBe(true);
    await (await waiting).release();
  });

  it("comes back to a process whose giving back did not get through", async () => {
    const a = await editor("a");
    const held = await a.leases.acquire("10.0.0.1", never);
    a.sever();
    await held.release();
    a.mend();
    const again = await a.leases.acquire("10.0.0.1", never);
    again.check();
    await cluster.elapse(2_000);
    // The late giving back is of the former right, not of this one.
    const key = "/signalbox/devices/10.0.0.1";
    expect(await cluster.documents.get(key)).toMatchObject({ value: { owner: "a" } });
    await again.release();
    expect(await cluster.documents.get(key)).toBeUndefined();
  });

  it("is not waited for any more when the wait is given up", async () => {
    const a = await editor("a");
    const b = await editor("b");
    const held = await a.leases.acquire("10.0.0.1", never);
    const giveUp = new AbortController();
    const waiting = b.leases.acquire("10.0.0.1", giveUp.signal);
    await quiet();
    giveUp.abort(new Error("stopping"));
    await expect(waiting).rejects.toThrow("stopping");
    await held.release();
  });
});
