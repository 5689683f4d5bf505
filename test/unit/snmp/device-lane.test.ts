import { describe, expect, it } from "vitest";
import { DeviceLane, type Readings } from "../../../src/adapters/snmp/device-lane.ts";
import { SignalboxError } from "../../../src/errors.ts";

/** A device that writes down what it is asked, and answers each instance with its own name. */
function device(answer: (oids: readonly string[]) => Promise<void> = async () => undefined) {
  const asked: Array<{ community: string; oids: string[] }> = [];
  let inFlight = 0;
  let most = 0;
  const read = async (community: string, oids: readonly string[]): Promise<Readings> => {
    asked.push({ community, oids: [...oids] });
    inFlight += 1;
    most = Math.max(most, inFlight);
    try {
      await answer(oids);
    } finally {
      inFlight -= 1;
    }
    return new Map(oids.map((oid) => [oid, `${community} ${oid}`]));
  };
  return { asked, read, most: () => most };
}

describe("the lane of a device", () => {
  it("sends gets of one community together, each instance once", async () => {
    const { asked, read } = device();
    const lane = new DeviceLane(read, 10);
    const [first, second] = await Promise.all([lane.get("A", ["1.1", "1.2"]), lane.get("A", ["1.2", "1.3"])]);
    expect(asked).toEqual([{ community: "A", oids: ["1.1", "1.2", "1.3"] }]);
    expect(first.get("1.2")).toBe("A 1.2");
    expect(second.get("1.3")).toBe("A 1.3");
  });

  it("keeps communities apart and has one request in flight", async () => {
    const { asked, read, most } = device(() => new Promise(setImmediate));
    const lane = new DeviceLane(read, 10);
    await Promise.all([
      lane.get("A", ["1.1"]),
      lane.get("B", ["1.1"]),
      lane.get("A", ["1.2"]),
      lane.run(() => read("B", ["1.9"])),
    ]);
    expect(asked).toEqual([
      { community: "A", oids: ["1.1", "1.2"] },
      { community: "B", oids: ["1.1"] },
      { community: "B", oids: ["1.9"] },
    ]);
    expect(most()).toBe(1);
  });

  it("sends no more than the largest batch at once", async () => {
    const { asked, read } = device();
    const lane = new DeviceLane(read, 2);
    const readings = await lane.get("A", ["1.1", "1.2", "1.3"]);
    expect(asked.map(({ oids }) => oids)).toEqual([["1.1", "1.2"], ["1.3"]]);
    expect([...readings.keys()]).toEqual(["1.1", "1.2", "1.3"]);
  });

  it("asks one by one when the agent refuses a batch, so that only the guilty get fails", async () => {
    const { read } = device(async (oids) => {
      if (oids.includes("1.666")) throw new SignalboxError("SB_SNMP_FAILED", "GeneralError");
    });
    const lane = new DeviceLane(read, 10);
    const [good, bad, other] = await Promise.allSettled([
      lane.get("A", ["1.1"]),
      lane.get("A", ["1.666"]),
      lane.get("A", ["1.2"]),
    ]);
    expect([good.status, bad.status, other.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("does not ask a silent device again for each get of a batch", async () => {
    const { asked, read } = device(async () => {
      throw new SignalboxError("SB_SNMP_TIMEOUT", "silence");
    });
    const lane = new DeviceLane(read, 10);
    const results = await Promise.allSettled([lane.get("A", ["1.1"]), lane.get("A", ["1.2"])]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(asked).toHaveLength(1);
  });

  it("refuses a task that throws at once, and goes on: a device that is nowhere must not end the process", async () => {
    const { read } = device();
    const lane = new DeviceLane(read, 10);
    const nowhere = new SignalboxError("SB_DEVICE_NOT_IN_LAB", "the lab has no SNMP agent 192.0.2.1");
    const walk = lane.run(() => {
      throw nowhere;
    });
    const after = lane.get("A", ["1.1"]);
    await expect(walk).rejects.toBe(nowhere);
    expect((await after).get("1.1")).toBe("A 1.1");
  });

  it("rejects what waits when it ends, and what comes later", async () => {
    const { read } = device();
    const lane = new DeviceLane(read, 10);
    const waiting = lane.get("A", ["1.1"]);
    const reason = new SignalboxError("SB_SNMP_FAILED", "closed");
    lane.end(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(lane.run(async () => 1)).rejects.toBe(reason);
  });
});
